"""How a comparison looks: for each candidate a sentence, the numbers behind it, and a small plot."""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from promptlab.output import verdicts
from promptlab.output.cells import plain
from promptlab.output.interval_plot import interval_plot
from promptlab.output.tables import details, table

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table
    from rich.text import Text

View = dict[str, Any]

_STYLES = {"better": "bold green", "worse": "bold red", "pass": "bold green"}


def comparison_picture(console: "Console", view: View) -> "RenderableType":
    """Return all about a comparison."""
    from rich.console import Group

    parts: list[RenderableType] = []
    for candidate in view["candidates"]:
        parts += [*_candidate(console, candidate, name_of(view), name_of(candidate)), ""]
    if view["ladder"]:
        parts += [*_ladder(view["ladder"], name_of(view)), ""]
    parts += [plain(remark) for remark in verdicts.remarks(view)]
    return Group(*(parts if parts[-1] else parts[:-1]))


def gate_picture(_console: "Console", view: View) -> "RenderableType":
    """Return all about a gate."""
    from rich.console import Group

    baseline, candidate = (name_of(view[side]) for side in ("baseline", "candidate"))
    said = verdicts.gate_sentence(view, baseline, candidate)
    return Group(_headline(said, view["verdict"]), details(_indented(verdicts.facts(view, baseline, candidate))))


def name_of(version: View) -> str:
    """Return what people call a version."""
    return f"{version['name']}@{version['version']}"


def _candidate(console: "Console", view: View, baseline: str, candidate: str) -> "Iterator[RenderableType]":
    yield _headline(verdicts.sentence(view, baseline, candidate), view["verdict"])
    yield details(_indented(verdicts.facts(view, baseline, candidate)))
    if plot := interval_plot(console, view["history"], verdicts.unit(view)):
        yield plain(f"  as {'ratings' if view['both_bad'] is None else 'votes'} came")
        yield plot


def _headline(said: str, verdict: str) -> "Text":
    text = plain(said)
    text.stylize(_STYLES.get(verdict, "bold"))
    return text


def _indented(facts: Iterator[verdicts.Fact]) -> "Iterator[tuple[str, Text]]":
    return ((f"  {name}", plain(value)) for name, value in facts)


def _ladder(ladder: View, baseline: str) -> "Iterator[Table | Text]":
    """Yield versions by the strength that all votes between them give, as wins against the baseline."""
    rows = [(plain(name_of(step)), f"{_chance(step['strength']):.0f}", _error(step)) for step in ladder["versions"]]
    if rows:
        yield table(["BY ALL VOTES", f">OF 100 AGAINST {baseline}", ">STANDARD ERROR"], rows)
        yield plain("An order, no verdict: what may be said of each version is said above.")
    if rows and not ladder["connected"]:
        yield plain("No chain of votes joins all of them, so they stand in no one order.")
    if not rows:
        yield plain(f"No ladder beside {baseline}: nobody has voted on it and another of these.")
    if without := ladder["without_votes"]:
        nowhere = "stand" if len(without) > 1 else "stands"
        yield plain(f"Without votes among these, {' and '.join(without)} {nowhere} in no order.")


def _chance(strength: float) -> float:
    return 100 / (1 + math.exp(-strength))


def _error(step: View) -> str:
    """Return the standard error in wins of 100."""
    if not step["standard_error"]:
        return ""
    return f"{_chance(step['strength'] + step['standard_error']) - _chance(step['strength']):.0f}"
