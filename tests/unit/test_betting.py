"""The e-process of bets: its values, and what holds for every interval."""

import math
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from promptlab.statistics import betting

SCORES = st.lists(st.sampled_from([0.0, 0.25, 0.5, 2 / 3, 1.0]) | st.floats(0, 1), max_size=60).map(np.array)
ALPHAS = st.sampled_from([0.01, 0.05, 0.2])


def outcomes(wins: int, ties: int, losses: int) -> NDArray[np.float64]:
    return np.repeat([1.0, 0.5, 0.0], [wins, ties, losses])


@pytest.mark.parametrize(
    ("counts", "limits"),
    [
        ((30, 12, 18), (".4206", ".7600")),
        ((30, 10, 10), (".5065", ".8488")),
        ((110, 80, 60), (".5196", ".6763")),
        ((12, 0, 0), (".5129", "1")),
    ],
)
def test_the_interval_is_the_reference_to_its_printed_digits(
    counts: tuple[int, int, int], limits: tuple[str, str]
) -> None:
    found = betting.interval(outcomes(*counts))
    digits = [len(text.partition(".")[2]) for text in limits]
    assert [round(limit, places) for limit, places in zip(found, digits, strict=True)] == [float(t) for t in limits]


def test_the_evidence_is_the_formula() -> None:
    """E(m) = 1/8 · Σ_j Π_i (1 − c_j + c_j · x_i / m), multiplied out for three scores."""
    scores, mean = [1.0, 0.5, 0.0], 0.4
    bets = [0.05 * 12 ** (place / 7) for place in range(8)]
    expected = sum(math.prod(1 - c + c * x / mean for x in scores) for c in bets) / 8
    assert betting.log_e(scores, mean) == pytest.approx(math.log(expected))


def test_without_data_nothing_is_known() -> None:
    assert betting.interval([]) == (0, 1)
    assert betting.star_interval([]) == (-4, 4)
    assert betting.mean_interval([]) == (1, 5)
    assert betting.log_e([], 0.5) == pytest.approx(0)


@pytest.mark.parametrize("scores", [[1.1], [-0.1], [math.nan], [0.5, math.inf]])
def test_a_score_out_of_its_range_is_an_error(scores: list[float]) -> None:
    with pytest.raises(ValueError, match=r"in \[0, 1\]"):
        betting.interval(scores)


@pytest.mark.parametrize("alpha", [0, 1, -0.05, math.nan])
def test_an_alpha_that_is_no_probability_is_an_error(alpha: float) -> None:
    with pytest.raises(ValueError, match="alpha"):
        betting.interval([1.0], alpha)


@pytest.mark.parametrize("mean", [0, -1, 1.5, math.nan])
def test_a_mean_that_nothing_can_have_is_an_error(mean: float) -> None:
    with pytest.raises(ValueError, match="mean"):
        betting.log_e([1.0], mean)


@given(SCORES, ALPHAS)
def test_the_interval_contains_the_mean(scores: NDArray[np.float64], alpha: float) -> None:
    low, high = betting.interval(scores, alpha)
    assert 0 <= low <= high <= 1
    if len(scores):
        assert low <= scores.mean() + 1e-9
        assert high >= scores.mean() - 1e-9


@given(SCORES, st.randoms(use_true_random=False))
def test_the_order_does_not_matter(scores: NDArray[np.float64], random: Random) -> None:
    shuffled = random.sample(scores.tolist(), len(scores))
    assert betting.interval(shuffled) == pytest.approx(betting.interval(scores), abs=1e-9)


@given(SCORES)
def test_changing_sides_mirrors_the_interval(scores: NDArray[np.float64]) -> None:
    low, high = betting.interval(scores)
    assert betting.interval(1 - scores) == pytest.approx((1 - high, 1 - low), abs=1e-9)


@given(SCORES)
def test_a_stricter_alpha_widens_the_interval(scores: NDArray[np.float64]) -> None:
    low, high = betting.interval(scores, 0.05)
    wider_low, wider_high = betting.interval(scores, 0.01)
    assert wider_low <= low <= high <= wider_high


@given(st.integers(1, 30), st.integers(0, 30), st.integers(1, 30))
def test_a_hundred_times_the_data_never_widen_the_interval(wins: int, ties: int, losses: int) -> None:
    """Twice the data may, by a little, where it is still wide; in the long run it shrinks towards the mean."""
    low, high = betting.interval(outcomes(wins, ties, losses))
    later_low, later_high = betting.interval(outcomes(100 * wins, 100 * ties, 100 * losses))
    assert later_high - later_low <= high - low


@given(SCORES.filter(lambda scores: len(scores) > 0), st.floats(0.05, 0.95))
def test_the_interval_is_what_the_evidence_has_not_refuted(scores: NDArray[np.float64], mean: float) -> None:
    """A mean is outside exactly where the evidence against it, on one side, is 2/α or more."""
    low, high = betting.interval(scores, 0.05)
    refuted = max(betting.log_e(scores, mean), betting.log_e(1 - scores, 1 - mean)) >= math.log(40)
    if min(abs(mean - low), abs(mean - high)) > 1e-6:
        assert refuted == (not low < mean < high)


@given(st.lists(st.floats(-4, 4), max_size=40))
def test_stars_have_the_interval_of_their_share(differences: list[float]) -> None:
    low, high = betting.star_interval(differences)
    assert -4 <= low <= high <= 4
    mirrored = betting.star_interval([-difference for difference in differences])
    assert mirrored == pytest.approx((-high, -low), abs=1e-8)


@given(st.lists(st.floats(1, 5), min_size=1, max_size=40))
def test_a_mean_score_lies_in_its_interval(scores: list[float]) -> None:
    low, high = betting.mean_interval(scores)
    assert 1 <= low <= np.mean(scores) + 1e-8
    assert np.mean(scores) - 1e-8 <= high <= 5


def test_the_running_interval_is_that_of_the_blocks_so_far() -> None:
    scores = outcomes(12, 5, 3)
    assert betting.running_interval(scores, 0.05, [0, 5, 20]) == [
        (0, 1),
        betting.interval(scores[:5]),
        betting.interval(scores),
    ]


def test_growth_is_what_log_e_gains_in_the_long_run() -> None:
    """log E of n blocks like these is n · growth, but for the log 8 that the mixture pays at most."""
    scores = outcomes(30, 12, 18)
    rate = betting.growth(scores, 0.5)
    many = np.tile(scores, 50)
    assert len(many) * rate - math.log(8) <= betting.log_e(many, 0.5) <= len(many) * rate
