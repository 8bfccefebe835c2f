"""What people say of many versions, paired: a candidate beside a baseline, in the blocks that have both."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from promptlab.statistics.arrays import Floats, Ints, floats
from promptlab.statistics.blocks import BlockScores, block_scores, vote_scores


@dataclass(frozen=True, kw_only=True, eq=False)
class Ratings:
    """n mean scores, each of what one rater says of one version in one block; each of these three together once."""

    version: Ints
    block: Ints
    rater: Ints
    score: Floats
    arrival: Ints
    """What sorts them by when they came."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Votes:
    """n votes between two versions, in order of arrival."""

    left: Ints
    right: Ints
    block: Ints
    rater: Ints
    score: Floats
    """Of the left one: 1, ½ or 0."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Evidence:
    """What is known about a candidate beside the baseline."""

    scores: BlockScores
    in_order: Floats
    """The scores of the blocks in the order in which each was first complete."""


def ratings(
    version: ArrayLike,
    block: ArrayLike,
    rater: Sequence[str],
    *,
    total: ArrayLike,
    number: ArrayLike,
    arrival: ArrayLike,
) -> Ratings:
    """Return ratings from columns: scores are given as their sum and their number, raters by name."""
    return Ratings(
        version=_ints(version),
        block=_ints(block),
        rater=_coded(rater),
        score=floats(total) / floats(number),
        arrival=_ints(arrival),
    )


def votes(left: ArrayLike, right: ArrayLike, block: ArrayLike, rater: Sequence[str], score: ArrayLike) -> Votes:
    """Return votes from columns; raters by name."""
    return Votes(left=_ints(left), right=_ints(right), block=_ints(block), rater=_coded(rater), score=floats(score))


def from_ratings(given: Ratings, baseline: int, candidate: int) -> Evidence:
    """Return what those say who rated both versions in a block."""
    key = given.block * (given.rater.max(initial=0) + 1) + given.rater
    of_baseline, of_candidate = (np.flatnonzero(given.version == version) for version in (baseline, candidate))
    _both, ours, theirs = np.intersect1d(
        key[of_baseline], key[of_candidate], assume_unique=True, return_indices=True
    )  # fmt: skip
    first, second = of_baseline[ours], of_candidate[theirs]
    scores = block_scores(given.block[first], given.rater[first], given.score[first], given.score[second])
    complete = np.maximum(given.arrival[first], given.arrival[second])
    return Evidence(scores=scores, in_order=_in_order(scores, given.block[first], complete))


def from_votes(cast: Votes, baseline: int, candidate: int) -> Evidence:
    """Return what the votes between the two say, whichever side the candidate was on."""
    on_left = (cast.left == candidate) & (cast.right == baseline)
    on_right = (cast.left == baseline) & (cast.right == candidate)
    these = on_left | on_right
    block, score = cast.block[these], np.where(on_left, cast.score, 1 - cast.score)[these]
    scores = vote_scores(block, cast.rater[these], score)
    return Evidence(scores=scores, in_order=_in_order(scores, block, np.arange(len(score))))


def _in_order(scores: BlockScores, block: Ints, arrival: Ints) -> Floats:
    first = np.full(len(scores.blocks), np.iinfo(np.int64).max)
    np.minimum.at(first, np.searchsorted(scores.blocks, block), arrival)
    return floats(scores.scores[np.argsort(first, kind="stable")])


def _ints(values: ArrayLike) -> Ints:
    return np.asarray(values, dtype=np.int64).ravel()


def _coded(names: Sequence[str]) -> Ints:
    """Return a number for each name; sorting them, as arrays would, takes far longer."""
    codes: dict[str, int] = {}
    return np.fromiter((codes.setdefault(name, len(codes)) for name in names), np.int64, len(names))
