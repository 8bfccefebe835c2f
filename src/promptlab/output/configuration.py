"""How settings and the state of everything around look."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from promptlab.output.cells import plain, said
from promptlab.output.tables import grid, table

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

View = dict[str, Any]


def settings_table(items: Sequence[View]) -> "Table":
    """Return one line a setting."""
    return table(
        ["SETTING", "VALUE", "FROM"],
        [(item["name"], plain(item["value"] or ""), plain(item["from"])) for item in items],
    )


def path_table(items: Sequence[View]) -> "Table":
    """Return one line a file."""
    return table(
        ["FILE", "PATH", "THERE"],
        [(item["kind"], plain(item["path"]), "yes" if item["exists"] else "no") for item in items],
    )


def checks_table(console: "Console", items: Sequence[View]) -> "Table":
    """Return one line a check: a tick, or a sentence that says how to mend it."""
    from rich.text import Text

    unicode_is_fine = console.encoding.startswith("utf")
    marks = {True: "✓" if unicode_is_fine else "ok", False: "✗" if unicode_is_fine else "no", None: "-"}
    styles = {True: "green", False: "bold red", None: "dim"}
    made = grid(3)
    for item in items:
        made.add_row(Text(marks[item["ok"]], style=styles[item["ok"]]), item["name"], plain(said(item)))
    return made
