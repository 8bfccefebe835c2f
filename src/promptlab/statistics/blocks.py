"""Block scores: what each case says about two versions, compared within each rater only (STATISTICS section 1)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from promptlab.statistics.arrays import Floats, Ints, floats, numbered, same_length, within

_DIGITS = 9  # two means of the same stars that differ by rounding only are a tie


@dataclass(frozen=True, kw_only=True, eq=False)
class BlockScores:
    """What each of n blocks says about a candidate beside the baseline."""

    blocks: NDArray[np.generic]
    """The ids of the blocks, sorted."""
    scores: Floats
    """For each block the share of its raters for whom the candidate won, ties as half: in [0, 1]."""
    star_differences: Floats | None
    """For each block candidate − baseline in stars, the mean over its raters, in [−4, 4]; None for votes."""
    raters: int
    """How many different people rated any of the blocks."""

    @property
    def wins(self) -> int:
        """How many blocks the candidate won."""
        return int((self.scores > 0.5).sum())

    @property
    def ties(self) -> int:
        """How many blocks nobody won."""
        return int((self.scores == 0.5).sum())

    @property
    def losses(self) -> int:
        """How many blocks the baseline won."""
        return int((self.scores < 0.5).sum())


def block_scores(block: ArrayLike, rater: ArrayLike, baseline: ArrayLike, candidate: ArrayLike) -> BlockScores:
    """Return the block scores of one candidate from ratings.

    Per row x = 1, ½ or 0, as the candidate's mean is above, equal to or below the baseline's; per block the mean of x
    over its raters.

    Args:
        block: n ids of blocks.
        rater: n ids of raters; each pair of block and rater once.
        baseline: n mean scores of the baseline's draws in that block by that rater, in [1, 5].
        candidate: n mean scores of the candidate's draws, likewise.

    Raises:
        ValueError: columns of different lengths, or a score out of its range.
    """
    same_length(block, rater, baseline, candidate)
    differences = within(candidate, 1, 5) - within(baseline, 1, 5)
    wins = (np.sign(np.round(differences, _DIGITS)) + 1) / 2
    blocks, places = numbered(block)
    return BlockScores(
        blocks=blocks,
        scores=_means(places, wins, len(blocks)),
        star_differences=_means(places, differences, len(blocks)),
        raters=len(np.unique(np.asarray(rater))),
    )


def vote_scores(block: ArrayLike, rater: ArrayLike, score: ArrayLike) -> BlockScores:
    """Return the block scores of one candidate from votes, of which a rater may have cast several in a block.

    Per block and rater the mean of their votes, per block the mean over its raters.

    Args:
        block: n ids of blocks.
        rater: n ids of raters.
        score: n votes: 1 for the candidate, ½ for a tie, 0 for the baseline.

    Raises:
        ValueError: columns of different lengths, or a vote outside [0, 1].
    """
    same_length(block, rater, score)
    (blocks, block_places), (raters, rater_places) = numbered(block), numbered(rater)
    pairs, pair_places = numbered(block_places * len(raters) + rater_places)
    by_rater = _means(pair_places, within(score, 0, 1), len(pairs))
    block_of_pair = pairs.astype(np.int64) // max(len(raters), 1)
    return BlockScores(
        blocks=blocks,
        scores=_means(block_of_pair, by_rater, len(blocks)),
        star_differences=None,
        raters=len(raters),
    )


def _means(places: Ints, values: Floats, number: int) -> Floats:
    """Return the mean of the values at each of so many places."""
    return floats(np.bincount(places, values, number) / np.bincount(places, minlength=number))
