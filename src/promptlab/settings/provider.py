"""What can be set per provider, and where it is looked for."""

import os
from collections.abc import Mapping

from pydantic import BaseModel, Field, SecretStr

from promptlab.settings.layers import (
    Given,
    Layers,
    from_environment,
    from_folder,
    from_variable,
    secret_of,
    unknown,
    validated,
)
from promptlab.settings.secrets import Secrets

_SLOWEST, _FASTEST = 0.01, 100_000
_PER_MINUTE = f"a number from {_SLOWEST} to {_FASTEST} such as 60"


class ProviderSettings(BaseModel):
    """What can be set per provider: `[providers.NAME]` in a file, `PROMPTLAB_NAME_…` in the environment.

    A description says what is expected, as complaints do.
    """

    base_url: str | None = Field(default=None, description="an address such as https://host/v1")
    api_key: SecretStr | None = Field(default=None, description="a key")
    allow_http: bool = Field(default=False, description="true or false")
    timeout: float = Field(default=600, gt=0, le=86_400, description="a number of seconds such as 600")
    attempts: int = Field(default=4, ge=1, le=20, description="a whole number from 1 to 20")
    concurrency: int = Field(default=4, ge=1, le=1024, description="a whole number from 1 to 1024")
    requests_per_minute: float | None = Field(default=None, ge=_SLOWEST, le=_FASTEST, description=_PER_MINUTE)
    images_per_minute: float | None = Field(default=None, ge=_SLOWEST, le=_FASTEST, description=_PER_MINUTE)

    def attempts_with(self, max_retries: int | None) -> int:
        """Return how often a request may be sent that a batch wants sent again so often; None: as set here."""
        return self.attempts if max_retries is None else max_retries + 1

    @property
    def key(self) -> str:
        """The key as it is sent, empty where there is none: never show it."""
        return self.api_key.get_secret_value() if self.api_key else ""


def provider_prefix(name: str) -> str:
    """Return how the variables of a provider's settings begin."""
    return f"PROMPTLAB_{name.upper().replace('-', '_')}_"


def survey_provider(
    name: str,
    table: Mapping[str, Given],
    secrets: Secrets,
    *,
    key_variable: str | None,
    base_url_variable: str | None,
    concurrency: int | None = None,
) -> tuple[ProviderSettings, Layers]:
    """Return the settings of a provider as far as they can be used, with where they come from and what is wrong.

    `table` is what files say; the variables are the vendor's own, which count last, and `concurrency` is what it is
    where nobody sets it.
    """
    known, prefix = list(ProviderSettings.model_fields), provider_prefix(name)
    given = {field: each for field, each in table.items() if field in known}
    given |= from_folder(known, secrets, prefix=prefix) | from_environment(known, prefix=prefix)
    if "base_url" not in given and base_url_variable and os.environ.get(base_url_variable):
        given["base_url"] = from_variable(base_url_variable)
    if "api_key" not in given and key_variable and (key := secrets.get(key_variable)):
        in_environment = os.environ.get(key_variable)
        given["api_key"] = from_variable(key_variable) if in_environment else secret_of(key_variable, key)
    found, wrong = validated(ProviderSettings, given)
    if concurrency is not None and "concurrency" not in found.model_fields_set:
        found = found.model_copy(update={"concurrency": concurrency})
    problems = (*unknown(table, known), *wrong.values())
    return found, Layers(given, problems=problems, unusable=frozenset(wrong))
