"""The small plot of intervals: places on a line, in characters that the terminal has."""

import io
from typing import Any

import pytest
from rich.console import Console

from promptlab.output.interval_plot import interval_plot

HISTORY: list[dict[str, Any]] = [
    {"blocks": 1, "theta": 1.0, "interval": [0.0, 1.0]},
    {"blocks": 30, "theta": 0.7, "interval": [0.6, 0.8]},
]


class _Ascii(io.StringIO):
    encoding = "ascii"


def plotted(width: int = 80, *, file: io.StringIO | None = None, unit: str = "case") -> str | None:
    console = Console(file=file or _Utf8(), width=width, _environ={})
    found = interval_plot(console, HISTORY, unit)
    return None if found is None else found.plain


class _Utf8(io.StringIO):
    encoding = "utf-8"


def test_each_look_is_a_line_with_its_interval_around_the_estimate() -> None:
    text = plotted()
    assert text is not None
    axis, first, last = text.splitlines()
    start = axis.index("0")
    assert (first[start], first[start + 25], first[start + 50]) == ("├", "┼", "●")
    assert (last[start + 25], last[start + 30], last[start + 35], last[start + 40]) == ("│", "├", "●", "┤")
    assert (axis[start + 25 : start + 27], axis.endswith("100")) == ("50", True)
    assert [first.split()[:2], last.split()[:2]] == [["1", "case"], ["30", "cases"]]


def test_a_terminal_without_such_characters_gets_plain_ones() -> None:
    text = plotted(file=_Ascii())
    assert text is not None
    assert text.isascii()
    assert "[----o----]" in text


@pytest.mark.parametrize("width", [80, 60, 40])
def test_it_fits_its_terminal(width: int) -> None:
    text = plotted(width)
    assert text is not None
    assert max(map(len, text.splitlines())) <= width


def test_without_room_or_a_past_there_is_none() -> None:
    assert plotted(25) is None
    assert interval_plot(Console(file=_Utf8(), width=80, _environ={}), HISTORY[:1], "case") is None
