"""Evidence and intervals for a mean that hold at every look, by a mixture of bets.

For scores x in [0, 1] and the hypothesis "the mean is at most m" (STATISTICS section 3):

    E(m) = 1/8 · Σ_j Π_i (1 − c_j + c_j · x_i / m)

Under the hypothesis E is a non-negative supermartingale that starts at 1, so it ever reaches 1/α with a probability of
at most α (Ville), however often one looks. It is the betting martingale of Waudby-Smith and Ramdas, "Estimating means
of bounded random variables by betting" (JRSS B 86, 2024, section 4) with constant bets λ = c/m, mixed over a fixed grid
instead of adapted, so that it depends on the counts of distinct scores only, and not on their order.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from promptlab.statistics.arrays import Floats, within

WIN_BETS: Floats = np.geomspace(0.05, 0.6, 8)
"""The bets c_j on wins, ties and losses."""

STAR_BETS: Floats = np.geomspace(0.1, 0.97, 8)
"""The bets c_j on differences in stars, which vary less around the middle than wins and losses do."""

_HALVINGS = 40  # leaves 1e-12 of the way to a limit
_DIGITS = 12  # means that differ by rounding only count as one score

Interval = tuple[float, float]
_Tally = tuple[Floats, Floats]


def log_e(scores: ArrayLike, mean: float, bets: Floats = WIN_BETS) -> float:
    """Return log E, the evidence that the mean of the scores is above `mean`; 0 without any.

    The evidence that it is below is `log_e(1 - scores, 1 - mean)`.

    Args:
        scores: any number of block scores in [0, 1].
        mean: what is doubted, in (0, 1].
        bets: the c_j, each in (0, 1).

    Raises:
        ValueError: a score or the mean out of its range.
    """
    _check_mean(mean)
    return _log_e(_tally(scores), mean, bets)


def growth(scores: ArrayLike, mean: float, bets: Floats = WIN_BETS) -> float:
    """Return by how much log E grows with each block under the best of the bets, if blocks go on as they are.

    It is max_j of the mean of log(1 − c_j + c_j · x / mean); negative where none of the bets would win.

    Raises:
        ValueError: no scores; a score or the mean out of its range.
    """
    _check_mean(mean)
    values, counts = _tally(scores)
    if not len(values):
        raise ValueError("Nothing grows without scores.")
    return float(_logs((values, counts), mean, bets).max() / counts.sum())


def interval(scores: ArrayLike, alpha: float = 0.05, bets: Floats = WIN_BETS) -> Interval:
    """Return the limits of the means that the scores have not refuted at this look or, at 1 − alpha, at any.

    They are {m: E(m) < 2/α on either side}, found by bisection, since E falls in m; each side is at α/2. The mean of
    the scores is always inside; without scores it is (0, 1).

    Args:
        scores: any number of scores in [0, 1].
        alpha: the probability of ever being wrong, in (0, 1).
        bets: the c_j, each in (0, 1).

    Raises:
        ValueError: a score or alpha out of its range.
    """
    check_alpha(alpha)
    values, counts = _tally(scores)
    threshold = math.log(2 / alpha)
    low = _lower_limit((values, counts), threshold, bets)
    return low, 1 - _lower_limit((1 - values, counts), threshold, bets)


def star_interval(differences: ArrayLike, alpha: float = 0.05) -> Interval:
    """Return the interval of a mean difference in stars, from differences in [−4, 4], one a block.

    It is that of x = (d + 4)/8 with bets of its own, in stars again; (−4, 4) without differences.

    Raises:
        ValueError: a difference or alpha out of its range.
    """
    low, high = interval((within(differences, -4, 4) + 4) / 8, alpha, STAR_BETS)
    return 8 * low - 4, 8 * high - 4


def mean_interval(scores: ArrayLike, alpha: float = 0.05) -> Interval:
    """Return the interval of a version's mean, from scores in [1, 5], one a generation (the mean of its raters).

    It is that of x = (score − 1)/4 (STATISTICS section 4), in stars again; (1, 5) without scores.

    Raises:
        ValueError: a score or alpha out of its range.
    """
    low, high = interval((within(scores, 1, 5) - 1) / 4, alpha)
    return 4 * low + 1, 4 * high + 1


def running_interval(scores: ArrayLike, alpha: float, at: Sequence[int]) -> list[Interval]:
    """Return the interval as it was after each of the numbers of blocks in `at`; scores in order of arrival.

    Raises:
        ValueError: a score or alpha out of its range.
    """
    array = within(scores, 0, 1)
    return [interval(array[:blocks], alpha) for blocks in at]


def check_alpha(alpha: float) -> None:
    """Raises ValueError for an alpha outside (0, 1)."""
    if not 0 < alpha < 1:
        raise ValueError(f"alpha is a probability between 0 and 1, not {alpha}.")


def _check_mean(mean: float) -> None:
    if not 0 < mean <= 1:
        raise ValueError(f"The mean that is doubted is in (0, 1], not {mean}.")


def _tally(scores: ArrayLike) -> _Tally:
    values, counts = np.unique(np.round(within(scores, 0, 1), _DIGITS), return_counts=True)
    return values, counts.astype(np.float64)


def _logs(tally: _Tally, mean: float, bets: Floats) -> Floats:
    """Return the log of what each of the bets has become: one number a bet."""
    values, counts = tally
    logs: Floats = np.log1p(np.multiply.outer(bets, values / mean - 1)) @ counts
    return logs


def _log_e(tally: _Tally, mean: float, bets: Floats) -> float:
    return float(np.logaddexp.reduce(_logs(tally, mean, bets))) - math.log(len(bets))


def _lower_limit(tally: _Tally, threshold: float, bets: Floats) -> float:
    """Return the highest mean that is refuted: E is below 1 at the mean of the scores (Jensen), so it lies below it."""
    values, counts = tally
    low, high = 0.0, float(values @ counts) / max(float(counts.sum()), 1.0)
    for _ in range(_HALVINGS if high > 0 else 0):
        middle = (low + high) / 2
        refuted = _log_e(tally, middle, bets) >= threshold
        low, high = (middle, high) if refuted else (low, middle)
    return low
