"""The shape that all tables and details share."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

_NO_LIMIT = 10_000  # columns

RIGHT = ">"
"""Before a heading: its column holds numbers."""


def table(headings: Sequence[str], rows: Iterable[Sequence["str | Text"]]) -> "Table":
    """Return a table without frames; a heading that starts with `>` is for numbers."""
    from rich.table import Table

    made = Table(box=None, pad_edge=False, header_style="bold", show_edge=False)
    for heading in headings:
        numbers = heading.startswith(RIGHT)
        made.add_column(
            heading.removeprefix(RIGHT), justify="right" if numbers else "left", no_wrap=numbers, overflow="fold"
        )
    for row in rows:
        made.add_row(*row)
    return made


def fitting_table(
    console: "Console",
    columns: "Mapping[str, Callable[[Any], str | Text]]",
    items: Sequence[Any],
    *,
    dispensable: Sequence[str],
) -> "Table":
    """Return a table of the columns that fit: the `dispensable` ones go first, in their order, and none is squeezed.

    Where even the others have no room beside each other, they stand below each other.
    """
    shown = dict(columns)
    for leaving in (None, *dispensable):
        shown.pop(leaving or "", None)
        made = table(list(shown), [[cell(item) for cell in shown.values()] for item in items])
        if console.measure(made, options=console.options.update(width=_NO_LIMIT)).maximum <= console.width:
            return made
    pairs = [[(heading.removeprefix(RIGHT), cell(item)) for heading, cell in columns.items()] for item in items]
    return details([pair for block in pairs for pair in (*block, ("", " "))][:-1])


def details(pairs: Iterable[tuple[str, "str | Text | None"]]) -> "Table":
    """Return names and values, one pair a line; a value that is None or empty is left out."""
    from rich.text import Text

    made = grid()
    for name, value in pairs:
        if value is not None and str(value):
            made.add_row(Text(name, style="dim"), value)
    return made


def grid() -> "Table":
    """Return an empty table of cells beside each other, without headings."""
    from rich.table import Table

    return Table.grid(padding=(0, 2, 0, 0))
