"""`promptlab.toml`, found upward from the working directory, over the user's own config file."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from promptlab.errors import NotConfigured
from promptlab.settings.secrets import is_secret_name
from promptlab.settings.toml import read_toml
from promptlab.settings.urls import has_password

PROJECT_FILE = "promptlab.toml"

_RELATIVE_SQLITE = re.compile(r"^sqlite:///(?=[^/])(?!:memory:|[A-Za-z]:)")
_PATHS = ("home", "models_file", "secrets_dir")
_PROVIDER_TABLE = "Write [providers.openai] on a line of its own, and below it attempts = 2 and the like."


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
        raise NotConfigured(
            f"The path {path} names a home folder that does not exist.", hint="See PROMPTLAB_HOME."
        ) from error


def find_project_file(start: Path | None = None) -> Path | None:
    """Return the nearest `promptlab.toml` at or above `start` (the working directory), None without one."""
    try:
        folder = (start or Path.cwd()).absolute()
    except FileNotFoundError:  # somebody has deleted the folder that one stands in
        return None
    candidates = (parent / PROJECT_FILE for parent in (folder, *folder.parents))
    return next((path for path in candidates if path.is_file()), None)


@dataclass(frozen=True, kw_only=True)
class SettingsFile:
    """A file of settings: what it says that can be used, and what is wrong with the rest."""

    path: Path
    table: Mapping[str, Any] = field(default_factory=dict, repr=False)
    providers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, repr=False)
    problems: Sequence[NotConfigured] = ()


def read_files() -> list[SettingsFile]:
    """Return the files that there are: the user's own first, which the project's outranks."""
    paths = (_user_config_file_if_any(), find_project_file())
    return [_read(path) for path in paths if path is not None and path.is_file()]


def _user_config_file_if_any() -> Path | None:
    try:
        return user_config_file()
    except NotConfigured:  # a home that is none is told as the setting that it is
        return None


def _read(path: Path) -> SettingsFile:
    try:
        whole = read_toml(path, called=str(path))
    except NotConfigured as error:
        return SettingsFile(path=path, problems=[error])
    except OSError as error:
        unreadable = NotConfigured(f"{path} cannot be read: {error.strerror}.", hint="Make it readable, or remove it.")
        return SettingsFile(path=path, problems=[unreadable])
    problems = list(_secrets_in(path, whole))
    tables, providers = whole.pop("providers", {}), {}
    if not isinstance(tables, dict):
        problems.append(NotConfigured(f"{path}: `providers` must be tables.", hint=_PROVIDER_TABLE))
        tables = {}
    for name, table in tables.items():
        if isinstance(table, dict):
            providers[name] = _without_secrets(table)
        else:
            problems.append(NotConfigured(f"{path}: [providers.{name}] must be a table.", hint=_PROVIDER_TABLE))
    general = {name: _seen_from(path.parent, name, value) for name, value in _without_secrets(whole).items()}
    return SettingsFile(path=path, table=general, providers=providers, problems=problems)


def _seen_from(folder: Path, name: str, value: Any) -> Any:
    """Return the setting with a relative path in it made absolute: it is relative to the file, wherever one works."""
    if name in _PATHS and isinstance(value, str):
        return value if value.startswith("~") else str((folder / value).absolute())
    if name == "database_url" and isinstance(value, str):
        return _RELATIVE_SQLITE.sub(rf"\g<0>{quote(str(folder.absolute()))}/", value)
    return value


def _without_secrets(table: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in table.items() if not is_secret_name(name) and not _has_password(value)}


def _secrets_in(path: Path, table: Mapping[str, Any], prefix: str = "") -> Iterator[NotConfigured]:
    """Yield a complaint about each secret in the table and the tables in it."""
    for name, value in table.items():
        whole = f"{prefix}{name}"
        if isinstance(value, dict):
            yield from _secrets_in(path, value, f"{whole}.")
        elif is_secret_name(whole):
            yield NotConfigured(
                f"{path} holds a key or password in {whole!r}; a file of settings is no place for one.",
                hint="Put it in the variable that the vendor's own tools use (OPENAI_API_KEY, …)"
                " or in a secrets folder.",
            )
        elif _has_password(value):
            yield NotConfigured(
                f"{path} holds a password in {whole!r}; a file of settings is no place for one.",
                hint=f"Put the whole URL in the environment, {_variable(whole)}"
                + (", or the password in PGPASSWORD." if whole == "database_url" else "."),
            )


def _has_password(value: object) -> bool:
    return isinstance(value, str) and has_password(value)


def _variable(name: str) -> str:
    return f"PROMPTLAB_{name.removeprefix('providers.').upper().replace('.', '_').replace('-', '_')}"
