"""The shape that all tables and details share."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

_NO_LIMIT = 10_000  # columns
_NARROWEST = 20
"""Columns below which flowing text is no pleasure to read."""

RIGHT = ">"
"""Before a heading: its column holds numbers."""


@dataclass(frozen=True)
class Fitted:
    """A table that fits its terminal, and the headings of the columns that it had no room for."""

    table: "Table"
    left_out: Sequence[str] = ()

    def __rich__(self) -> "Table":
        return self.table


def table(
    headings: Sequence[str], rows: Iterable[Sequence["str | Text"]], *, flowing: Collection[str] | None = None
) -> "Table":
    """Return a table without frames; a heading that starts with `>` is for numbers.

    `flowing` names the columns whose text goes on in the next line where it must; None: all that hold no numbers.
    """
    from rich.table import Table

    made = Table(box=None, pad_edge=False, header_style="bold", show_edge=False)
    cells = list(rows)
    for place, heading in enumerate(headings):
        numbers, title = heading.startswith(RIGHT), heading.removeprefix(RIGHT)
        widest = _widest(title, *(row[place] for row in cells))
        flows = not numbers if flowing is None else heading in flowing
        made.add_column(
            title,
            justify="right" if numbers else "left",
            no_wrap=not flows,
            overflow="fold",
            min_width=None if flowing is None else min(widest, _NARROWEST) if flows else widest,
        )
    for row in cells:
        made.add_row(*row)
    return made


def fitting_table(
    console: "Console",
    columns: "Mapping[str, Callable[[Any], str | Text]]",
    items: Sequence[Any],
    *,
    flowing: Collection[str] = (),
    dispensable: Sequence[str] = (),
) -> Fitted:
    """Return a table in which no word is broken: only the columns `flowing` take several lines, at their blanks.

    Where there is no room, the `dispensable` columns go, in their order. Where even the others have none beside each
    other, everything stands below each other.
    """
    for count in range(len(dispensable) + 1):
        left_out = dispensable[:count]
        shown = {heading: cell for heading, cell in columns.items() if heading not in left_out}
        made = table(list(shown), [[cell(item) for cell in shown.values()] for item in items], flowing=flowing)
        if console.measure(made, options=console.options.update(width=_NO_LIMIT)).minimum <= console.width:
            return Fitted(made, [heading.removeprefix(RIGHT) for heading in left_out])
    pairs = [[(heading.removeprefix(RIGHT), cell(item)) for heading, cell in columns.items()] for item in items]
    return Fitted(details([pair for block in pairs for pair in (*block, ("", " "))][:-1]))


def details(pairs: Iterable[tuple[str, "str | Text | None"]]) -> "Table":
    """Return names and values, one pair a line; a value that is None or empty is left out."""
    from rich.text import Text

    made = grid(2)
    for name, value in pairs:
        if value is not None and str(value):
            made.add_row(Text(name, style="dim"), value)
    return made


def _widest(*cells: "str | Text") -> int:
    from rich.cells import cell_len

    return max(cell_len(line) for cell in cells for line in str(cell).split("\n"))


def grid(columns: int) -> "Table":
    """Return an empty table of cells beside each other, without headings; nothing of a long word is lost."""
    from rich.table import Table

    made = Table.grid(padding=(0, 2, 0, 0))
    for _ in range(columns):
        made.add_column(overflow="fold")
    return made
