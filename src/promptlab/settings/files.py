"""`promptlab.toml`, found upward from the working directory, over the user's own config file."""

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from promptlab.errors import NotConfigured
from promptlab.settings.urls import has_password

PROJECT_FILE = "promptlab.toml"

_SECRET_NAME = re.compile(r"(^|[_-])(api[_-]?key|key|password|passwd|token|secret)$", re.IGNORECASE)
_NOT_SECRET = frozenset({"aws_secret", "storage_kms_key"})
_RELATIVE_SQLITE = re.compile(r"^sqlite:///(?=[^/])(?!:memory:|[A-Za-z]:)")
_PATHS = ("home", "models_file", "secrets_dir")


def default_home() -> Path:
    """Return the folder for database, images and spool where `PROMPTLAB_HOME` names none."""
    import platformdirs

    return platformdirs.user_data_path("promptlab")


def user_config_file() -> Path:
    """Return where the user's own config file lies: in `PROMPTLAB_HOME` if that is set."""
    if home := os.environ.get("PROMPTLAB_HOME"):
        return expanded(Path(home)) / "config.toml"
    import platformdirs

    return platformdirs.user_config_path("promptlab") / "config.toml"


def expanded(path: Path) -> Path:
    """Return the path, absolute and with `~` replaced by a home folder; raises NotConfigured without such a home."""
    try:
        return path.expanduser().absolute()
    except RuntimeError as error:
        raise NotConfigured(f"The path {path} names a home folder that does not exist.") from error


def find_project_file(start: Path | None = None) -> Path | None:
    """Return the nearest `promptlab.toml` at or above `start` (the working directory), None without one."""
    try:
        folder = (start or Path.cwd()).absolute()
    except FileNotFoundError:  # somebody has deleted the folder that one stands in
        return None
    candidates = (parent / PROJECT_FILE for parent in (folder, *folder.parents))
    return next((path for path in candidates if path.is_file()), None)


def read_tables() -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield the files that there are and what each holds: the user's own first, which the project's outranks."""
    for path in (user_config_file(), find_project_file()):
        if path is not None and path.is_file():
            yield path, _read(path)


def read_settings_files() -> dict[str, Any]:
    """Return the settings of both files, the project's over the user's, provider tables merged key by key."""
    merged: dict[str, Any] = {}
    providers: dict[str, dict[str, Any]] = {}
    for path, table in read_tables():
        for name, settings in _providers(path, table):
            providers.setdefault(name, {}).update(settings)
        merged.update(table)
    return {**merged, "providers": providers} if providers else merged


def _read(path: Path) -> dict[str, Any]:
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise NotConfigured(f"{path} is not valid TOML: {error}.") from error
    except OSError as error:
        raise NotConfigured(f"{path} cannot be read: {error.strerror}.") from error
    for name, value in _leaves(table):
        _refuse_secret(path, name, value)
    return {name: _seen_from(path.parent, name, value) for name, value in table.items()}


def _seen_from(folder: Path, name: str, value: Any) -> Any:
    """Return the setting with a relative path in it made absolute: it is relative to the file, wherever one works."""
    if name in _PATHS and isinstance(value, str):
        return str(expanded(Path(value) if value.startswith("~") else folder / value))
    if name == "database_url" and isinstance(value, str):
        return _RELATIVE_SQLITE.sub(rf"\g<0>{quote(str(folder.absolute()))}/", value)
    return value


def _providers(path: Path, table: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Take the tables of the providers out of the file's table."""
    tables = table.pop("providers", {})
    if not isinstance(tables, dict):
        raise NotConfigured(f"{path}: `providers` must be tables: [providers.openai] and the like.")
    for name, settings in tables.items():
        if not isinstance(settings, dict):
            raise NotConfigured(f"{path}: [providers.{name}] must be a table.")
        yield name, settings


def _leaves(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _refuse_secret(path: Path, name: str, value: object) -> None:
    last = name.rpartition(".")[2]
    if last not in _NOT_SECRET and _SECRET_NAME.search(last):
        raise NotConfigured(
            f"{path} holds a key or password in {name!r}; a file of settings is no place for one.",
            hint="Put it in the variable that the vendor's own tools use (OPENAI_API_KEY, …) or in a secrets folder.",
        )
    if isinstance(value, str) and has_password(value):
        variable = f"PROMPTLAB_{name.removeprefix('providers.').upper().replace('.', '_').replace('-', '_')}"
        raise NotConfigured(
            f"{path} holds a password in {name!r}; a file of settings is no place for one.",
            hint=f"Put the whole URL in the environment, {variable}"
            + (", or the password in PGPASSWORD." if name == "database_url" else "."),
        )
