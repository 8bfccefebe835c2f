"""What a shell completes. Whatever goes wrong, there is nothing to complete: a shell has no place for a sentence."""

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from promptlab.db.names import Version

Completer = Callable[[typer.Context, str], list[str]]


def _quietly(complete: Callable[[], list[str]]) -> Completer:
    return _quietly_beside(lambda _given: complete())


def _quietly_beside(complete: Callable[[Mapping[str, Any]], list[str]]) -> Completer:
    """Let a completer look at the options that are there already."""

    def completer(context: typer.Context, incomplete: str) -> list[str]:
        with suppress(Exception):
            return [name for name in complete(context.params) if name.startswith(incomplete)]
        return []

    return completer


@_quietly
def references() -> list[str]:
    """Complete NAME and NAME@N of the project's versions."""
    from promptlab.db import names

    return names.references(_database_url(), _project())


@_quietly
def generations() -> list[str]:
    """Complete ids of the project's newest generations."""
    from promptlab.db import names

    return names.ids(_database_url(), _project(), "generation")


@_quietly
def batches() -> list[str]:
    """Complete ids of the project's newest batches."""
    from promptlab.db import names

    return names.ids(_database_url(), _project(), "batch")


@_quietly
def scores() -> list[str]:
    """Complete scores and their words."""
    from promptlab.services.scores import SCORE_NAMES

    return [*map(str, SCORE_NAMES), *SCORE_NAMES.values()]


@_quietly
def projects() -> list[str]:
    """Complete names of projects."""
    from promptlab.db import names

    return names.project_names(_database_url())


@_quietly
def providers() -> list[str]:
    """Complete names of installed providers."""
    from promptlab.settings.installed import provider_names

    return provider_names()


@_quietly
def models() -> list[str]:
    """Complete names of models that are known, whoever has them."""
    from promptlab.adapters.ai.catalogue import read_catalogue

    catalogue = read_catalogue()
    return [model for provider in catalogue.providers for model in catalogue.models(provider)]


@_quietly_beside
def variables(given: Mapping[str, Any]) -> list[str]:
    """Complete `NAME=` for each variable of the version that has no value yet."""
    from promptlab.services.templates import variables_of

    version = _version(given)
    if version is None or version.raw:
        return []
    names = variables_of(version.user_prompt) | variables_of(version.system_prompt or "")
    return [f"{name}=" for name in sorted(names - _keys(given.get("var")))]


@_quietly_beside
def parameters(given: Mapping[str, Any]) -> list[str]:
    """Complete `NAME=VALUE` for each parameter of the model that has no value yet, and for each value that is known."""
    from promptlab.adapters.ai.catalogue import read_catalogue

    version, catalogue = _version(given), read_catalogue()
    model, taken = given.get("model") or (version and version.model), _keys(given.get("param"))
    rules = [
        rule
        for provider in catalogue.providers
        if given.get("provider") in {None, provider}
        for name in catalogue.models(provider)
        if model in {None, name}
        for rule in (catalogue.capabilities(provider, name).parameters or {}).items()
    ]
    return sorted({pair for name, rule in rules if name not in taken for pair in _pairs(name, rule.choices)})


def _pairs(name: str, values: Sequence[Any]) -> list[str]:
    return [f"{name}={value}" for value in values] or [f"{name}="]


def _keys(pairs: list[str] | None) -> set[str]:
    return {pair.partition("=")[0] for pair in pairs or ()}


def _version(given: Mapping[str, Any]) -> "Version | None":
    from promptlab.db import names

    reference = given.get("prompt_version") or given.get("from_")
    return names.version(_database_url(), _project(), reference) if reference else None


def _project() -> str:
    return _setting("project") or "default"


def _database_url() -> str:
    from promptlab.settings.files import default_home, expanded
    from promptlab.settings.urls import normalise_database_url

    home = expanded(Path(_setting("home") or default_home()))
    return normalise_database_url(_setting("database_url") or f"sqlite:///{home}/promptlab.db")


def _setting(name: str) -> str | None:
    """Return a setting of the environment or a file: loading all of them takes longer than a person waits here."""
    from promptlab.settings.files import read_files

    in_files = (file.table[name] for file in reversed(read_files()) if name in file.table)
    found = os.environ.get(f"PROMPTLAB_{name.upper()}") or next(in_files, None)
    return None if found is None else str(found)
