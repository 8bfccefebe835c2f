"""What a batch would do: how much there is already, what would be sent, and what that may cost."""

from typing import TYPE_CHECKING, Any

from promptlab.output.cells import counted, money
from promptlab.output.tables import details

if TYPE_CHECKING:
    from rich.table import Table

    from promptlab.db.batch_items import Left


def batch_draft(view: dict[str, Any]) -> "Table":
    """Return the draft of a batch as names and values."""
    there = ", ".join(f"{count} {state}" for state, count in view["existing"].items() if count)
    return details([
        ("versions", ", ".join(map(str, view["prompt_versions"]))),
        ("cases", f"{view['case_count']} of {view['cases']}" if view["cases"] else None),
        ("draws", f"{view['draws']} of each"),
        ("seed", None if view["seed"] is None else f"from {view['seed']}"),
        ("parameters", ", ".join(f"{name}={value}" for name, value in view["parameters"].items())),
        ("generations", f"{view['generations']:,}"),
        ("there already", there or "none"),
        ("to send", f"{view['to_send']:,}"),
        ("costs at most", _price(view)),
    ])  # fmt: skip


def words_of_what_is_left(left: "Left") -> str:
    """Return what a run is about to make: how many of how many, for how much at most."""
    all_of_them = "1 generation" if left.total == 1 else f"{left.total:,} generations"
    if not left.count:
        return f"{all_of_them}, nothing left to send"
    return f"{left.count:,} of {all_of_them} to send, {_at_most(left.max_cost_usd, left)}"


def _at_most(usd: float, left: "Left") -> str:
    if left.unpriced == left.count:
        return "at a price that nobody knows"
    unknown = f", and {left.unpriced:,} at a price that nobody knows" if left.unpriced else ""
    return f"for at most {money(usd)}{unknown}"


def _price(view: dict[str, Any]) -> str:
    if view["max_cost_usd"] is None:
        return f"not known: nobody knows the price of {counted(view['unpriced'], 'generation')}"
    return money(view["max_cost_usd"])
