"""How a rubric looks, and stats by what it names."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from promptlab.output.cells import plain
from promptlab.output.stats import distribution
from promptlab.output.tables import Fitted, fitting_table, table

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

View = dict[str, Any]


def rubric_table(view: View) -> "Table":
    """Return one line for what a rater gives a score, and one for the tags."""
    rows = [
        ("overall", plain(view["overall"] or "The whole of it, from 1 failed to 5 excellent.")),
        *((each["name"], plain(each["meaning"])) for each in view["criteria"]),
        ("tags", plain(", ".join(view["tags"]) or "any")),
    ]
    return table(["SCORE", "WHAT IT MEANS"], rows)


def whole_lines(text: str) -> "Text":
    """Return lines that are for copying, which no terminal may break."""
    from rich.text import Text

    return Text(text.rstrip("\n"), no_wrap=True, overflow="ignore")


def criterion_table(console: "Console", items: Sequence[View]) -> Fitted:
    """Return one line for each criterion of each version; the criterion stands in its first line only."""
    columns: dict[str, Callable[[View], str | Text]] = {
        "CRITERION": _first_of("criterion", items),
        "VERSION": _version,
        ">RATED": lambda item: str(item["rated"]),
        ">MEAN": lambda item: f"{item['mean']:.2f}",
        "1-5": lambda item: distribution(console, item["distribution"]),
    }
    return fitting_table(console, columns, items, dispensable=("1-5",))


def tag_table(console: "Console", items: Sequence[View]) -> Fitted:
    """Return one line for each tag of each version: in how many of its ratings it is."""
    columns: dict[str, Callable[[View], str | Text]] = {
        "TAG": _first_of("tag", items),
        "VERSION": _version,
        ">RATINGS": lambda item: f"{item['count']} of {item['ratings']}",
        ">SHARE": lambda item: f"{item['count'] / item['ratings']:.0%}",
    }
    return fitting_table(console, columns, items)


def _first_of(name: str, items: Sequence[View]) -> "Callable[[View], Text]":
    """Return what shows a group's name in the first of its lines."""
    first = {id(item) for item, before in zip(items, [None, *items], strict=False) if _begins(item, before, name)}
    return lambda item: plain(item[name] if id(item) in first else "")


def _begins(item: View, before: View | None, name: str) -> bool:
    return before is None or item[name] != before[name]


def _version(item: View) -> "Text":
    return plain(f"{item['name']}@{item['version']}")
