"""Looking at everything that promptlab depends on, one thing after the other, whatever is wrong with the others."""

import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from uuid import uuid4

from sqlalchemy import text

from promptlab import __version__
from promptlab.adapters.ai.protocol import ProviderError
from promptlab.adapters.ai.registry import missing, open_provider, provider_names, provider_spec
from promptlab.adapters.storage.registry import open_storage
from promptlab.db import schema
from promptlab.db.engine import Database, open_database, sqlite_file
from promptlab.errors import NotConfigured, PromptlabError, Unreachable, nearest
from promptlab.services.spool import Spool
from promptlab.services.views import View
from promptlab.settings import ProviderSettings, Settings

Look = Callable[[], str | None]
"""Returns a sentence about what is well, None for what is not in use; raises PromptlabError with how to mend it."""

_LITTLE_ROOM = 500_000_000


def examine(settings: Settings, *, online: bool) -> Iterator[View]:
    """Yield a finding for each dependency: `ok` is None for what is not in use. `online` asks the providers."""
    yield _found("python", _python)
    yield _found("settings", lambda: _settings(settings))
    yield _found("database", lambda: _database(settings))
    yield _found("storage", lambda: _storage(settings))
    yield _found("spool", lambda: _spool(settings))
    for name in provider_names():
        yield _found(name, partial(_provider, name, settings, online=online))


def finding(name: str, *, ok: bool | None, message: str, hint: str | None = None) -> View:
    """Return one finding as JSON data."""
    return {"name": name, "ok": ok, "message": message, "hint": hint}


def _found(name: str, look: Look) -> View:
    try:
        said = look()
    except PromptlabError as error:
        return finding(name, ok=False, message=error.message, hint=error.hint)
    except ProviderError as error:
        return finding(name, ok=False, message=error.message)
    except OSError as error:
        return finding(name, ok=False, message=f"{error.filename or name}: {error.strerror}.")
    return finding(name, ok=None if said is None else True, message=said or "not in use: no key, nothing set")


def _python() -> str:
    return f"promptlab {__version__}, Python {platform.python_version()} at {sys.executable}"


def _settings(settings: Settings) -> str:
    known = {f"PROMPTLAB_{name}".upper() for name in Settings.model_fields}
    for provider in provider_names():
        known |= {f"PROMPTLAB_{provider.replace('-', '_')}_{name}".upper() for name in ProviderSettings.model_fields}
    for name in settings.providers:
        if name not in provider_names():
            raise NotConfigured(f"[providers.{name}] names no provider.{nearest(name, provider_names())}")
    for name in os.environ:
        if name.startswith("PROMPTLAB_") and name not in known and not name.startswith("PROMPTLAB_TEST_"):
            raise NotConfigured(
                f"{name} is no setting.{nearest(name, sorted(known))}", hint="See `promptlab config show`."
            )
    return "all known; `promptlab config show` says where each comes from"


def _database(settings: Settings) -> str:
    file = sqlite_file(settings.database)
    database = open_database(settings.database)
    try:
        if file is not None and not file.exists():
            return f"{database.shown} is not there yet; the first use makes it. {_room(file)}"
        schema.require_current(database)
        return f"{database.shown}, schema {schema.REVISION}. {_room(file) if file else _encryption(database)}"
    finally:
        database.close()


def _room(file: Path) -> str:
    folder = next(parent for parent in file.absolute().parents if parent.exists())
    free = shutil.disk_usage(folder).free
    if free < _LITTLE_ROOM:
        raise Unreachable(f"Only {free // 1_000_000} MB are free at {folder}.", hint="Make room there.")
    return f"{free / 1e9:.0f} GB free."


def _encryption(database: Database) -> str:
    with database.reading() as session:
        row = session.connection().execute(text("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")).scalar()
    return "The connection is encrypted." if row else "The connection is not encrypted."


def _storage(settings: Settings) -> str:
    storage, data, path = (
        open_storage(settings),
        b"promptlab looks whether it can write here\n",
        f".probe/{uuid4().hex}",
    )
    url = storage.upload(data, path, "text/plain")
    try:
        if storage.read(url) != data:
            raise Unreachable(f"{settings.storage} gives back other bytes than were written.")
        storage.signed_url(url, 60)
    finally:
        storage.delete(url)
    return f"{settings.storage}: writes, reads, signs links and deletes."


def _spool(settings: Settings) -> str:
    Spool(settings.spool).require_room()
    waiting = sum(1 for path in settings.spool.rglob("*") if path.is_file() and path.suffix != ".aside")
    return f"{settings.spool} can be written." + (f" {waiting} answers wait to be stored." if waiting else "")


def _provider(name: str, settings: Settings, *, online: bool) -> str | None:
    lacks = missing(name, settings)
    if lacks is not None and not _is_wanted(name, settings):
        return None
    if lacks is not None:
        raise NotConfigured(lacks)
    if not online:
        return "ready; --online asks it"
    with closing(open_provider(name, settings)) as provider:
        return provider.check()


def _is_wanted(name: str, settings: Settings) -> bool:
    """Say whether somebody has set anything for this provider, so that what is missing is missed."""
    spec = provider_spec(name)
    found = settings.for_provider(name, key_variable=spec.key_variable, base_url_variable=spec.base_url_variable)
    return settings.provider == name or name in settings.providers or found.base_url is not None or bool(found.api_key)
