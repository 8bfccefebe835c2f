"""A small plot for a terminal: intervals one below the other, as they were at one look after the other."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

View = dict[str, Any]

_WIDEST, _NARROWEST = 51, 21  # columns, odd: one is the middle
_INDENT = 2


@dataclass(frozen=True)
class _Marks:
    """What a plot is drawn with."""

    left: str
    line: str
    right: str
    estimate: str
    middle: str
    crossing: str


_FINE = _Marks("├", "─", "┤", "●", "│", "┼")
_PLAIN = _Marks("[", "-", "]", "o", "|", "+")


def interval_plot(console: "Console", history: Sequence[View], unit: str) -> "Text | None":
    """Return a line for each look: its interval between 0 and 100 wins of 100, with a mark at a tie.

    None where one look is all, and where there is no room.
    """
    from rich.text import Text

    labels = [f"{look['blocks']} {unit}{'' if look['blocks'] == 1 else 's'}" for look in history]
    indent = _INDENT + max(map(len, labels), default=0) + 2
    width = min(_WIDEST, console.width - indent - 2)
    width -= 1 - width % 2
    if len(history) < 2 or width < _NARROWEST:
        return None
    marks = _FINE if console.encoding.startswith("utf") else _PLAIN
    axis = f"{'0':<{width // 2}}50".ljust(width - 2) + "100"
    lines = [" " * indent + axis]
    for label, look in zip(labels, history, strict=True):
        lines.append(f"{label:>{indent - 2}}  {_line(look, width, marks)}")
    return Text("\n".join(lines), no_wrap=True)


def _line(look: View, width: int, marks: _Marks) -> str:
    low, estimate, high = (
        _place(number, width) for number in (look["interval"][0], look["theta"], look["interval"][1])
    )
    drawn = [" "] * width
    drawn[low : high + 1] = [marks.line] * (high + 1 - low)
    drawn[width // 2] = marks.crossing if low < width // 2 < high else marks.middle
    drawn[low], drawn[high] = marks.left, marks.right
    drawn[estimate] = marks.estimate
    return "".join(drawn).rstrip()


def _place(share: float, width: int) -> int:
    return round(share * (width - 1))
