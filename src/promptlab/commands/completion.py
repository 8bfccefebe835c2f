"""What a shell completes. Whatever goes wrong, there is nothing to complete: a shell has no place for a sentence."""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

Completer = Callable[[str], list[str]]


def _quietly(complete: Callable[[], list[str]]) -> Completer:
    def completer(incomplete: str) -> list[str]:
        with suppress(Exception):
            return [name for name in complete() if name.startswith(incomplete)]
        return []

    return completer


@_quietly
def references() -> list[str]:
    """Complete NAME and NAME@N of the project's versions."""
    from promptlab.db import names

    return names.references(_database_url(), _setting("project") or "default")


@_quietly
def projects() -> list[str]:
    """Complete names of projects."""
    from promptlab.db import names

    return names.project_names(_database_url())


@_quietly
def providers() -> list[str]:
    """Complete names of installed providers."""
    from importlib.metadata import entry_points

    return sorted(entry_points(group="promptlab.providers").names)


@_quietly
def models() -> list[str]:
    """Complete names of models that are known, whoever has them."""
    from promptlab.adapters.ai.catalogue import read_catalogue

    catalogue = read_catalogue()
    return [model for provider in catalogue.providers for model in catalogue.models(provider)]


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
