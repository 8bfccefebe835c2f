"""How providers look."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from promptlab.output.cells import money, plain, said
from promptlab.output.tables import Fitted, fitting_table, table

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

View = dict[str, Any]

_FEW = 2


def provider_table(console: "Console", items: Sequence[View]) -> Fitted:
    """Return one line a provider: ready, or what it needs."""
    columns: dict[str, Callable[[View], str | Text]] = {
        "PROVIDER": lambda item: plain(item["name"]),
        "READY": lambda item: plain("yes" if item["ready"] else f"no: {item['missing']}"),
        "DEFAULT MODEL": lambda item: plain(item["default_model"] or ""),
        "WHAT IT IS": lambda item: plain(item["summary"]),
        "FROM": lambda item: plain(item["package"]),
    }
    return fitting_table(
        console, columns, items, flowing=("READY", "WHAT IT IS"), dispensable=("DEFAULT MODEL", "WHAT IT IS")
    )


def model_table(console: "Console", items: Sequence[View]) -> Fitted:
    """Return one line a model; `?` is what is not known, or not limited."""
    columns: dict[str, Callable[[View], str | Text]] = {
        "MODEL": lambda item: plain(item["model"]),
        "OF": lambda item: plain(item["provider"]),
        "SYSTEM": lambda item: _yes(item["system_prompt"]),
        "SEED": lambda item: _yes(item["seed"]),
        ">IMAGES": lambda item: _number(item["max_count"]),
        ">INPUTS": lambda item: _number(item["max_inputs"]),
        "SIZES": lambda item: _sizes(item["sizes"]),
        ">AT MOST": lambda item: money(item["max_price_usd"]),
        "RETIRES": _retires,
    }
    return fitting_table(console, columns, items, dispensable=(">IMAGES", "SIZES", "SYSTEM"))


def check_table(items: Sequence[dict[str, Any]]) -> "Table":
    """Return one line a provider: whether it answers as it should, and what that proves or how to mend it."""
    return table(
        ["PROVIDER", "OK", "WHAT IT SAYS"],
        [(plain(item["name"]), "yes" if item["ok"] else "no", plain(said(item))) for item in items],
    )


def _retires(item: View) -> "Text":
    """Return the day of a model's retirement, and in a word whether it is over or near."""
    from rich.text import Text

    word, style = {"past": ("retired ", "bold red"), "soon": ("soon: ", "yellow")}.get(item["retirement"], ("", ""))
    return Text(f"{word}{item['retires'] or ''}", style=style)


def _yes(value: bool) -> str:  # noqa: FBT001 - a word for a truth
    return "yes" if value else "no"


def _number(value: int | None) -> str:
    return "?" if value is None else str(value)


def _sizes(values: list[str] | None) -> str:
    """Return what there is to choose from, or how many where they are many."""
    if values is None:
        return "?"
    return ", ".join(values) if len(values) <= _FEW else f"{len(values)} sizes"
