"""What a batch would do: how much there is already, what is missing, and what that may cost."""

from typing import TYPE_CHECKING, Any

from promptlab.output.cells import counted
from promptlab.output.tables import details

if TYPE_CHECKING:
    from rich.table import Table

    from promptlab.db.staging import Missing


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
        ("missing", f"{view['missing']:,}"),
        ("costs at most", _price(view)),
    ])  # fmt: skip


def planned_words(total: int, missing: "Missing") -> str:
    """Return what a run is about to make: how many of how many, for how much at most."""
    all_of_them = "1 generation" if total == 1 else f"{total:,} generations"
    if not missing.count:
        return f"{all_of_them}, none of them new"
    unknown = f", and {missing.unpriced:,} of a price that nobody knows" if missing.unpriced else ""
    return f"{all_of_them}, {missing.count:,} of them new, for at most ${missing.max_cost_usd:,.2f}{unknown}"


def _price(view: dict[str, Any]) -> str:
    if view["max_cost_usd"] is None:
        return f"not known: nobody knows the price of {counted(view['unpriced'], 'generation')}"
    return f"${view['max_cost_usd']:,.2f}"
