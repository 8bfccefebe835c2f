"""False verdicts and true ones by simulation, with a look after every block; and the speed of 100,000 ratings."""

import math
from collections.abc import Callable

import numpy as np  # noqa: TID253 - nobody waits for the start of a benchmark
from numpy.typing import NDArray  # noqa: TID253
from tests.simulated_reviews import (
    Review,
    blocks_to_tell,
    ever_above,
    ever_told,
    ever_told_while_raters_come,
    outcomes,
    rated,
    scores,
)

from bench._measure import medians, report, report_most
from promptlab.statistics.agreement import agreement
from promptlab.statistics.blocks import block_scores
from promptlab.statistics.planning import more_blocks
from promptlab.statistics.verdicts import compare, gate

ALPHA = 0.05
RUNS, CHUNK = 10_000, 1_000
TIE = Review(blocks=400)
EDGE = Review(blocks=400, failing=0.2)
"""The candidate fails in a fifth of the cases: θ = ½ − 0.10, the edge of the gate's margin."""
CASES, RATERS = 12_500, 4
RATINGS = 2 * CASES * RATERS
MEDIAN, WITHIN = 94, 0.10
"""Blocks to a decision at θ = .62 (STATISTICS section 3), and how near to it the median must be."""

Told = NDArray[np.bool_]


def share(told: Callable[[np.random.Generator], Told], runs: int = RUNS) -> float:
    """Return the share of so many runs in which it was told, a thousand at a time."""
    random = np.random.default_rng(6)
    return float(np.mean([told(random) for _ in range(runs // CHUNK)]))


def any_of_three(random: np.random.Generator) -> Told:
    """Three candidates as good as their baseline; each is held to a third of alpha."""
    told = [ever_told(entry, 0.5, 2 * 3 / ALPHA) for entry in scores(TIE, CHUNK, random, candidates=3)]
    return np.asarray(np.any(told, axis=0))


def false_verdicts() -> None:
    raters = f"{TIE.ratings} of {TIE.raters} raters a block, {TIE.draws} draws, {RUNS:,} runs"
    print(f"False verdicts with a look after each of {TIE.blocks} blocks; {raters}:")
    tie = share(lambda random: ever_told(scores(TIE, CHUNK, random)[0], 0.5, 2 / ALPHA))
    report_most("compare, a true tie", tie, ALPHA)
    report_most("compare, three candidates that tie", share(any_of_three), ALPHA)
    passed = share(lambda random: ever_above(scores(EDGE, CHUNK, random)[0], 0.4, 1 / ALPHA))
    report_most("gate passes at the edge of its margin", passed, ALPHA)
    worse = share(lambda random: ever_above(1 - scores(EDGE, CHUNK, random)[0], 0.6, 1 / ALPHA))
    report_most("gate says worse at the edge of its margin", worse, ALPHA)
    tied = share(lambda random: ever_above(1 - scores(TIE, CHUNK, random)[0], 0.6, 1 / ALPHA))
    report_most("gate says worse of a true tie", tied, ALPHA)


def false_verdicts_later() -> None:
    long = share(lambda random: ever_told(outcomes(0.35, 0.3, 3000, CHUNK, random), 0.5, 2 / ALPHA))
    report_most("compare, a true tie, to 3,000 blocks of one rater", long, ALPHA)
    review = Review(blocks=150, ratings=3)
    coming = ever_told_while_raters_come(review, RUNS, np.random.default_rng(6), 2 / ALPHA)
    report_most("compare, a true tie, a look after every rating while raters come in any order", coming, ALPHA)


def power() -> None:
    """Print how soon θ = .62 is told with three ties of ten, and how often within the range that was named."""
    random = np.random.default_rng(6)
    blocks = np.concatenate(
        [blocks_to_tell(outcomes(0.47, 0.3, 600, CHUNK, random), 0.5, 2 / ALPHA) for _ in range(RUNS // CHUNK)]
    )
    median = float(np.median(blocks))
    print(f"Median number of blocks until θ = .62 is told: {median:.0f}; the reference is {MEDIAN}")
    report_most("distance from the reference", abs(median / MEDIAN - 1), WITHIN)
    runs = outcomes(0.47, 0.3, 2000, CHUNK, random)
    for looked in (20, 60):
        print(f"told within the named range of more blocks, looking after {looked}: {within_range(runs, looked):.2f}")


def within_range(runs: NDArray[np.float64], looked: int) -> float:
    """Return how many of the runs that were undecided then were told within the range of more blocks named then."""
    named = [(more_blocks(run[:looked], 0.5, math.log(2 / ALPHA)), run) for run in runs]
    told = [
        more[0] <= blocks_to_tell(run, 0.5, 2 / ALPHA) - looked <= more[1]
        for more, run in named
        if more is not None and more != (0, 0)
    ]
    return float(np.mean(told))


def speed() -> None:
    random = np.random.default_rng(6)
    ratings = rated(Review(blocks=CASES, ratings=RATERS, draws=1), 1, random)
    candidate = ratings.candidates[0]
    units = np.concatenate([2 * ratings.block, 2 * ratings.block + 1])
    raters, stars = np.tile(ratings.rater, 2), np.concatenate([ratings.baseline, candidate])

    def comparison() -> None:
        found = block_scores(ratings.block, ratings.rater, ratings.baseline, candidate)
        compare([found])
        agreement(units, raters, stars, resamples=0)

    actions = {
        "compare": comparison,
        "gate": lambda: gate(block_scores(ratings.block, ratings.rater, ratings.baseline, candidate)),
        "agreement with 1,000 resamples": lambda: agreement(units, raters, stars),
    }
    assert len(stars) == RATINGS
    for name, seconds in medians(actions, rounds=5).items():
        report(f"seconds of {RATINGS:,} ratings, {name}", seconds, 1.0)


def main() -> None:
    false_verdicts()
    false_verdicts_later()
    power()
    speed()


if __name__ == "__main__":
    main()
