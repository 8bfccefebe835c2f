"""How stats look: a line a version, with a small bar of its ratings."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from promptlab.output.cells import money, plain, seconds
from promptlab.output.tables import fitting_table, table

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

View = dict[str, Any]

_BARS = " ▁▂▃▄▅▆▇█"


def stats_table(console: "Console", items: Sequence[View], by: str) -> "Table":
    """Return one line a group.

    Counts that are zero in every line are left out, and what a narrow terminal has no room for: the seconds first,
    then the bar, then the cost.
    """
    counts = [name for name in ("refused", "failed", "unknown") if any(item[name] for item in items)]
    columns: dict[str, Callable[[View], str | Text]] = {
        by.upper(): lambda item: _group(item, by),
        ">DONE": lambda item: str(item["succeeded"]),
        **{f">{name.upper()}": partial(_count, name) for name in counts},
        ">RATED": lambda item: str(item["rated"]),
        ">WAITING": lambda item: str(item["unrated"]),
        ">MEAN": lambda item: "" if item["mean"] is None else f"{item['mean']:.2f}",
        "1-5": lambda item: distribution(console, item["distribution"]),
        ">COST": _cost,
        ">P50": lambda item: seconds(item["execution_time_p50"]),
        ">P95": lambda item: seconds(item["execution_time_p95"]),
    }
    return fitting_table(console, columns, items, dispensable=(">P95", ">P50", "1-5", ">COST"))


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


def _count(name: str, item: View) -> str:
    return str(item[name])


def _group(item: View, by: str) -> "Text":
    return plain(f"{item['name']}@{item['version']}" if by == "version" else str(item[by]))


def _cost(item: View) -> str:
    if item["cost_usd"] is None:
        return "?" if item["unpriced"] else ""
    return money(item["cost_usd"]) + (" + ?" if item["unpriced"] else "")
