"""The settings themselves, and where each is looked for."""

import getpass
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from pydantic import BaseModel, Field, InstanceOf, PrivateAttr, SecretStr, field_validator

from promptlab.errors import InvalidInput, NotConfigured, PromptlabError
from promptlab.settings.durations import parse_duration
from promptlab.settings.files import default_home, expanded, read_files
from promptlab.settings.layers import (
    Given,
    Layers,
    from_environment,
    from_files,
    from_flags,
    from_folder,
    told_as_given,
    unknown,
    validated,
)
from promptlab.settings.provider import ProviderSettings, survey_provider
from promptlab.settings.rubric import Rubric, parse_rubric
from promptlab.settings.secrets import Secrets
from promptlab.settings.urls import check_flag_url, normalise_database_url
from promptlab.settings.variables import unknown_variables

PREFIX = "PROMPTLAB_"
DATABASE_VARIABLE = f"{PREFIX}DATABASE_URL"

_SHORTEST_LEASE_SECONDS = 2


def login_name() -> str:
    """Return the login name, or `unknown` where the machine has none (a container without a passwd entry)."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


class Settings(BaseModel):
    """Everything a person can set, resolved. A description says what is expected, as complaints do."""

    _at_once: int | None = PrivateAttr(default=None)

    home: Path = Field(default_factory=default_home, description="a folder such as ~/promptlab")
    project: str = Field(
        default="default",
        pattern=r"\A[A-Za-z0-9][A-Za-z0-9_.-]{0,99}\z",
        description="a name such as spring, of letters, digits, '_', '-' and '.', up to 100 of them",
    )
    rater: str = Field(default_factory=login_name, description="a name such as ana")
    provider: str | None = Field(default=None, description="the name of a provider such as openai")
    database_url: SecretStr | None = Field(default=None, description="sqlite:///FILE or postgresql://USER@HOST/NAME")
    storage_url: str | None = Field(default=None, description="file:///FOLDER or s3://BUCKET/PREFIX")
    storage_endpoint_url: str | None = Field(default=None, description="an address such as https://host")
    storage_region: str | None = Field(default=None, description="a region such as eu-central-1")
    storage_encryption: Literal["AES256", "aws:kms"] | None = Field(default=None, description="AES256 or aws:kms")
    storage_kms_key: str | None = Field(default=None, description="the name of a key of KMS")
    storage_allow_http: bool = Field(default=False, description="true or false")
    link_expiry: str = Field(default="1h", description="a duration such as 30min, 1h or 7d")
    lease: str = Field(default="2min", description="a duration from 2s, such as 2min")
    ratings_per_generation: int | None = Field(default=None, ge=1, description="a whole number from 1")
    rubric: InstanceOf[Rubric] | None = Field(default=None, description="a table with criteria and tags")
    models_file: Path | None = Field(default=None, description="a file such as models.toml")
    secrets_dir: Path | None = Field(default=None, description="a folder that exists")
    aws_secret: str | None = Field(default=None, description="the name of a secret in AWS Secrets Manager")
    layers: InstanceOf[Layers] = Field(default_factory=Layers, repr=False)
    """Where all of it comes from, and what is set for each provider."""

    @field_validator("home", "models_file", "secrets_dir", mode="after")
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        try:
            return None if value is None else expanded(value)
        except NotConfigured as error:
            raise ValueError from error

    @field_validator("secrets_dir", mode="after")
    @classmethod
    def _there(cls, value: Path | None) -> Path | None:
        """Refuse a folder that is missing: silence would look as if there were no key."""
        if value is not None and not value.is_dir():
            raise ValueError
        return value

    @field_validator("rubric", mode="before")
    @classmethod
    def _rubric(cls, value: object) -> Rubric | None:
        return None if value is None else parse_rubric(value)

    @field_validator("link_expiry", mode="after")
    @classmethod
    def _duration(cls, value: str) -> str:
        try:
            parse_duration(value)
        except InvalidInput as error:
            raise ValueError from error
        return value

    @field_validator("lease", mode="after")
    @classmethod
    def _long_enough(cls, value: str) -> str:
        if parse_duration(cls._duration(value)) < _SHORTEST_LEASE_SECONDS:
            raise ValueError
        return value

    @cached_property
    def secrets(self) -> Secrets:
        return Secrets(self.secrets_dir, self.aws_secret)

    @property
    def database(self) -> str:
        """The database URL with its password: never show it, show `promptlab.settings.urls.redact` of it."""
        url = self.database_url.get_secret_value() if self.database_url else self.secrets.get(DATABASE_VARIABLE)
        return normalise_database_url(url) if url else _sqlite_url(self.home / "promptlab.db")

    @property
    def storage(self) -> str:
        return self.storage_url or (self.home / "images").as_uri()

    @property
    def spool(self) -> Path:
        return self.home / "spool"

    def advice(self, hint: str | None) -> str | None:
        """Return a hint that speaks of settings by their variables with the places where these are really set."""
        return told_as_given(hint, self.layers.general, prefix=PREFIX) if hint else hint

    def for_provider(
        self, name: str, *, key_variable: str | None, base_url_variable: str | None, concurrency: int | None = None
    ) -> ProviderSettings:
        """Return the settings of one provider.

        `key_variable` and `base_url_variable` are its vendor's own names, `concurrency` is a default of its own.

        Raises:
            NotConfigured: an unknown or impossible one.
        """
        found, layers = self.survey_provider(
            name, key_variable=key_variable, base_url_variable=base_url_variable, concurrency=concurrency
        )
        for problem in layers.problems:
            raise problem
        return found if self._at_once is None else found.model_copy(update={"concurrency": self._at_once})

    def for_run(self, *, concurrency: int | None) -> "Settings":
        """Return the settings of a run that asks every provider for so many at once; None: as each one's say."""
        settings = self.model_copy()
        settings._at_once = concurrency
        return settings

    def survey_provider(
        self, name: str, *, key_variable: str | None, base_url_variable: str | None, concurrency: int | None = None
    ) -> tuple[ProviderSettings, Layers]:
        """Return the same as far as it can be used, with where it comes from and what is wrong with the rest."""
        table = self.layers.providers.get(name, {})
        return survey_provider(
            name,
            table,
            self.secrets,
            key_variable=key_variable,
            base_url_variable=base_url_variable,
            concurrency=concurrency,
        )


