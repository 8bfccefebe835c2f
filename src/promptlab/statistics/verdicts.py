"""Verdicts over candidates, and the gate: what may be said now, and at every later look (STATISTICS section 3)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from promptlab.statistics.betting import Interval, check_alpha, interval, log_e, star_interval
from promptlab.statistics.blocks import BlockScores
from promptlab.statistics.planning import more_blocks

_TIE = 0.5


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What is known about one candidate beside the baseline."""

    verdict: Literal["better", "worse", "undecided"]
    """Better when the interval lies above ½, worse when below."""
    theta: float | None
    """P(the candidate wins) + ½ P(tie), as it was in the blocks; None without blocks."""
    interval: Interval
    """That of theta."""
    blocks: int
    raters: int
    wins: int
    ties: int
    losses: int
    star_difference: float | None
    """Candidate − baseline, the mean over blocks; None without blocks or stars."""
    star_interval: Interval | None
    """That of the mean difference; None without stars."""
    log_e_better: float
    """The log of the evidence that theta is above ½."""
    log_e_worse: float
    """The log of the evidence that theta is below ½."""
    more_blocks: tuple[int, int] | None
    """A rough range of how many more blocks would tell; (0, 0) when decided, None where nothing can be expected to."""
    alpha: float
    """Of both intervals: that of the whole comparison divided by the number of candidates."""


@dataclass(frozen=True, kw_only=True)
class GateVerdict:
    """Whether a candidate may replace the baseline."""

    verdict: Literal["pass", "worse", "undecided"]
    theta: float | None
    """P(the candidate wins) + ½ P(tie), as it was in the blocks; None without blocks."""
    interval: Interval
    """That of theta at 2·alpha, so each end is held at 1 − alpha, as the verdict is (90 % for both at alpha = 0.05).

    It lies above ½ − margin exactly when the evidence says pass, and below it exactly when the evidence says worse.
    """
    blocks: int
    log_e_pass: float
    """The log of the evidence that theta is above ½ − margin."""
    log_e_worse: float
    """The log of the evidence that theta is below ½ − margin."""
    more_blocks: tuple[int, int] | None
    """A rough range of how many more blocks would tell; (0, 0) when decided, None where nothing can be expected to."""


def compare(baseline_vs_candidates: Sequence[BlockScores], alpha: float = 0.05) -> list[Comparison]:
    """Return what is known about each candidate, in their order.

    With K candidates each interval is at alpha/K (Bonferroni), so that the probability that any of the verdicts is ever
    false, at whatever look, is at most alpha.

    Raises:
        ValueError: alpha outside (0, 1).
    """
    check_alpha(alpha)
    return [_comparison(scores, alpha / len(baseline_vs_candidates)) for scores in baseline_vs_candidates]


def bounds(scores: BlockScores, open_blocks: int, alpha: float = 0.05) -> Interval:
    """Return the interval of theta that no outcome of the open blocks can leave.

    Its lower limit is that if each of them were a loss, its upper limit that if each were a win.

    Raises:
        ValueError: alpha outside (0, 1), or a negative number of open blocks.
    """
    lost = np.concatenate([scores.scores, np.zeros(open_blocks)])
    won = np.concatenate([scores.scores, np.ones(open_blocks)])
    return interval(lost, alpha)[0], interval(won, alpha)[1]


def gate(scores: BlockScores, margin: float = 0.10, alpha: float = 0.05, min_blocks: int = 0) -> GateVerdict:
    """Return whether the candidate is at most `margin` worse than a tie.

    Pass when E(theta > ½ − margin) ≥ 1/alpha, worse when E(theta < ½ − margin) ≥ 1/alpha, else undecided; undecided
    also with fewer than `min_blocks` blocks. Each of the two answers is ever false with a probability of at most alpha.
    The interval says the same: its ends are one-sided limits at alpha each.

    Raises:
        ValueError: alpha outside (0, ½), or a margin outside [0, ½).
    """
    check_alpha(2 * alpha)
    if not 0 <= margin < _TIE:
        raise ValueError(f"A margin is in [0, 0.5), not {margin}.")
    above, below = _evidence(scores, _TIE - margin)
    threshold = math.log(1 / alpha)
    enough = len(scores.scores) >= min_blocks
    more = more_blocks(scores.scores, _TIE - margin, threshold)
    return GateVerdict(
        verdict="pass" if enough and above >= threshold else "worse" if enough and below >= threshold else "undecided",
        theta=_mean(scores),
        interval=interval(scores.scores, 2 * alpha),
        blocks=len(scores.scores),
        log_e_pass=above,
        log_e_worse=below,
        more_blocks=_at_least(more, min_blocks - len(scores.scores)),
    )


def _comparison(scores: BlockScores, alpha: float) -> Comparison:
    limits = interval(scores.scores, alpha)
    stars = scores.star_differences
    above, below = _evidence(scores, _TIE)
    return Comparison(
        verdict="better" if limits[0] > _TIE else "worse" if limits[1] < _TIE else "undecided",
        theta=_mean(scores),
        interval=limits,
        blocks=len(scores.scores),
        raters=scores.raters,
        wins=scores.wins,
        ties=scores.ties,
        losses=scores.losses,
        star_difference=None if stars is None or not len(stars) else float(stars.mean()),
        star_interval=None if stars is None else star_interval(stars, alpha),
        log_e_better=above,
        log_e_worse=below,
        more_blocks=more_blocks(scores.scores, _TIE, math.log(2 / alpha)),
        alpha=alpha,
    )


def _evidence(scores: BlockScores, boundary: float) -> tuple[float, float]:
    """Return log E that theta is above, and that it is below the boundary."""
    return log_e(scores.scores, boundary), log_e(1 - scores.scores, 1 - boundary)


def _mean(scores: BlockScores) -> float | None:
    return float(scores.scores.mean()) if len(scores.scores) else None


def _at_least(more: tuple[int, int] | None, least: int) -> tuple[int, int] | None:
    return None if more is None else (max(more[0], least), max(more[1], least))
