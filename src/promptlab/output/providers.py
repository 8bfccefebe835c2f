"""How providers look."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from promptlab.output.cells import money, plain
from promptlab.output.tables import table

if TYPE_CHECKING:
    from rich.table import Table


def provider_table(items: Sequence[dict[str, Any]]) -> "Table":
    """Return one line a provider: ready, or what it needs."""
    return table(
        ["PROVIDER", "READY", "DEFAULT MODEL", "WHAT IT IS"],
        [
            (
                plain(item["name"]),
                plain("yes" if item["ready"] else f"no: {item['missing']}"),
                plain(item["default_model"] or ""),
                plain(item["summary"]),
            )
            for item in items
        ],
    )


def model_table(items: Sequence[dict[str, Any]]) -> "Table":
    """Return one line a model; `?` is what is not known, or not limited."""
    return table(
        ["MODEL", "OF", "SYSTEM", "SEED", ">IMAGES", ">INPUTS", ">AT MOST", "RETIRES"],
        [
            (
                plain(item["model"]),
                plain(item["provider"]),
                _yes(item["system_prompt"]),
                _yes(item["seed"]),
                _number(item["max_count"]),
                _number(item["max_inputs"]),
                money(item["max_price_usd"]),
                item["retires"] or "",
            )
            for item in items
        ],
    )


def check_table(items: Sequence[dict[str, Any]]) -> "Table":
    """Return one line a provider: whether it answers as it should, and what that proves or what is wrong."""
    return table(
        ["PROVIDER", "OK", "WHAT IT SAYS"],
        [(plain(item["name"]), "yes" if item["ok"] else "no", plain(item["message"])) for item in items],
    )


def _yes(value: bool) -> str:  # noqa: FBT001 - a word for a truth
    return "yes" if value else "no"


def _number(value: int | None) -> str:
    return "?" if value is None else str(value)