GENERAL = [name for name in Settings.model_fields if name != "layers"]
"""The settings that are not a provider's."""


def load(flags: Mapping[str, Any] | None = None) -> Settings:
    """Read every layer and return the settings; `flags` outrank everything and leave out what was not given.

    Raises:
        NotConfigured: an unknown or impossible setting, or a secret where none belongs.
        InvalidInput: a flag that cannot be used.
    """
    settings = survey(flags)
    for problem in settings.layers.problems:
        raise problem
    return settings


def survey(flags: Mapping[str, Any] | None = None) -> Settings:
    """Return the settings as far as they can be used; `layers.problems` has a complaint about each that cannot.

    Raises:
        InvalidInput: a flag holds a password.
    """
    flags = flags or {}
    if flags.get("database_url") is not None:
        check_flag_url(str(flags["database_url"]))
    files = read_files()
    in_files, environment = from_files(files), from_environment(GENERAL, prefix=PREFIX)
    in_place = [problem for file in files for problem in file.problems]
    given = {name: each for name, each in {**in_files.general, **environment}.items() if name in GENERAL}
    in_secrets, unreadable = _in_secrets_folder(given)
    given = {**given, **in_secrets, **environment, **from_flags(flags)}
    settings, unusable = validated(Settings, given)
    strange = (*unknown(in_files.general, GENERAL), *unknown_variables(GENERAL, prefix=PREFIX))
    problems = (*in_place, *strange, *unreadable, *unusable.values())
    settings.layers = Layers(given, in_files.providers, problems, frozenset(unusable))
    return settings


def _in_secrets_folder(given: Mapping[str, Given]) -> tuple[dict[str, Given], Sequence[PromptlabError]]:
    """Return what the secrets folder that is named holds of the settings; one that is unusable is told elsewhere."""
    named, _wrong = validated(Settings, {name: given[name] for name in given if name == "secrets_dir"})
    try:
        return from_folder(GENERAL, named.secrets, prefix=PREFIX), []
    except NotConfigured as error:
        return {}, [error]


def _sqlite_url(file: Path) -> str:
    try:
        return f"sqlite:///{quote(str(file), safe='/ ')}"
    except UnicodeEncodeError as error:
        raise NotConfigured(
            f"The folder {str(file.parent)!r} has a name that is not valid UTF-8, and no database URL can name it.",
            hint="Set PROMPTLAB_HOME to another.",
        ) from error
