"""Agreement among raters: Krippendorff's alpha, with a bootstrap over units.

K. Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011): alpha = 1 − D_o / D_e, the disagreement observed
within units over the one expected by chance, from the matrix of coincidences

    o_ck = Σ_u (ordered pairs of a value c and a value k in unit u) / (m_u − 1)

over the units with m_u ≥ 2 ratings; with n_c = Σ_k o_ck and n = Σ_c n_c,

    alpha = 1 − (n − 1) Σ o_ck δ²_ck / Σ n_c n_k δ²_ck
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from promptlab.statistics.arrays import Floats, Ints, floats, numbered, same_length

Level = Literal["nominal", "ordinal", "interval", "ratio"]

_TAILS = (0.025, 0.975)


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How far raters agree where they rated the same units."""

    alpha: float | None
    """1 for perfect agreement, 0 for that of chance, at least −1; None where it is not defined."""
    interval: tuple[float, float] | None
    """The middle 95 % of the bootstrap; None where alpha is, or without a resample where it is defined."""
    units: int
    """How many units have two ratings or more."""
    raters: int | None
    """How many different people rated any of those; None where ratings were counted already."""


@dataclass(frozen=True, kw_only=True)
class _Patterns:
    """The different ways in which units were rated: P of them, over V values."""

    values: Floats
    counts: Floats
    """P × V: how often each value stands in a unit of that pattern."""
    units: Ints
    """P: how many units have it."""


def agreement(
    unit: ArrayLike,
    rater: ArrayLike,
    score: ArrayLike,
    level: Level = "ordinal",
    *,
    resamples: int = 1000,
    seed: int = 0,
) -> Agreement:
    """Return Krippendorff's alpha of ratings, with its bootstrap interval.

    The bootstrap draws units with replacement. Units with the same values are alike, so it draws how often each
    pattern comes, from a multinomial distribution: the same thing, at a cost that does not grow with the ratings.

    Args:
        unit: n ids of what was rated.
        rater: n ids of raters; each pair of unit and rater once.
        score: n numbers of few distinct values; positive ones for "ratio".
        level: how far two values are apart, as Krippendorff (2011) defines δ².
        resamples: how many times to draw; 0 draws none, and there is no interval.
        seed: of the generator, so that the same data always have the same interval.

    Raises:
        ValueError: columns of different lengths.
    """
    same_length(unit, rater, score)
    units, places = numbered(unit)
    paired = np.bincount(places, minlength=len(units))[places] > 1
    raters = len(np.unique(np.asarray(rater).ravel()[paired]))
    if not paired.any():
        return Agreement(alpha=None, interval=None, units=0, raters=0)
    patterns = _patterns(places[paired], floats(score)[paired])
    return _agreement(patterns, level, raters=raters, resamples=resamples, seed=seed)


def counted_agreement(
    values: ArrayLike, counts: ArrayLike, units: ArrayLike, *, resamples: int = 1000, seed: int = 0
) -> Agreement:
    """Return the same for ordinal ratings that have been counted already.

    Args:
        values: V distinct scores, in their order.
        counts: P × V: in how many ratings each of P patterns has each score, two or more in all.
        units: how many units have each of the patterns.
        resamples: as of `agreement`.
        seed: likewise.
    """
    given = np.asarray(counts, dtype=np.float64).reshape(-1, len(np.asarray(values)))
    if not len(given):
        return Agreement(alpha=None, interval=None, units=0, raters=None)
    patterns = _Patterns(values=floats(values), counts=given, units=np.asarray(units, dtype=np.int64))
    return _agreement(patterns, "ordinal", raters=None, resamples=resamples, seed=seed)


def _agreement(patterns: _Patterns, level: Level, *, raters: int | None, resamples: int, seed: int) -> Agreement:
    number = int(patterns.units.sum())
    alpha = float(_alphas(patterns, patterns.units[np.newaxis], level)[0])
    if np.isnan(alpha):
        return Agreement(alpha=None, interval=None, units=number, raters=raters)
    draws = np.random.default_rng(seed).multinomial(number, patterns.units / number, size=resamples)
    return Agreement(alpha=alpha, interval=_middle(_alphas(patterns, draws, level)), units=number, raters=raters)


def _patterns(places: Ints, scores: Floats) -> _Patterns:
    """Return the patterns of units that all have two ratings or more."""
    units, unit_places = numbered(places)
    values, value_places = np.unique(scores, return_inverse=True)
    cells = np.bincount(unit_places * len(values) + value_places, minlength=len(units) * len(values))
    counts, number = np.unique(cells.reshape(len(units), len(values)), axis=0, return_counts=True)
    return _Patterns(values=values, counts=counts.astype(np.float64), units=number.astype(np.int64))


def _alphas(patterns: _Patterns, draws: Ints, level: Level) -> Floats:
    """Return alpha for each of R × P draws of how many units have each pattern; nan where values do not vary."""
    counts = patterns.counts
    pairs = counts[:, :, np.newaxis] * counts[:, np.newaxis, :] - counts[:, :, np.newaxis] * np.eye(counts.shape[1])
    each = pairs / (counts.sum(axis=1) - 1)[:, np.newaxis, np.newaxis]
    coincidences = np.tensordot(draws.astype(np.float64), each, axes=1)
    margins = coincidences.sum(axis=2)
    distances = _distances(patterns.values, margins, level)
    observed = (coincidences * distances).sum(axis=(1, 2))
    expected = np.einsum("rc,rk,rck->r", margins, margins, distances)
    total = margins.sum(axis=1)
    with np.errstate(invalid="ignore"):  # 0 / 0 is what "not defined" means
        return floats(1 - (total - 1) * observed / expected)


def _distances(values: Floats, margins: Floats, level: Level) -> Floats:
    """Return δ²_ck for each of R margins over V values: R × V × V."""
    # Ordinal: Σ n_g from c to k, less half of either end, is the distance between their middle ranks.
    places = np.cumsum(margins, axis=1) - margins / 2 if level == "ordinal" else np.broadcast_to(values, margins.shape)
    apart: Floats = places[:, :, np.newaxis] - places[:, np.newaxis, :]
    if level == "nominal":
        return np.where(apart == 0, 0.0, 1.0)
    if level == "ratio":
        apart = apart / (places[:, :, np.newaxis] + places[:, np.newaxis, :])
    return apart**2


def _middle(alphas: Floats) -> tuple[float, float] | None:
    defined = alphas[~np.isnan(alphas)]
    if not len(defined):
        return None
    low, high = np.quantile(defined, _TAILS)
    return float(low), float(high)
