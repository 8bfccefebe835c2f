"""What is known of each provider's models: `models.toml`, and over it a file of the user's own, key by key."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from promptlab.adapters.ai.capabilities import Capabilities
from promptlab.adapters.ai.models_table import Unusable, merged, model_tables, read_capabilities, require_known
from promptlab.errors import NotConfigured, nearest_name
from promptlab.settings.toml import read_toml


@dataclass(frozen=True, kw_only=True)
class ProviderModels:
    """The models of one provider, in the order of the file."""

    default_model: str | None = None
    models: Mapping[str, Capabilities] = field(default_factory=dict)

    def known(self, model: str) -> Capabilities | None:
        """Return what is known of the model, which may also be the one that another sends input images to."""
        if model in self.models:
            return self.models[model]
        for other in self.models.values():
            if other.with_inputs == model:
                return replace(other, with_inputs=None, min_inputs=max(1, other.min_inputs))
        return None


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """Every model that is known, and the day when that was so."""

    as_of: date
    providers: Mapping[str, ProviderModels]

    def capabilities(self, provider: str, model: str) -> Capabilities:
        """Return what the model takes and costs; where it is not known, permissive ones and the nearest that is."""
        provider_models = self._of(provider)
        return provider_models.known(model) or Capabilities(
            known=False, near=nearest_name(model, list(provider_models.models))
        )

    def models(self, provider: str) -> list[str]:
        """Return the names of the provider's models, the newest first."""
        return list(self._of(provider).models)

    def default_model(self, provider: str) -> str | None:
        """Return the model that is used where nobody names one."""
        return self._of(provider).default_model

    def providers_of(self, model: str) -> list[str]:
        """Return which providers know the model, sorted."""
        return sorted(name for name, provider in self.providers.items() if provider.known(model))

    def _of(self, provider: str) -> ProviderModels:
        return self.providers.get(provider, ProviderModels())


def read_catalogue(models_file: Path | None = None) -> Catalogue:
    """Return what is known, with the user's own file over it.

    Raises:
        NotConfigured: that file cannot be read, or says something that cannot be.
    """
    if models_file is None:
        return _built_in()
    table = _user_table(models_file)
    try:
        _require_no_defaults(table)
        return _read(merged(_built_in_table(), table))
    except Unusable as error:
        raise NotConfigured(
            f"The models file {models_file} is not usable: {error}",
            hint="Correct it there; PROMPTLAB_MODELS_FILE names the file.",
        ) from error


@cache
def _built_in() -> Catalogue:
    return _read(_built_in_table())


@cache
def _built_in_table() -> dict[str, Any]:
    # By its path: importlib.resources takes longer to load than the file to read.
    return tomllib.loads(Path(__file__).with_name("models.toml").read_text(encoding="utf-8"))


def built_in_parameters() -> dict[str, dict[str, dict[str, Sequence[Any]]]]:
    """Return provider, model, parameter and the values that it is known to take, without checking the table.

    That is for a shell which completes a word: pydantic, which checks, takes longer than the shell may wait.
    """
    providers = {name: table for name, table in _built_in_table().items() if isinstance(table, dict)}
    return {
        provider: {model: _choices(table) for model, table in model_tables(providers, provider).items()}
        for provider in providers
    }


def _choices(model: Mapping[str, Any]) -> dict[str, Sequence[Any]]:
    rules = model.get("parameters", {})
    return {name: rule.get("choices") or () for name, rule in rules.items() if rule is not False}


def _user_table(path: Path) -> dict[str, Any]:
    try:
        return read_toml(path.expanduser(), called=f"The models file {path}")
    except OSError as error:
        raise NotConfigured(
            f"The models file {path} cannot be read: {error.strerror}.",
            hint="Correct PROMPTLAB_MODELS_FILE, or take it away.",
        ) from error


def _require_no_defaults(table: Mapping[str, Any]) -> None:
    """Refuse what would have no effect: the default belongs to the adapter, and a version names its model anyway."""
    for name, provider in table.items():
        if isinstance(provider, dict) and "default_model" in provider:
            raise Unusable(f"{name}.default_model cannot be changed here; name a model with --model.")


def _read(table: Mapping[str, Any]) -> Catalogue:
    as_of, providers = table["as_of"], {name: value for name, value in table.items() if name != "as_of"}
    if not isinstance(as_of, date):
        raise Unusable("as_of must be a date, such as 2026-11-23.")
    return Catalogue(as_of=as_of, providers={name: _provider(name, providers) for name in providers})


def _provider(name: str, providers: Mapping[str, Any]) -> ProviderModels:
    table = providers[name]
    if not isinstance(table, dict):
        raise Unusable(f"[{name}] must be a table.")
    require_known(table, ["default_model", "every_model", "models"], where=name)
    models = {
        model: read_capabilities(found, where=f"{name}.models.{model}")
        for model, found in model_tables(providers, name).items()
    }
    return ProviderModels(default_model=table.get("default_model"), models=models)
