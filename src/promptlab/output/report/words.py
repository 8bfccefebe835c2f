"""What a report calls things."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from promptlab.output.cells import counted

View = dict[str, Any]

_LONGEST_LABEL = 80
_LONGEST_REMARK = 600
_LONGEST_ERROR = 1_000

MARKS = {"win": "wins", "tie": "ties", "loss": "loses"}


def title_of(view: View) -> str:
    """Return what a report is called where nobody has named it."""
    if view["blind"]:
        return "Which images are better?"
    baseline, *candidates = (version["label"] for version in view["versions"])
    return f"{listed(candidates)} beside {baseline}" if candidates else str(baseline)


def listed(words: list[str]) -> str:
    """Return `a`, `a and b`, or `a, b and c`."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if words[1:] else words)


def label_of(row: View) -> str:
    """Return what a case is called: its key, its place among those without a case, or what is in it."""
    if row["number"] is not None:
        return f"No. {row['number']}"
    if row["key"]:
        return str(row["key"])
    values = ", ".join(value_of(value) for value in row["variables"].values())
    return cut(" ".join(values.split()), _LONGEST_LABEL) or "Without variables"


def value_of(value: object) -> str:
    """Return a variable's value, or a parameter's."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def remark(text: str) -> str:
    """Return a rater's note as it is shown."""
    return cut(text, _LONGEST_REMARK)


def error(text: str | None) -> str:
    """Return what a service said as it is shown."""
    return cut(text or "No reason was given.", _LONGEST_ERROR)


def cut(text: str, length: int) -> str:
    """Return the beginning of a text, saying how long it is where that is not all."""
    return text if len(text) <= length else f"{text[:length]}… ({len(text):,} characters)"


def day(moment: str | datetime) -> str:
    """Return a time as `27 November 2026, 23:14 UTC`."""
    time = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return f"{time.day} {time:%B %Y, %H:%M} UTC"


def size(number: int) -> str:
    """Return bytes as kB or MB."""
    return f"{number / 1_000_000:.1f} MB" if number >= 100_000 else f"{-(-number // 1_000)} kB"


def states_of(row: View) -> str:
    """Return what a row is found by in the filter: how its candidates fare, and what is in it."""
    items = [item for side in row["sides"] for item in side]
    found = {mark for mark in row["marks"] if mark}
    found |= {item["state"] for item in items if item["state"] != "succeeded"}
    if any(item["state"] == "succeeded" and item["rating"] is None for item in items):
        found.add("unrated")
    if any(item["remarks"] for item in items):
        found.add("notes")
    return " ".join(sorted(found))


def raters(number: int) -> str:
    """Return how many ratings a score is the mean of."""
    return counted(number, "rating")


def not_done(stats: Mapping[str, Any]) -> str:
    """Return how many ended without an image, or have not begun, and how."""
    found = [f"{stats[name]} {name}" for name in ("refused", "failed", "unknown", "planned") if stats[name]]
    return listed(found) if found else "none"
