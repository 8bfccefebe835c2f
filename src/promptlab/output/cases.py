"""How case sets look."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from promptlab.output.cells import local_time, plain
from promptlab.output.generations import LinkOf, images
from promptlab.output.prompts import parameters
from promptlab.output.tables import Fitted, details, fitting_table

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

View = dict[str, Any]


def set_details(view: View) -> "Table":
    """Return everything about one version of a case set but its cases."""
    return details([
        ("case set", f"{view['name']}@{view['version']} (id {view['id']})"),
        ("cases", f"{view['cases']:,}"),
        ("created", local_time(view["created_at"])),
    ])  # fmt: skip


def set_table(console: "Console", items: Sequence[View]) -> Fitted:
    """Return one line a version of a case set."""
    columns: dict[str, Callable[[View], str | Text]] = {
        ">ID": lambda item: str(item["id"]),
        "CASE SET": lambda item: f"{item['name']}@{item['version']}",
        ">CASES": lambda item: f"{item['cases']:,}",
        "CREATED": lambda item: local_time(item["created_at"]),
    }
    return fitting_table(console, columns, items, dispensable=("CREATED",))


def item_table(console: "Console", items: Sequence[View], link_of: LinkOf) -> Fitted:
    """Return one line a case: its place, what the set calls it, and what it fills a prompt with."""
    columns: dict[str, Callable[[View], str | Text]] = {
        ">NO": lambda item: str(item["position"]),
        "KEY": lambda item: plain(item["key"] or ""),
        "VARIABLES": lambda item: parameters(item["variables"]),
        "INPUTS": lambda item: images(console, item["inputs"], link_of),
    }
    shown = {"KEY": "key", "VARIABLES": "variables", "INPUTS": "inputs"}
    for heading, name in shown.items():
        if not any(item[name] for item in items):
            del columns[heading]
    return fitting_table(console, columns, items, flowing=("VARIABLES", "INPUTS"))
