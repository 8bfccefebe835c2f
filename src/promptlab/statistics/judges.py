"""What an automatic judge adds to what people said (STATISTICS section 5); its scores are never averaged into theirs.

A. Angelopoulos, J. Duchi, T. Zrnic, "PPI++: Efficient Prediction-Powered Inference" (2023), for a mean.
"""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike

from promptlab.statistics.arrays import Floats, floats, same_length
from promptlab.statistics.betting import check_alpha

LEAST_LABELLED = 60
"""With fewer blocks labelled by people a judge is uncalibrated, and nothing is estimated with it."""


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What people and a judge say together about a mean."""

    labelled: int
    """n: the blocks that people labelled, and the judge too."""
    unlabelled: int
    """N: the blocks that only the judge labelled."""
    correlation: float
    """ρ of judge and people on the labelled blocks; 0 where either does not vary."""
    effective_labels: float
    """How many labels of people the estimate is worth: n / (1 − ρ² · N / (n + N))."""
    estimate: float | None
    """PPI++'s estimate of the mean that people would give; None with a judge that is uncalibrated."""
    interval: tuple[float, float] | None
    """That of the estimate, for one look of a sample of this size: it describes, and decides nothing."""

    @property
    def calibrated(self) -> bool:
        """Whether people labelled enough to say what the judge is worth."""
        return self.estimate is not None


def judged_mean(people: ArrayLike, judge: ArrayLike, judge_alone: ArrayLike, alpha: float = 0.05) -> Judged:
    """Return the mean that people would give to all blocks, from what they gave to some and a judge to all.

        λ = Cov(people, judge) / ((1 + n/N) Var(judge))
        estimate = mean(people) + λ (mean(judge alone) − mean(judge))
        variance = λ² Var(judge) / N + Var(people − λ judge) / n

    with Var(judge) over all n + N. It is right whatever the judge is worth, if the blocks that people labelled were
    drawn at random.

    Args:
        people: n numbers, what people gave to each labelled block.
        judge: n numbers, what the judge gave to the same blocks.
        judge_alone: N numbers, what the judge gave to the others.
        alpha: the probability that the interval misses the mean.

    Raises:
        ValueError: people and judge of different lengths, or alpha outside (0, 1).
    """
    same_length(people, judge)
    check_alpha(alpha)
    labels, guesses, alone = floats(people), floats(judge), floats(judge_alone)
    correlation = _correlation(labels, guesses)
    estimate, error = _estimate(labels, guesses, alone) if len(labels) >= LEAST_LABELLED else (None, 0.0)
    reach = NormalDist().inv_cdf(1 - alpha / 2) * error
    return Judged(
        labelled=len(labels),
        unlabelled=len(alone),
        correlation=correlation,
        effective_labels=effective_labels(len(labels), len(alone), correlation),
        estimate=estimate,
        interval=None if estimate is None else (estimate - reach, estimate + reach),
    )


def effective_labels(labelled: int, unlabelled: int, correlation: float) -> float:
    """Return n / (1 − ρ² · N / (n + N)), the labels of people that n of theirs and N of the judge are worth.

    It is Var(people)/variance of the estimate with the best λ (PPI++, on power tuning): from n, where the judge tells
    nothing, to n + N, where it says what people say.
    """
    if labelled == 0:
        return 0.0
    return labelled / (1 - correlation**2 * unlabelled / (labelled + unlabelled))


def _correlation(labels: Floats, guesses: Floats) -> float:
    if len(labels) < 2 or np.ptp(labels) == 0 or np.ptp(guesses) == 0:
        return 0.0
    return float(np.corrcoef(labels, guesses)[0, 1])


def _estimate(labels: Floats, guesses: Floats, alone: Floats) -> tuple[float, float]:
    """Return the estimate and its standard error."""
    tuned = _tuning(labels, guesses, alone)
    variance = (labels - tuned * guesses).var(ddof=1) / len(labels)
    if not tuned:
        return float(labels.mean()), float(np.sqrt(variance))
    variance += tuned**2 * np.concatenate([guesses, alone]).var(ddof=1) / len(alone)
    return float(labels.mean() + tuned * (alone.mean() - guesses.mean())), float(np.sqrt(variance))


def _tuning(labels: Floats, guesses: Floats, alone: Floats) -> float:
    """Return λ, how far the judge is to be trusted: 0 where it has nothing to add."""
    every = np.concatenate([guesses, alone])
    if not len(alone) or np.ptp(every) == 0:
        return 0.0
    return float(np.cov(labels, guesses)[0, 1] / ((1 + len(labels) / len(alone)) * every.var(ddof=1)))
