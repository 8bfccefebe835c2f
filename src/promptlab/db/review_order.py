"""The order of review: the place of each generation in it, drawn from the seed of its project.

Only who rates both versions of a case says something about the versions. So all of a case, its block, stands together;
which block is next, and which of its generations, is random, so that no order tells a version or a draw. Without a
case the k-th draws of a prompt are a block. A place is a number that is known when a generation is planned: the queue
is read from an index, and whoever knows the seed can check that nobody has chosen the order.

The upper 41 bits of a place are its block, the lower 22 are the generation in it. Both are hashes, and where the draw
matters it moves them by a permutation of its multiples. So of each draft only four numbers are hashed, and the database
computes the places of all its draws.
"""

import hashlib
from typing import Any

ITEM_BITS = 22
"""How many bits of a place tell generations of a block apart."""

_BLOCKS, _ITEMS = 2**41, 2**ITEM_BITS
_SPREAD = 2**30  # a number below it, times twice that number, is still one that databases can hold


def bases(order_seed: int, *, case_hash: str | None, prompt: str, request_key: str) -> dict[str, int]:
    """Return what the places of all draws of a draft follow from: the columns of a staged draft that `place` takes."""
    block = _hashed(order_seed, f"prompt {prompt}" if case_hash is None else f"case {case_hash}")
    item = _hashed(order_seed, f"request {request_key}")
    return {
        "block_base": block % _BLOCKS,
        "block_step": block // _BLOCKS % _SPREAD | 1 if case_hash is None else 0,
        "item_base": item % _ITEMS,
        "item_step": item // _ITEMS % _ITEMS | 1,
    }


def place(of: Any, draw: Any) -> Any:
    """Return the place of one draw of the draft that has these bases; all of them numbers, or columns of a table."""
    block = (of["block_base"] + _scattered(of["block_step"] * draw, _SPREAD) * (_BLOCKS // _SPREAD)) % _BLOCKS
    item = (of["item_base"] + _scattered(of["item_step"] * draw, _ITEMS)) % _ITEMS
    return block * _ITEMS + item


def block_of(review_position: int) -> int:
    """Return the block that a place belongs to."""
    return review_position >> ITEM_BITS


def _scattered(number: Any, size: int) -> Any:
    """Return a permutation of the numbers below `size`, a power of two; 0 stays 0.

    Multiples of a number go round at a steady pace, which would tell draws apart. RC6 mixes with x(2x + 1) (Rivest and
    others 1998): its upper bits depend on all others.
    """
    rest = number % size
    return rest * (2 * rest + 1) % size


def _hashed(order_seed: int, text: str) -> int:
    key = order_seed.to_bytes(8, "big")
    return int.from_bytes(hashlib.blake2b(text.encode(), key=key, digest_size=16).digest(), "big")
