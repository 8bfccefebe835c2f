"""How stats look: a line a version, with a small bar of its ratings."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from promptlab.output.cells import plain, seconds, spent
from promptlab.output.tables import Fitted, fitting_table

if TYPE_CHECKING:
    from rich.console import Console
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
        "SURELY IN": _interval,
        "CHANGE": lambda item: _change(console, item),
        "1-5": lambda item: distribution(console, item["distribution"]),
        ">COST": spent,
        ">P50": lambda item: seconds(item["execution_time_p50"]),
        ">P95": lambda item: seconds(item["execution_time_p95"]),
    }
    for heading in ("NOT DONE", "SURELY IN", "CHANGE"):
        if not any(str(columns[heading](item)) for item in items):
            del columns[heading]
    dispensable = (">P95", "1-5", ">P50", "SURELY IN")
    return fitting_table(console, columns, items, dispensable=[each for each in dispensable if each in columns])


def rater_table(console: "Console", items: Sequence[View]) -> Fitted:
    """Return one line a rater: what they gave, how many stars more than the others, and how long they looked."""
    columns: dict[str, Callable[[View], str | Text]] = {
        "RATER": lambda item: plain(item["rater"]),
        ">RATED": lambda item: str(item["rated"]),
        ">MEAN": lambda item: f"{item['mean']:.2f}",
        "1-5": lambda item: distribution(console, item["distribution"]),
        ">THAN OTHERS": lambda item: "" if item["deviation"] is None else f"{item['deviation']:+.2f}",
        ">AGREES": lambda item: "" if item["agreement"] is None else f"{item['agreement']:.2f}",
        ">SECONDS": lambda item: "" if item["seconds"] is None else f"{item['seconds']:g}",
    }
    for heading in (">THAN OTHERS", ">AGREES", ">SECONDS"):
        if not any(columns[heading](item) for item in items):
            del columns[heading]
    return fitting_table(console, columns, items, dispensable=("1-5",))


def distribution(console: "Console", scores: dict[str, int]) -> str:
    """Return five small bars, one a score, or five numbers where the terminal has no such characters."""
    highest = max(scores.values())
    if not console.encoding.startswith("utf"):
        return "/".join(str(count) for count in scores.values())
    if highest == 0:
        return ""
    # A score that somebody gave is never shown as none: it gets at least the lowest bar.
    return "".join(_BARS[-(-count * (len(_BARS) - 1) // highest)] for count in scores.values())


def _interval(item: View) -> str:
    """Return where the mean of a version surely is, however often one looks."""
    limits = item.get("mean_interval")
    return f"{limits[0]:.1f} to {limits[1]:.1f}" if limits else ""


def _change(console: "Console", item: View) -> str:
    """Return by how much the mean went up or down."""
    change = item.get("change")
    if change is None:
        return ""
    up, down = "▲▼" if console.encoding.startswith("utf") else "^v"
    return f"{up if change > 0 else down if change < 0 else ' '} {change:+.2f}"


def _not_done(item: View) -> list[str]:
    """Return how many ended without images, or have not begun, and how."""
    return [f"{item[name]} {name}" for name in ("refused", "failed", "unknown", "planned") if item[name]]


def _group(item: View, by: str) -> "Text":
    return plain(f"{item['name']}@{item['version']}" if by == "version" else str(item[by]))
