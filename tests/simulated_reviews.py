"""Reviews that are made up, many at a time: what would be said if it were known which version is better.

Run r of a simulation is one review; arrays are runs × blocks. Used by the tests, and in full by `bench.verdicts`.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from promptlab.statistics.betting import WIN_BETS
from promptlab.statistics.blocks import block_scores

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Review:
    """How a review goes: who rates, how they differ, and how the candidate really is."""

    blocks: int
    ratings: int = 2
    """How many of the raters rate each block."""
    raters: int = 5
    severity: float = 1.0
    """How far the raters' means differ: the standard deviation, in stars."""
    draws: int = 2
    failing: float = 0.0
    """In so many of the cases the candidate is one star and the baseline more; in the others they are alike.

    So θ is (1 − failing) / 2: a true tie without, and at the edge of a margin with twice the margin.
    """


@dataclass(frozen=True, kw_only=True)
class Rated:
    """The ratings of all runs: flat columns, one row a block and rater."""

    block: NDArray[np.int64]
    rater: NDArray[np.int64]
    baseline: Floats
    candidates: list[Floats]


def rated(review: Review, runs: int, random: np.random.Generator, *, candidates: int = 1) -> Rated:
    """Return the ratings of so many runs, with candidates that stand beside one baseline."""
    shape = (runs, review.blocks, review.ratings)
    rater = (
        random.integers(review.raters, size=shape[:2])[..., np.newaxis] + np.arange(review.ratings)
    ) % review.raters
    severity = review.severity * random.normal(size=(runs, review.raters))
    level = 3 + 0.7 * random.normal(size=(*shape[:2], 1)) + severity[np.arange(runs)[:, np.newaxis, np.newaxis], rater]
    failed = np.broadcast_to(random.random((*shape[:2], 1)) < review.failing, shape)
    baseline = _stars(level, review.draws, random)
    return Rated(
        block=np.repeat(np.arange(runs * review.blocks), review.ratings),
        rater=rater.ravel(),
        baseline=np.where(failed, np.maximum(baseline, 2), baseline).ravel(),
        candidates=[np.where(failed, 1, _stars(level, review.draws, random)).ravel() for _ in range(candidates)],
    )


def _stars(level: Floats, draws: int, random: np.random.Generator) -> Floats:
    """Return the mean stars of each rater for each block: images differ, and so does what one sees in them."""
    image = 0.6 * random.normal(size=(*level.shape[:2], 1, draws))
    seen = level[..., np.newaxis] + image + 0.5 * random.normal(size=(*level.shape, draws))
    return np.asarray(np.clip(np.round(seen), 1, 5).mean(axis=-1))


def scores(review: Review, runs: int, random: np.random.Generator, *, candidates: int = 1) -> list[Floats]:
    """Return the block scores of each candidate, runs × blocks, by way of `block_scores`."""
    ratings = rated(review, runs, random, candidates=candidates)
    found = [block_scores(ratings.block, ratings.rater, ratings.baseline, entry) for entry in ratings.candidates]
    return [entry.scores.reshape(runs, review.blocks) for entry in found]


def outcomes(wins: float, ties: float, blocks: int, runs: int, random: np.random.Generator) -> Floats:
    """Return block scores of one rater with so many wins and ties, as shares."""
    return random.choice([1.0, 0.5, 0.0], p=[wins, ties, 1 - wins - ties], size=(runs, blocks))


def evidence(scores: Floats, boundary: float) -> Floats:
    """Return log E that the mean is above the boundary, after each block."""
    total = np.full(scores.shape, -np.inf)
    for bet in WIN_BETS:
        total = np.logaddexp(total, np.cumsum(np.log1p(bet * (scores / boundary - 1)), axis=-1))
    return np.asarray(total - math.log(len(WIN_BETS)))


def ever_above(scores: Floats, boundary: float, odds: float) -> NDArray[np.bool_]:
    """Say for each run whether E(mean > boundary) was ever so much, with a look after every block."""
    return np.asarray((evidence(scores, boundary) >= math.log(odds)).any(axis=-1))


def ever_told(scores: Floats, boundary: float, odds: float) -> NDArray[np.bool_]:
    """Say for each run whether the evidence of either side was ever so much."""
    return ever_above(scores, boundary, odds) | ever_above(1 - scores, 1 - boundary, odds)


def blocks_to_tell(scores: Floats, boundary: float, odds: float) -> Floats:
    """Return for each run after how many blocks E(mean > boundary) first was so much; infinite where it never was."""
    told = evidence(scores, boundary) >= math.log(odds)
    return np.where(told.any(axis=-1), told.argmax(axis=-1) + 1.0, math.inf)


def ever_told_while_raters_come(review: Review, runs: int, random: np.random.Generator, odds: float) -> float:
    """Return the share of runs in which a tie was ever told from ½, with a look after every single rating.

    The raters of a block do not come one after the other, but whenever they do: the score of a block that others have
    rated already moves with each of them.
    """
    ratings = rated(review, runs, random)
    each = block_scores(np.arange(len(ratings.block)), ratings.rater, ratings.baseline, ratings.candidates[0]).scores
    outcome = each.reshape(runs, review.blocks, review.ratings)
    sums, counts = np.zeros((2, runs, review.blocks))
    bets, rows = np.stack([WIN_BETS, -WIN_BETS]), np.arange(runs)
    growth, told = np.zeros((runs, *bets.shape)), np.zeros(runs, dtype=bool)
    order = random.permuted(np.tile(np.arange(review.blocks * review.ratings), (runs, 1)), axis=1)
    for place in order.T:
        block = place // review.ratings
        growth -= _logs(sums[rows, block], counts[rows, block], bets)
        sums[rows, block] += outcome[rows, block, place % review.ratings]
        counts[rows, block] += 1
        growth += _logs(sums[rows, block], counts[rows, block], bets)
        told |= (np.exp(growth).mean(axis=2) >= odds).any(axis=1)
    return float(told.mean())


def _logs(sums: Floats, counts: Floats, bets: Floats) -> Floats:
    """Return what blocks add to the logs of the bets for and against ½: nothing before anybody has rated them."""
    apart = np.where(counts > 0, 2 * sums / np.maximum(counts, 1) - 1, 0)
    return np.asarray(np.log1p(bets * apart[:, np.newaxis, np.newaxis]))
