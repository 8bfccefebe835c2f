"""The arrays of this room, and what is asked of them."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def floats(values: ArrayLike) -> Floats:
    """Return the values as one flat array of floats."""
    return np.asarray(values, dtype=np.float64).ravel()


def within(values: ArrayLike, low: float, high: float) -> Floats:
    """Return the values as floats; raises ValueError for one outside [low, high], or that is no number."""
    array = floats(values)
    if not ((array >= low) & (array <= high)).all():
        raise ValueError(f"Every value must be in [{low:g}, {high:g}].")
    return array


def numbered(names: ArrayLike) -> tuple[NDArray[np.generic], Ints]:
    """Return the distinct names, sorted, and for each entry the place of its name among them."""
    distinct, places = np.unique(np.asarray(names).ravel(), return_inverse=True)
    return distinct, places.astype(np.int64)


def same_length(*columns: ArrayLike) -> None:
    """Say nothing of columns of one table; raises ValueError where their lengths differ."""
    lengths = {len(np.asarray(column)) for column in columns}
    if len(lengths) > 1:
        raise ValueError(f"The columns of a table have one length, not {sorted(lengths)}.")
