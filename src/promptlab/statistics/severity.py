"""How severe each rater is, and how far they agree, beside those who rated the same things."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from promptlab.statistics.agreement import counted_agreement
from promptlab.statistics.arrays import floats, numbered, same_length


@dataclass(frozen=True, kw_only=True)
class Severity:
    """How one rater's scores lie beside those of the others."""

    rater: int
    deviation: float | None
    """Stars above (lenient) or below (severe) the mean of the others on the same units; None without such a unit."""
    shared: int
    """How many units somebody else rated too."""


def severities(unit: ArrayLike, rater: ArrayLike, score: ArrayLike) -> list[Severity]:
    """Return the severity of each rater, by id.

    deviation = mean over the shared units u of (score_u − mean of the others' scores of u), so units that only lenient
    people rated do not make a rater lenient. It is relative to whom they shared units with.

    Args:
        unit: n ids of what was rated.
        rater: n ids of raters; each pair of unit and rater once.
        score: n scores.

    Raises:
        ValueError: columns of different lengths.
    """
    same_length(unit, rater, score)
    (units, unit_places), (raters, rater_places) = numbered(unit), numbered(rater)
    scores = floats(score)
    ratings = np.bincount(unit_places, minlength=len(units))[unit_places]
    others = np.bincount(unit_places, scores, len(units))[unit_places] - scores
    paired = ratings > 1
    deviations = scores[paired] - others[paired] / (ratings[paired] - 1)
    shared = np.bincount(rater_places[paired], minlength=len(raters))
    sums = np.bincount(rater_places[paired], deviations, len(raters))
    return [
        Severity(rater=int(name), deviation=float(total / number) if number else None, shared=int(number))
        for name, total, number in zip(raters.tolist(), sums, shared, strict=True)
    ]


def agreement_with_others(unit: ArrayLike, rater: ArrayLike, score: ArrayLike) -> dict[int, float | None]:
    """Return Krippendorff's ordinal alpha of each rater with the others, by id; None where it is not defined.

    It is that of all pairs of a score of theirs and one of somebody else's for the same unit. It takes severity for
    disagreement too.

    Args:
        unit: n ids of what was rated.
        rater: n ids of raters; each pair of unit and rater once.
        score: n scores of few distinct values.

    Raises:
        ValueError: columns of different lengths.
    """
    same_length(unit, rater, score)
    (units, unit_places), (raters, rater_places) = numbered(unit), numbered(rater)
    values, value_places = numbered(floats(score))
    both = np.eye(len(values))[:, np.newaxis] + np.eye(len(values))  # V × V patterns of two scores
    found: dict[int, float | None] = {}
    for place, name in enumerate(raters.tolist()):
        own = np.full(len(units), -1)
        mine = rater_places == place
        own[unit_places[mine]] = value_places[mine]
        beside = ~mine & (own[unit_places] >= 0)
        pairs = np.bincount(own[unit_places[beside]] * len(values) + value_places[beside], minlength=len(values) ** 2)
        there = pairs > 0
        agreed = counted_agreement(values, both.reshape(-1, len(values))[there], pairs[there], resamples=0)
        found[int(name)] = agreed.alpha
    return found
