"""How stats look: a line a version, with a small bar of its ratings."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from promptlab.output.cells import plain, seconds, spent
from promptlab.output.tables import Fitted, fitting_table, table

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

View = dict[str, Any]

_BARS = " ▁▂▃▄▅▆▇█"
_WIDE = 100
"""Columns of a terminal in which one line holds all that is not done; else each kind has its own."""


def stats_table(console: "Console", items: Sequence[View], by: str) -> Fitted:
    """Return one line a group. A narrow terminal may have no room for the slowest seconds, then for the bar."""
    joint = ", " if console.width >= _WIDE else ",\n"
    columns: dict[str, Callable[[View], str | Text]] = {
        by.upper(): lambda item: _group(item, by),
        ">DONE": lambda item: str(item["succeeded"]),
        "NOT DONE": lambda item: joint.join(_not_done(item)),
        ">RATED": lambda item: f"{item['rated']} of {item['succeeded']}" if item["succeeded"] else "",
        ">MEAN": lambda item: "" if item["mean"] is None else f"{item['mean']:.2f}",
        "1-5": lambda item: distribution(console, item["distribution"]),
        ">COST": spent,
        ">P50": lambda item: seconds(item["execution_time_p50"]),
        ">P95": lambda item: seconds(item["execution_time_p95"]),
    }
    if not any(_not_done(item) for item in items):
        del columns["NOT DONE"]
    return fitting_table(console, columns, items, dispensable=(">P95", "1-5"))


def rater_table(console: "Console", items: Sequence[View]) -> "Table":
    """Return one line a rater."""
    return table(
        ["RATER", ">RATED", ">MEAN", "1-5"],
        [
            (
                plain(item["rater"]),
                str(item["rated"]),
                f"{item['mean']:.2f}",
                distribution(console, item["distribution"]),
            )
            for item in items
        ],
    )


def distribution(console: "Console", scores: dict[str, int]) -> str:
    """Return five small bars, one a score, or five numbers where the terminal has no such characters."""
    highest = max(scores.values())
    if not console.encoding.startswith("utf"):
        return "/".join(str(count) for count in scores.values())
    if highest == 0:
        return ""
    # A score that somebody gave is never shown as none: it gets at least the lowest bar.
    return "".join(_BARS[-(-count * (len(_BARS) - 1) // highest)] for count in scores.values())


def _not_done(item: View) -> list[str]:
    """Return how many ended without images, or have not begun, and how."""
    return [f"{item[name]} {name}" for name in ("refused", "failed", "unknown", "planned") if item[name]]


def _group(item: View, by: str) -> "Text":
    return plain(f"{item['name']}@{item['version']}" if by == "version" else str(item[by]))
