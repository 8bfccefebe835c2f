"""How many more blocks would tell."""

import math

from promptlab.statistics.arrays import Floats
from promptlab.statistics.betting import WIN_BETS, growth, log_e


def more_blocks(scores: Floats, boundary: float, log_threshold: float) -> tuple[int, int] | None:
    """Return a rough range of how many more blocks it takes until log E reaches the threshold; (0, 0) when it has.

    The upper end is (log threshold + log 8 − log E now) / growth per block (STATISTICS section 3): if blocks go on as
    they are, that many always tell. It is careful: log 8, what a mixture of eight bets pays for not knowing the best
    one, has partly been paid by now. The lower end takes it for paid, and the effect for half as large again, that is,
    the boundary for so much further from the present mean. In simulation four or five of ten reviews that were
    undecided after 20 to 60 blocks were told within the range, the others about as often before it as after it.

    None where nothing can be expected to tell: without blocks, and where the mean is so near the boundary that no bet
    grows (with wins and losses alone: nearer than about 0.0125).

    Args:
        scores: block scores in [0, 1].
        boundary: what the mean must be told from, in (0, 1), on whichever side it now is.
        log_threshold: the log of the evidence that decides.
    """
    if not len(scores):
        return None
    if scores.mean() < boundary:
        scores, boundary = 1 - scores, 1 - boundary
    missing = log_threshold - log_e(scores, boundary)
    if missing <= 0:
        return 0, 0
    present = growth(scores, boundary)
    if present <= 0:
        return None
    further = max(boundary - (float(scores.mean()) - boundary) / 2, boundary / 2)
    return math.ceil(missing / growth(scores, further)), math.ceil((missing + math.log(len(WIN_BETS))) / present)
