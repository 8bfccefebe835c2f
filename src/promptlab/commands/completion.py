"""What a shell completes. Whatever goes wrong, there is nothing to complete: a shell has no place for a sentence."""

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from promptlab.db.names import Version

Word = str | tuple[str, str]
"""What is completed; of two texts the second is for those shells that explain what they offer."""
Completer = Callable[[typer.Context, str], Sequence[Word]]


def is_wanted() -> bool:
    """Return whether a shell asks what to complete, instead of a person what to do."""
    return "_PROMPTLAB_COMPLETE" in os.environ


def take_words_as_they_are(command: Any) -> None:
    """Let no value be checked, in the whole tree of commands: for that Typer loads pydantic, which takes too long here.

    Completers look at values as texts anyway, and half a command line cannot be right yet.
    """
    parameters_of = command.get_params

    def unchecked(context: object) -> list[Any]:
        found: list[Any] = parameters_of(context)  # --help among them, which is in no list before it is asked for
        for parameter in found:
            parameter.process_value = _as_it_is
        return found

    command.get_params = unchecked
    for below in getattr(command, "commands", {}).values():
        take_words_as_they_are(below)


def _as_it_is(_context: object, value: object) -> object:
    return value


def quietly(complete: Callable[[], Sequence[Word]]) -> Completer:
    """Let a completer have nothing to offer, whatever goes wrong in it."""
    return quietly_beside(lambda _given: complete())


def quietly_beside(complete: Callable[[Mapping[str, Any]], Sequence[Word]]) -> Completer:
    """Let a completer look at the options that are there already, likewise."""

    def completer(context: typer.Context, incomplete: str) -> Sequence[Word]:
        with suppress(Exception):
            words = complete(context.params)
            return [word for word in words if (word if isinstance(word, str) else word[0]).startswith(incomplete)]
        return []

    return completer


@quietly
def references() -> list[str]:
    """Complete NAME and NAME@N of the project's versions."""
    from promptlab.db import names

    return names.references(_database_url(), _project())


@quietly
def case_sets() -> list[str]:
    """Complete NAME and NAME@N of the project's case sets."""
    from promptlab.db import names

    return names.case_sets(_database_url(), _project())


@quietly
def case_set_names() -> list[str]:
    """Complete names of the project's case sets."""
    from promptlab.db import names

    return [name for name in names.case_sets(_database_url(), _project()) if "@" not in name]


@quietly
def generations() -> list[tuple[str, str]]:
    """Complete ids of the project's newest generations, with where each stands."""
    from promptlab.db import names

    return names.ids(_database_url(), _project(), "generation")


@quietly
def batches() -> list[tuple[str, str]]:
    """Complete ids of the project's newest batches, with where each stands."""
    from promptlab.db import names

    return names.ids(_database_url(), _project(), "batch")


@quietly
def scores() -> list[str]:
    """Complete scores and their words."""
    from promptlab.services.scores import SCORE_NAMES

    return [*map(str, SCORE_NAMES), *SCORE_NAMES.values()]


@quietly
def projects() -> list[str]:
    """Complete names of projects."""
    from promptlab.db import names

    return names.project_names(_database_url())


@quietly
def providers() -> list[str]:
    """Complete names of installed providers."""
    from promptlab.settings.installed import provider_names

    return provider_names()


@quietly_beside
def models(given: Mapping[str, Any]) -> list[str]:
    """Complete names of models that are known: of the provider that is named, else whoever has them."""
    return [model for models in _models(given) for model in models]


@quietly_beside
def variables(given: Mapping[str, Any]) -> list[str]:
    """Complete `NAME=` for each variable of the version that has no value yet."""
    from promptlab.services.templates import variables_of

    version = _version(given)
    if version is None or version.raw:
        return []
    names = variables_of(version.user_prompt) | variables_of(version.system_prompt or "")
    return [f"{name}=" for name in sorted(names - keys_of(given.get("var")))]


@quietly_beside
def parameters(given: Mapping[str, Any]) -> list[str]:
    """Complete `NAME=VALUE` for each parameter of the model that has no value yet, and for each value that is known."""
    version = _version(given)
    model, taken = given.get("model") or (version and version.model), keys_of(given.get("param"))
    choices = [
        parameter
        for models in _models(given)
        for name, parameters_of_model in models.items()
        if model in {None, name}
        for parameter in parameters_of_model.items()
    ]
    return sorted({pair for name, values in choices if name not in taken for pair in _pairs(name, values)})


def _models(given: Mapping[str, Any]) -> list[dict[str, dict[str, Sequence[Any]]]]:
    """Return the models of the provider that is named on the line, else of each, with their parameters."""
    from promptlab.adapters.ai.catalogue import built_in_parameters

    return [models for name, models in built_in_parameters().items() if given.get("provider") in {None, name}]


def _pairs(name: str, values: Sequence[Any]) -> list[str]:
    import json

    texts = (value if isinstance(value, str) else json.dumps(value) for value in values)
    return [f"{name}={text}" for text in texts] or [f"{name}="]


def keys_of(pairs: list[str] | None) -> set[str]:
    """Return the names that `NAME=VALUE` texts name."""
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
