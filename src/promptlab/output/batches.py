"""How batches look: one line a batch, or all about one: a row a version, and why something failed."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from promptlab.output.cells import STATE_STYLES, age, counted, duration, local_time, money, plain, spent, state
from promptlab.output.tables import Fitted, details, fitting_table

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

View = dict[str, Any]
Cell = Callable[[View], "str | Text"]

ENDED = ("succeeded", "refused", "failed", "unknown", "cancelled")
"""The states in which nothing more becomes of a generation by itself."""


def batch_table(console: "Console", items: Sequence[View]) -> Fitted:
    """Return one line a batch."""
    columns: dict[str, Cell] = {
        ">ID": lambda item: str(item["id"]),
        "STATE": lambda item: state(item["state"]),
        ">DONE": lambda item: f"{item['succeeded']} of {item['total']}",
        "NOT DONE": _not_done,
        ">COST": spent,
        ">TIME": lambda item: duration(item["elapsed_s"]),
        ">AGE": lambda item: age(item["created_at"]),
    }
    return fitting_table(console, columns, items, flowing=("NOT DONE",), dispensable=(">TIME",))


def batch_picture(console: "Console", item: View) -> "RenderableType":
    """Return all about one batch: itself, its versions, and what went wrong where that is known."""
    from rich.console import Group

    parts: list[RenderableType] = [_batch_details(item)]
    if item["versions"]:
        parts += ["", _version_table(console, item["versions"])]
    if item.get("errors"):
        parts += ["", error_table(console, item["errors"])]
    return Group(*parts)


def error_table(console: "Console", items: Sequence[View]) -> Fitted:
    """Return why generations failed: one line a kind of error, with the words of one of them."""
    columns: dict[str, Cell] = {
        ">COUNT": lambda item: str(item["count"]),
        "STATE": lambda item: state(item["state"]),
        "WHY": lambda item: plain(item["kind"] or "?"),
        ">FOR EXAMPLE": lambda item: str(item["example"]["generation_id"]),
        "SAID": lambda item: plain(_said(item["example"])),
    }
    return fitting_table(console, columns, items, flowing=("SAID",))


def version_columns(items: Sequence[View], *, states: Sequence[str]) -> dict[str, Cell]:
    """Return the columns about the versions of a batch; a state other than those in `states` has one if it occurs."""

    def cell(name: str) -> Cell:
        return lambda item: number(item[name], name)

    shown = [name for name in ("refused", "failed", "unknown", "cancelled", "sending", "planned")
             if name in states or any(item[name] for item in items)]  # fmt: skip
    titles = {name: f">{'RUNNING' if name == 'sending' else name.upper()}" for name in shown}
    return {
        "VERSION": lambda item: f"{item['prompt']}@{item['version']}",
        ">DONE": lambda item: f"{item['succeeded']} of {item['total']}",
        **{title: cell(name) for name, title in titles.items()},
        ">COST": spent,
    }


def number(count: int, name: str) -> "Text":
    """Return how many are in a state, in its colour if there are any."""
    from rich.text import Text

    return Text(str(count), style=STATE_STYLES[name] if count else "dim")


def limits(item: View) -> str:
    """Return how much of its limits a batch has used, what is set aside for requests in flight included."""
    parts = []
    if item["max_cost_usd"] is not None:
        parts.append(f"{money(item['committed_usd'])} of {money(item['max_cost_usd'])}")
    if item["max_images"] is not None:
        parts.append(f"{item['committed_images']} of {counted(item['max_images'], 'image')}")
    return ", ".join(parts)


def _batch_details(item: View) -> "RenderableType":
    return details([
        ("batch", str(item["id"])),
        ("state", state(item["state"])),
        ("done", f"{item['succeeded']} of {item['total']}"),
        ("not done", _not_done(item)),
        ("cost", spent(item)),
        ("limits used", limits(item)),
        ("time", duration(item["elapsed_s"])),
        ("taken by", "workers" if item["detached"] else ""),
        ("created", local_time(item["created_at"])),
        ("finished", local_time(item["finished_at"])),
    ])  # fmt: skip


def _version_table(console: "Console", items: Sequence[View]) -> Fitted:
    columns = version_columns(items, states=("refused", "failed"))
    return fitting_table(
        console, columns, items, flowing=("VERSION",), dispensable=(">PLANNED", ">RUNNING", ">CANCELLED")
    )


def _not_done(item: View) -> "Text":
    from rich.text import Text

    names = ("refused", "failed", "unknown", "cancelled", "sending", "planned")
    parts = [Text(f"{item[name]} {name}", style=STATE_STYLES[name]) for name in names if item[name]]
    return Text(", ").join(parts)


def _said(example: View) -> str:
    status = f"HTTP {example['http_status']}: " if example["http_status"] else ""
    return status + " ".join((example["message"] or "").split())
