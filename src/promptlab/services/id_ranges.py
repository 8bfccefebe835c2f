"""Ids as a person reads and types them: one by one, or as ranges, `3 7-12`."""

import re
from collections.abc import Iterable, Sequence

from promptlab.errors import InvalidInput

_MOST = 10_000
"""How many ids one range may name; more is a slip of the finger."""

_RANGE = re.compile(r"([0-9]{1,18})(?:-([0-9]{1,18}))?")


def as_ranges(ids: Iterable[int]) -> str:
    """Return the ids in order; three and more in a row are a range."""
    runs: list[list[int]] = []
    for id_ in sorted(set(ids)):
        if runs and id_ == runs[-1][-1] + 1:
            runs[-1].append(id_)
        else:
            runs.append([id_])
    return " ".join(f"{run[0]}-{run[-1]}" if len(run) > 2 else " ".join(map(str, run)) for run in runs)


def from_ranges(texts: Sequence[str]) -> list[int]:
    """Return the ids that a person has typed; raises InvalidInput for what is neither an id nor a range."""
    return [id_ for text in texts for id_ in _from_range(text)]


def _from_range(text: str) -> range:
    found = _RANGE.fullmatch(text)
    if found is None:
        raise InvalidInput(f"{text!r} is no id and no range of ids.", hint="For example 12, or 12-20.")
    first, last = int(found[1]), int(found[2] or found[1])
    if not first <= last < first + _MOST:
        raise InvalidInput(f"{text!r} is no range of 1 to {_MOST} ids.", hint="For example 12-20.")
    return range(first, last + 1)
