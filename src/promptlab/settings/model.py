"""The settings themselves, and where each is looked for."""

import getpass
import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from promptlab.errors import NotConfigured, nearest
from promptlab.settings.files import default_home, expanded, read_settings_files
from promptlab.settings.secrets import Secrets
from promptlab.settings.urls import check_flag_url, normalise_database_url


def login_name() -> str:
    """Return the login name, or `unknown` where the machine has none (a container without a passwd entry)."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


class _FileFirstSettings(BaseSettings):
    """Takes init values for the lowest layer, so that the environment outranks what files say."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - pydantic-settings' own signature
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return env_settings, file_secret_settings, init_settings


class ProviderSettings(_FileFirstSettings):
    """What can be set per provider: `[providers.NAME]` in a file, `PROMPTLAB_NAME_…` in the environment."""

    model_config = SettingsConfigDict(extra="forbid", env_ignore_empty=True)

    base_url: str | None = None
    api_key: SecretStr | None = None
    allow_http: bool = False
    timeout: float = Field(default=600, gt=0, description="seconds one request may take altogether")
    attempts: int = Field(default=4, ge=1, le=20, description="requests for one generation before it counts as failed")
    concurrency: int = Field(default=4, ge=1, le=1024, description="requests in flight at once")


class Settings(_FileFirstSettings):
    """Everything a person can set, resolved."""

    model_config = SettingsConfigDict(env_prefix="PROMPTLAB_", extra="forbid", env_ignore_empty=True)

    home: Path = Field(default_factory=default_home)
    project: str = "default"
    rater: str = Field(default_factory=login_name)
    provider: str | None = None
    database_url: SecretStr | None = None
    storage_url: str | None = None
    storage_endpoint_url: str | None = None
    storage_region: str | None = None
    storage_encryption: str | None = Field(default=None, pattern=r"^(AES256|aws:kms)$")
    storage_kms_key: str | None = None
    storage_allow_http: bool = False
    link_expiry: str = "1h"
    ratings_per_generation: int | None = Field(default=None, ge=1)
    models_file: Path | None = None
    secrets_dir: Path | None = None
    aws_secret: str | None = None
    providers: dict[str, dict[str, Any]] = Field(default_factory=dict, repr=False)

    @field_validator("home", "models_file", "secrets_dir", mode="after")
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        return None if value is None else expanded(value)

    @cached_property
    def secrets(self) -> Secrets:
        return Secrets(self.secrets_dir, self.aws_secret)

    @property
    def database(self) -> str:
        """The database URL with its password: never show it, show `promptlab.settings.urls.redact` of it."""
        url = self.database_url.get_secret_value() if self.database_url else self.secrets.get("PROMPTLAB_DATABASE_URL")
        return normalise_database_url(url) if url else _sqlite_url(self.home / "promptlab.db")

    @property
    def storage(self) -> str:
        return self.storage_url or (self.home / "images").as_uri()

    @property
    def spool(self) -> Path:
        return self.home / "spool"

    def for_provider(self, name: str, *, key_variable: str | None, base_url_variable: str | None) -> ProviderSettings:
        """Return the settings of one provider; `key_variable` and `base_url_variable` are its vendor's own names."""
        where, table = f"providers.{name}", self.providers.get(name, {})
        _check_names(table, list(ProviderSettings.model_fields), where)
        with _readable_errors(where):
            found = _provider_settings(name, table, self.secrets_dir)
        if found.api_key is None and key_variable and (key := self.secrets.get(key_variable)):
            found.api_key = SecretStr(key)
        if found.base_url is None and base_url_variable:
            found.base_url = os.environ.get(base_url_variable) or None
        return found


def load(flags: Mapping[str, Any] | None = None) -> Settings:
    """Read every layer and return the settings; `flags` outrank everything and leave out what was not given.

    Raises:
        NotConfigured: an unknown or impossible setting, or a secret where none belongs.
    """
    flags = {name: value for name, value in (flags or {}).items() if value is not None}
    if "database_url" in flags:
        check_flag_url(str(flags["database_url"]))
    files = read_settings_files()
    _check_names(files, list(Settings.model_fields), "settings")
    with _readable_errors("settings"):
        settings = Settings(**files, **_secrets_argument(files.get("secrets_dir")))
        given = {name: SecretStr(str(value)) if name == "database_url" else str(value) for name, value in flags.items()}
        return settings.model_copy(update=given)


def _secrets_argument(from_files: object) -> dict[str, Any]:
    named = os.environ.get("PROMPTLAB_SECRETS_DIR") or from_files
    if not named:
        return {}
    folder = expanded(Path(str(named)))
    if not folder.is_dir():
        raise NotConfigured(f"The secrets folder {folder} does not exist.", hint="See PROMPTLAB_SECRETS_DIR.")
    return {"_secrets_dir": folder}


def _provider_settings(name: str, table: Mapping[str, Any], secrets_dir: Path | None) -> ProviderSettings:
    prefix = f"PROMPTLAB_{name.upper().replace('-', '_')}_"
    return ProviderSettings(**dict(table), _env_prefix=prefix, _secrets_dir=secrets_dir)


def _check_names(table: Mapping[str, Any], known: list[str], where: str) -> None:
    """Refuse unknown settings by their names, before a library takes one of them for an argument of its own."""
    for name in table:
        if name not in known:
            raise NotConfigured(f"Unknown setting {name!r} in {where}.{nearest(name, known)}")


def _sqlite_url(file: Path) -> str:
    try:
        return f"sqlite:///{quote(str(file), safe='/ ')}"
    except UnicodeEncodeError as error:
        raise NotConfigured(
            f"The folder {str(file.parent)!r} has a name that is not valid UTF-8, and no database URL can name it.",
            hint="Set PROMPTLAB_HOME to another.",
        ) from error


class _readable_errors:  # noqa: N801 - a context manager that reads like a word
    """Turns pydantic's validation errors into one sentence about the first of them, without its value."""

    def __init__(self, where: str) -> None:
        self.where = where

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, ValidationError):
            first = error.errors(include_input=False, include_url=False)[0]
            name = ".".join(str(part) for part in first["loc"])
            raise NotConfigured(f"The setting {name!r} in {self.where} is not usable: {first['msg']}.") from None
        if isinstance(error, SettingsError):  # a variable that is no JSON, a file of the secrets folder that is no text
            raise NotConfigured(f"One of the {self.where} cannot be read: {error}.") from None
