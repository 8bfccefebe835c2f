"""How severe each rater is, beside those who rated the same things."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

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
