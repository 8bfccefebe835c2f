"""Variances of sums whose terms hang together in two ways at once: by rater and by case."""

import numpy as np
from numpy.typing import ArrayLike

from promptlab.statistics.arrays import Floats, Ints, numbered


def clustered(terms: Floats, rater: ArrayLike, case: ArrayLike) -> Floats:
    """Return the K × K covariance of the sum of n × K terms of mean 0, those of a rater or of a case hanging together.

        V = V_both + positive part of ((V_rater − V_both) + (V_case − V_both))

    where V_x takes the sum over each cluster of x for one term, times G/(G − 1) for G clusters, and "both" is the votes
    of one rater on one case. It is the two-way V_rater + V_case − V_both of A. Cameron, J. Gelbach and D. Miller
    ("Robust inference with multiway clustering", 2011), kept from being smaller than without dependence: with few
    raters it often is, by chance. A way with a single cluster tells nothing and is left out; all is nan where neither
    has two.
    """
    (raters, rater_places), (cases, case_places) = numbered(rater), numbered(case)
    both, both_places = numbered(rater_places * len(cases) + case_places)
    if len(both) < 2:
        return np.full((terms.shape[1], terms.shape[1]), np.nan)
    alone = _one_way(terms, both_places, len(both))
    ways = ((rater_places, len(raters)), (case_places, len(cases)))
    excess = [_one_way(terms, places, number) - alone for places, number in ways if number > 1]
    sizes, axes = np.linalg.eigh(sum(excess, np.zeros_like(alone)))
    dependence: Floats = (axes * np.maximum(sizes, 0)) @ axes.T
    return alone + dependence


def _one_way(terms: Floats, places: Ints, number: int) -> Floats:
    sums = np.stack([np.bincount(places, column, number) for column in terms.T], axis=1)
    return np.asarray(sums.T @ sums * (number / (number - 1)), dtype=np.float64)
