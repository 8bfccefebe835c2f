"""How many more blocks would tell."""

import math

from promptlab.statistics.arrays import Floats
from promptlab.statistics.betting import WIN_BETS, growth, log_e


def more_blocks(scores: Floats, boundary: float, log_threshold: float) -> tuple[int, int] | None:
    """Return a rough range of how many more blocks it takes until log E reaches the threshold; (0, 0) when it has.

    (log threshold + log 8 − log E now) / growth per block (STATISTICS section 3), where log 8 is what a mixture of
    eight bets pays for not knowing the best one. The lower end takes the growth at the present effect; the upper end at
    half of it, that is, against a boundary moved half the way to the present mean, for the effect is known but roughly.

    None where nothing can be expected to tell: without blocks, and where the mean is so near the boundary that half the
    effect lets no bet grow (with wins and losses alone: nearer than about 0.025).

    Args:
        scores: block scores in [0, 1].
        boundary: what the mean must be told from, in (0, 1), on whichever side it now is.
        log_threshold: the log of the evidence that decides.
    """
    if not len(scores):
        return None
    if scores.mean() < boundary:
        scores, boundary = 1 - scores, 1 - boundary
    evidence = log_e(scores, boundary)
    if evidence >= log_threshold:
        return 0, 0
    at_half_the_effect = growth(scores, (boundary + float(scores.mean())) / 2)
    if at_half_the_effect <= 0:
        return None
    wanted = log_threshold + math.log(len(WIN_BETS)) - evidence
    return math.ceil(wanted / growth(scores, boundary)), math.ceil(wanted / at_half_the_effect)
