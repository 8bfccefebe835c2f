"""The shape that all tables and details share."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

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
