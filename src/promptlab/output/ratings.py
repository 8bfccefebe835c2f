"""How ratings look, and the item that is being rated."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from promptlab.output.cells import plain
from promptlab.output.prompts import parameters
from promptlab.output.tables import details

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

View = dict[str, Any]


def rating_line(view: View) -> "Text":
    """Return one rating as a sentence."""
    return plain(f"Generation {view['generation_id']}: {view['score']} by {view['rater']}.")


def import_line(view: View) -> "Text":
    """Return what a file of ratings changed."""
    return plain(f"{view['rated']} rated, {view['unchanged']} were there already.")


def remarks_line(note: str | None, tags: Sequence[str], criteria: Mapping[str, int]) -> str:
    """Return what a rater has said of an item before its score, as a sentence."""
    said = [
        f'note "{plain(note)}"' if note else "no note",
        f"tags {plain(', '.join(tags))}" if tags else "no tags",
        *([", ".join(f"{name} {score}" for name, score in criteria.items())] if criteria else []),
    ]
    return f"With your score, 1 to 5: {'; '.join(said)}."


def origin(item: View) -> "Table":
    """Return where an item of the rating loop comes from, for those who are not blind."""
    return details([
        ("generation", str(item["id"])),
        ("version", f"{item['prompt']}@{item['version']}"),
        ("provider", plain(f"{item['provider']}, {item['model']}")),
        ("parameters", parameters(item["parameters"])),
        ("prompt", plain(item["rendered_user_prompt"])),
        ("rating", "" if item["result_rating"] is None else f"{item['result_rating']:.1f}"),
    ])  # fmt: skip
