"""What differs between two texts, word by word."""

import json
import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Literal

Kind = Literal["same", "gone", "come"]


def changes(before: str, after: str) -> Iterator[tuple[Kind, str]]:
    """Yield the parts of two texts: what is in both, what went, and what came."""
    old, new = (re.findall(r"\s+|[^\s]+", text) for text in (before, after))
    # Of long texts it passes over what occurs everywhere: with every blank and "the" it would take minutes.
    for what, from_old, to_old, from_new, to_new in SequenceMatcher(None, old, new).get_opcodes():
        gone, come = "".join(old[from_old:to_old]), "".join(new[from_new:to_new])
        if what == "equal":
            yield "same", gone
            continue
        if gone:
            yield "gone", gone
        if come:
            yield "come", come


def as_text(value: object) -> str:
    """Return a part of a version's content as a text; parameters as they are given on the command line."""
    if value is None:
        return ""
    if isinstance(value, dict):
        return " ".join(f"{name}={given(each)}" for name, each in sorted(value.items()))
    return str(value)


def given(value: object) -> str:
    """Return a parameter's value as it is given on the command line."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
