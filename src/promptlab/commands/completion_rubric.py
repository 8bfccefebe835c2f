"""What a shell completes of the rubric."""

from collections.abc import Mapping
from typing import Any

from promptlab.commands.completion import keys_of, quietly, quietly_beside


@quietly
def tags() -> list[str]:
    """Complete the issue tags that the rubric names."""
    return [tag for tag in _rubric().get("tags", []) if isinstance(tag, str)]


@quietly_beside
def criteria(given: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Complete `NAME=` for each criterion of the rubric that has no score yet, with what it means."""
    named = keys_of(given.get("criterion"))
    found = _rubric().get("criteria", {}).items()
    return [(f"{name}=", str(meaning)) for name, meaning in found if name not in named]


def _rubric() -> Mapping[str, Any]:
    """Return the rubric of the files as it is written there: checking it takes longer than a person waits here."""
    from promptlab.settings.files import read_files

    found = [file.table["rubric"] for file in read_files() if "rubric" in file.table]
    return found[-1] if found and isinstance(found[-1], dict) else {}
