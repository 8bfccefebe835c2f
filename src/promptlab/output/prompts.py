"""How prompt versions look."""

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from promptlab.output.cells import local_time, plain, short
from promptlab.output.tables import Fitted, details, fitting_table
from promptlab.output.word_diff import as_text, changes, given

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table
    from rich.text import Text

View = dict[str, Any]

_TEXTS = {"system_prompt": "system", "user_prompt": "user"}
_LONGEST_VALUE = 200
"""Characters; a parameter may hold a whole file."""


def version_table(console: "Console", items: Sequence[View]) -> Fitted:
    """Return one line a version."""
    columns: dict[str, Callable[[View], str | Text]] = {
        ">ID": lambda item: str(item["id"]),
        "VERSION": _label,
        "PROVIDER": lambda item: plain(item["provider"]),
        "MODEL": lambda item: plain(item["model"]),
        "CREATED": lambda item: local_time(item["created_at"])[:10],
        "USER PROMPT": lambda item: short(item["user_prompt"], 50),
    }
    return fitting_table(console, columns, items, flowing=("USER PROMPT",), dispensable=("CREATED", "PROVIDER"))


def version_details(item: View) -> "Table":
    """Return everything about one version."""
    return details([
        ("version", f"{item['name']}@{item['version']} (id {item['id']})"),
        ("project", plain(item["project"])),
        ("description", plain(item["description"] or "")),
        ("provider", plain(item["provider"])),
        ("model", plain(item["model"])),
        ("parameters", parameters(item["parameters"])),
        ("system prompt", plain(item["system_prompt"] or "")),
        ("user prompt", plain(item["user_prompt"])),
        ("template", "no, sent as it is (--raw)" if item["raw"] else ""),
        ("created", local_time(item["created_at"])),
        ("deleted", local_time(item["deleted_at"])),
    ])  # fmt: skip


def parameters(values: View) -> "Text":
    """Return parameters as they are given on the command line, with the beginning of those that are long.

    A text of several words stands in quotes: where it ends would not be seen otherwise.
    """
    return plain(" ".join(f"{name}={_shown(value)}" for name, value in sorted(values.items())))


def diff_picture(console: "Console", view: View) -> "RenderableType":
    """Return what differs between two versions, word by word: in colour, else marked like `git diff --word-diff`."""
    coloured = console.is_terminal and console.color_system is not None and not console.no_color
    title = f"{_label(view['from'])} → {_label(view['to'])}"
    rows = [
        (
            _TEXTS.get(change["field"], change["field"]),
            word_diff(as_text(change["from"]), as_text(change["to"]), coloured=coloured),
        )
        for change in view["changes"]
    ]
    return details([("", title), *rows]) if rows else plain(f"{title}: nothing that changes the picture")


def word_diff(before: str, after: str, *, coloured: bool) -> "Text":
    """Return one text with the words that went and the words that came."""
    from rich.text import Text

    result = Text()
    for what, text in changes(before, after):
        if what == "same":
            result.append_text(plain(text))
            continue
        style, marks = ("red strike", "[--]") if what == "gone" else ("green bold", "{++}")
        shown = plain(text if coloured else f"{marks[:2]}{text}{marks[2:]}")
        shown.stylize(style)
        result.append_text(shown)
    return result


def _shown(value: object) -> str:
    text = given(value)
    beginning, rest = text[:_LONGEST_VALUE], f"… ({len(text):,} characters)" if len(text) > _LONGEST_VALUE else ""
    several = isinstance(value, str) and any(map(str.isspace, beginning))
    return (json.dumps(beginning, ensure_ascii=False) if several else beginning) + rest


def _label(view: View) -> str:
    return f"{view['name']}@{view['version']}"
