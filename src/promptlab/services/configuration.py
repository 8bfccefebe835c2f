"""Where each setting comes from, and a file to start one's own from."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from promptlab.adapters.ai.registry import provider_names, provider_spec
from promptlab.errors import Conflict, NotConfigured, PromptlabError
from promptlab.services.views import View
from promptlab.settings import ProviderSettings, Settings
from promptlab.settings.files import PROJECT_FILE, find_project_file, read_tables, user_config_file
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
"""


def shown(settings: Settings, flags: Mapping[str, Any]) -> list[View]:
    """Return every setting with its value and where that came from; secrets are struck out."""
    tables = list(read_tables())
    general = [name for name in type(settings).model_fields if name != "providers"]
    rows = [_row(name, _value(settings, name), _origin(name, settings, flags, tables)) for name in general]
    return rows + [row for name in provider_names() for row in _provider_rows(name, settings, tables)]


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


def _row(name: str, value: object, origin: str) -> View:
    shown = None if value is None else str(value)
    return {"name": name, "value": redact(shown) if shown and "://" in shown else shown, "from": origin}


def _value(settings: Settings, name: str) -> object:
    if name == "database_url":
        return redact(settings.database)
    return settings.storage if name == "storage_url" else getattr(settings, name)


def _origin(name: str, settings: Settings, flags: Mapping[str, Any], tables: list[tuple[Path, dict[str, Any]]]) -> str:
    if flags.get(name) is not None:
        return f"--{name.replace('_', '-')}"
    variable = f"PROMPTLAB_{name.upper()}"
    if os.environ.get(variable):
        return variable
    if settings.secrets_dir is not None and settings.secrets.get(variable):
        return "secrets"
    return next((str(path) for path, table in reversed(tables) if name in table), "default")


def _provider_rows(name: str, settings: Settings, tables: list[tuple[Path, dict[str, Any]]]) -> Iterator[View]:
    try:
        spec = provider_spec(name)
    except PromptlabError:
        return  # `provider list` says what is wrong with it
    found = settings.for_provider(name, key_variable=spec.key_variable, base_url_variable=spec.base_url_variable)
    vendors = {"api_key": spec.key_variable, "base_url": spec.base_url_variable}
    in_files = [(path, table.get("providers", {}).get(name, {})) for path, table in tables]
    for field in ProviderSettings.model_fields:
        value = getattr(found, field)
        if field == "api_key":
            value = None if value is None else _STRUCK_OUT
        variables = (f"PROMPTLAB_{name.upper().replace('-', '_')}_{field.upper()}", vendors.get(field))
        origin = next((variable for variable in variables if variable and os.environ.get(variable)), None)
        yield _row(f"{name}.{field}", value, origin or _in_files(field, in_files) or _otherwise(field, value))


def _in_files(field: str, tables: list[tuple[Path, dict[str, Any]]]) -> str | None:
    return next((str(path) for path, table in reversed(tables) if field in table), None)


def _otherwise(field: str, value: object) -> str:
    return "secrets" if field == "api_key" and value is not None else "default"
