"""Looking at everything that promptlab depends on, one thing after the other, whatever is wrong with the others."""

import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from uuid import uuid4

from sqlalchemy import text

from promptlab import __version__
from promptlab.adapters.ai.registry import (
    is_wanted,
    missing,
    provider_spec,
    require_ready,
    survey_provider,
)
from promptlab.adapters.storage.protocol import Storage
from promptlab.adapters.storage.registry import open_storage
from promptlab.db import schema
from promptlab.db.engine import Database, open_database, sqlite_file
from promptlab.errors import InvalidInput, NotConfigured, PromptlabError, Unreachable
from promptlab.services.providers import ask_provider
from promptlab.services.remedies import complaints
from promptlab.services.spool import Spool
from promptlab.services.views import View
from promptlab.settings import Settings
from promptlab.settings.durations import parse_duration
from promptlab.settings.installed import provider_names

Look = Callable[[], str | None]
"""Returns a sentence about what is well, None for what is not in use; raises PromptlabError with how to mend it."""

_LITTLE_ROOM = 500_000_000


def examine(settings: Settings, *, online: bool) -> Iterator[View]:
    """Yield a finding for each dependency: `ok` is None for what is not in use. `online` asks the providers.

    The settings may be incomplete, as `promptlab.settings.survey` returns them.
    """
    for found in _findings(settings, online=online):
        yield {**found, "hint": settings.advice(found["hint"])}


def finding(name: str, *, ok: bool | None, message: str, hint: str | None = None) -> View:
    """Return one finding as JSON data."""
    return {"name": name, "ok": ok, "message": message, "hint": hint}


def _findings(settings: Settings, *, online: bool) -> Iterator[View]:
    yield _found("python", _python)
    yield from _settings(settings)
    yield _found("database", lambda: _database(settings))
    yield _found("storage", lambda: _storage(settings))
    yield _found("spool", lambda: _spool(settings))
    for name in provider_names():
        problems = _setting_problems(name, settings)
        yield from (finding(name, ok=False, message=each.message, hint=each.hint) for each in problems)
        if not problems:
            yield _found(name, partial(_provider, name, settings, online=online))


def _setting_problems(name: str, settings: Settings) -> Sequence[PromptlabError]:
    """Return everything that is wrong with the settings of a provider, or what keeps one from looking."""
    try:
        return survey_provider(provider_spec(name), settings)[1].problems
    except PromptlabError as error:
        return [error]


def _found(name: str, look: Look) -> View:
    try:
        said = look()
    except PromptlabError as error:
        return finding(name, ok=False, message=error.message, hint=error.hint)
    except OSError as error:
        message = f"{error.filename or name}: {error.strerror}."
        return finding(name, ok=False, message=message, hint="See whether it is there and you may use it.")
    return finding(name, ok=None if said is None else True, message=said or "not in use: no key, nothing set")


def _python() -> str:
    return f"promptlab {__version__}, Python {platform.python_version()} at {sys.executable}"


def _settings(settings: Settings) -> Iterator[View]:
    problems = [*settings.layers.problems, *complaints(settings)]
    for problem in problems:
        yield finding("settings", ok=False, message=problem.message, hint=problem.hint)
    if settings.layers.problems:
        what = "What follows is looked at without the settings above that cannot be used."
        yield finding("settings", ok=None, message=what)
    if not problems:
        yield finding("settings", ok=True, message="all known; `promptlab config show` says where each comes from")


def _database(settings: Settings) -> str:
    file = sqlite_file(settings.database)
    with closing(open_database(settings.database)) as database:
        if file is not None and not file.exists():
            return f"{database.shown} is not there yet; the first use makes it. {_room(file)}"
        schema.require_current(database)
        with database.transaction():  # in SQLite it begins as a write does: a file that is only readable is told
            return f"{database.shown}, schema {schema.REVISION}. {_room(file) if file else _encryption(database)}"


def _room(file: Path) -> str:
    """Return how much room there is for a file; raises OSError where its folder takes none."""
    folder = next(parent for parent in file.absolute().parents if parent.exists())
    try:
        with tempfile.TemporaryFile(dir=folder):
            free = shutil.disk_usage(folder).free
    except OSError as error:  # it names a file that nobody has heard of
        raise OSError(error.errno, error.strerror, str(folder)) from error
    if free < _LITTLE_ROOM:
        raise Unreachable(f"Only {free // 1_000_000} MB are free at {folder}.", hint="Make room there.")
    return f"{free / 1e9:.0f} GB free."


def _encryption(database: Database) -> str:
    with database.reading() as session:
        row = session.connection().execute(text("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")).scalar()
    return "The connection is encrypted." if row else "The connection is not encrypted."


def _storage(settings: Settings) -> str:
    storage, data = open_storage(settings), b"promptlab looks whether it can write here\n"
    url = storage.upload(data, f".probe/{uuid4().hex}", "text/plain")
    try:
        if storage.read(url) != data:
            raise Unreachable(
                f"{settings.storage} gives back other bytes than were written.",
                hint="Set PROMPTLAB_STORAGE_URL to another place: images would be damaged here.",
            )
        _sign(storage, url, settings)
    finally:
        storage.delete(url)
    return f"{settings.storage}: writes, reads, signs links and deletes."


def _sign(storage: Storage, url: str, settings: Settings) -> None:
    """Make a link that lives as long as the settings say, which S3 does not allow of any."""
    try:
        storage.signed_url(url, parse_duration(settings.link_expiry))
    except InvalidInput as error:
        raise NotConfigured(error.message, hint="Set PROMPTLAB_LINK_EXPIRY to 1h or 7d.") from error


def _spool(settings: Settings) -> str:
    Spool(settings.spool).require_room()
    waiting = sum(
        1 for path in settings.spool.rglob("*") if path.is_file() and path.name[0].isdigit() and path.suffix != ".aside"
    )
    wait = "1 answer waits" if waiting == 1 else f"{waiting} answers wait"
    return f"{settings.spool} can be written." + (f" {wait} to be stored." if waiting else "")


def _provider(name: str, settings: Settings, *, online: bool) -> str | None:
    spec = provider_spec(name)
    if missing(name, settings) is not None and not is_wanted(spec, settings):
        return None
    require_ready(name, settings)
    if not online:
        return "ready; --online asks it"
    return ask_provider(name, settings)
