"""A report for reviewers: cases and images, and nothing that tells which version made what.

It is made anew of the little that may be seen, so what is added to reports later stays out of it by itself.
"""

import hashlib
from collections.abc import Sequence

from promptlab.services.views import View

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def blinded(view: View, order_seed: int) -> View:
    """Return the blind form of a report: versions have letters, in an order that the project's seed draws.

    `key` says who is behind each letter; it is for the one who sends the report, and no part of the page.
    """
    order = sorted(range(len(view["key"])), key=lambda place: _chance(order_seed, view["key"][place]))
    letters = [letter_of(number) for number in range(len(order))]
    return {
        "created_at": view["created_at"],
        "blind": True,
        "generations": view["generations"],
        "key": [view["key"][place] | {"label": letter} for place, letter in zip(order, letters, strict=True)],
        "versions": [{"label": letter} for letter in letters],
        "cases": [_row(row, order) for row in view["cases"]],
    }


def letter_of(number: int) -> str:
    """Return A, B, …, Z, AA, AB, …."""
    rest, last = divmod(number, len(_LETTERS))
    return (letter_of(rest - 1) if rest else "") + _LETTERS[last]


def _row(row: View, order: Sequence[int]) -> View:
    kept = ("key", "number", "variables", "inputs")
    return {name: row[name] for name in kept} | {
        "marks": [],
        "sides": [[{"outputs": item["outputs"]} for item in row["sides"][place]] for place in order],
    }


def _chance(order_seed: int, version: View) -> bytes:
    key = order_seed.to_bytes(8, "big")
    return hashlib.blake2b(f"report {version['prompt_version_id']}".encode(), key=key, digest_size=8).digest()
