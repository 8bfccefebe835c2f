"""Where each setting comes from, and a file to start one's own from."""

from collections.abc import Iterator
from pathlib import Path

from promptlab.adapters.ai.registry import provider_spec, survey_provider
from promptlab.errors import Conflict, NotConfigured, PromptlabError
from promptlab.services.views import View
from promptlab.settings import ProviderSettings, Settings
from promptlab.settings.files import PROJECT_FILE, find_project_file, user_config_file
from promptlab.settings.installed import provider_names
from promptlab.settings.layers import Given, secret_of
from promptlab.settings.model import DATABASE_VARIABLE, GENERAL
from promptlab.settings.urls import redact

_STRUCK_OUT = "***"
_TEMPLATE = """\
# Settings of promptlab for this folder and all below it. The environment outranks them: PROMPTLAB_PROJECT and so on.
# No key and no password belongs here: keys are read from OPENAI_API_KEY and the like.

# project = "default"          # the project to work in
# provider = "openai"          # where a prompt names none
# rater = "ana"                # whose ratings these are; else your login name
# home = "promptlab"           # one folder for database, images and spool, counted from this file
# database_url = "postgresql://me@db.example.com/promptlab"
# storage_url = "s3://my-bucket/promptlab"
# link_expiry = "1h"           # how long signed links work
# ratings_per_generation = 3   # enough raters for one item

# [providers.openai]
# base_url = "http://127.0.0.1:8080/v1"
# timeout = 600                # seconds that one request may take
# attempts = 4                 # requests for one generation before it counts as failed
# concurrency = 4              # requests in flight at once
# requests_per_minute = 60     # as your account allows; so does images_per_minute

# [rubric]                     # what raters are asked beside the overall score
# overall = "Would I put it up as it is?"
# tags = ["hands", "text"]     # the issue tags that there are; without them any tag goes

# [rubric.criteria]
# likeness = "Is it what the prompt asks for?"
"""


def shown(settings: Settings) -> tuple[list[View], list[PromptlabError]]:
    """Return every setting with its value and where that came from, and what is wrong with any of them.

    Secrets are struck out; a value that cannot be used is shown as it was given.
    """
    problems = list(settings.layers.problems)
    rows = [_general_row(name, settings, problems) for name in GENERAL]
    for name in provider_names():
        try:
            rows += _provider_rows(name, settings, problems)
        except PromptlabError as error:
            problems.append(error)
    return rows, problems


def paths() -> list[View]:
    """Return the files that settings are read from, in the order in which they count, and whether they are there."""
    project = find_project_file() or Path(PROJECT_FILE)
    found = (("project", project), ("user", user_config_file()))
    return [{"kind": kind, "path": str(path), "exists": path.is_file()} for kind, path in found]


def write_template(folder: Path) -> Path:
    """Write a commented `promptlab.toml` into the folder and return its path.

    Raises:
        Conflict: there is one already.
        NotConfigured: the folder cannot be written.
    """
    path = folder / PROJECT_FILE
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(_TEMPLATE)
    except FileExistsError as error:
        raise Conflict(f"{path} is there already.", hint="Edit it, or remove it first.") from error
    except OSError as error:
        raise NotConfigured(f"{path} cannot be written: {error.strerror}.") from error
    return path


def _general_row(name: str, settings: Settings, problems: list[PromptlabError]) -> View:
    """Return one setting, and note where its value cannot be had."""
    given = settings.layers.general.get(name)
    if name in settings.layers.unusable and given:
        return _row(name, given.shown, given)
    if name != "database_url":
        return _row(name, settings.storage if name == "storage_url" else getattr(settings, name), given)
    try:
        elsewhere = settings.secrets.get(DATABASE_VARIABLE) if given is None else None
        return _row(name, redact(settings.database), secret_of(DATABASE_VARIABLE, elsewhere) if elsewhere else given)
    except PromptlabError as error:
        problems.append(error)
        return _row(name, None, given)


def _provider_rows(name: str, settings: Settings, problems: list[PromptlabError]) -> Iterator[View]:
    """Yield the settings of one provider, and note what is wrong with them."""
    spec = provider_spec(name)
    found, layers = survey_provider(spec, settings)
    problems += layers.problems
    for field in ProviderSettings.model_fields:
        given = layers.general.get(field)
        value = given.shown if given and field in layers.unusable else getattr(found, field)
        yield _row(f"{name}.{field}", _STRUCK_OUT if field == "api_key" and value else value, given)


def _row(name: str, value: object, given: Given | None) -> View:
    shown = None if value is None else str(value)
    place = given.place if given else "default"
    return {"name": name, "value": redact(shown) if shown and "://" in shown else shown, "from": place}
