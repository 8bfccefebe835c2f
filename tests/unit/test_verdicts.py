"""Comparisons, bounds and the gate."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptlab.statistics.betting import interval
from promptlab.statistics.blocks import BlockScores, block_scores
from promptlab.statistics.verdicts import bounds, compare, gate

COUNTS = st.tuples(st.integers(0, 60), st.integers(0, 60), st.integers(0, 60))


def rated(wins: int, ties: int, losses: int, *, stars: int = 1) -> BlockScores:
    """Return the block scores of one rater, with so many stars between a win and its loser."""
    candidate = np.repeat([3 + stars, 3, 3 - stars], [wins, ties, losses])
    blocks = np.arange(len(candidate))
    return block_scores(blocks, np.ones_like(blocks), np.full(len(candidate), 3), candidate)


def test_the_verdict_is_where_the_interval_lies() -> None:
    better, worse, undecided = compare([rated(110, 80, 60), rated(60, 80, 110), rated(30, 12, 18)], alpha=0.15)
    assert [entry.verdict for entry in (better, worse, undecided)] == ["better", "worse", "undecided"]
    assert better.interval == pytest.approx((0.5196, 0.6763), abs=5e-5)
    assert worse.interval == pytest.approx((0.3237, 0.4804), abs=5e-5)
    assert (better.theta, better.wins, better.ties, better.losses, better.blocks) == (0.6, 110, 80, 60, 250)


def test_every_candidate_has_its_share_of_alpha() -> None:
    """Whoever compares with five candidates looks five times, so each is held to α/5."""
    one = rated(30, 10, 10)
    (alone,), many = compare([one]), compare([one] * 5)
    assert (alone.verdict, alone.alpha, alone.interval) == ("better", 0.05, interval(one.scores, 0.05))
    assert [entry.verdict for entry in many] == ["undecided"] * 5
    assert {entry.interval for entry in many} == {interval(one.scores, 0.01)}


def test_stars_stand_beside_the_shares() -> None:
    (found,) = compare([rated(30, 10, 10, stars=2)])
    assert found.star_difference == pytest.approx(0.8)
    assert found.star_interval is not None
    assert found.star_interval[0] < 0.8 < found.star_interval[1]


def test_without_blocks_nothing_is_said() -> None:
    (found,) = compare([rated(0, 0, 0)])
    assert (found.verdict, found.theta, found.interval, found.more_blocks) == ("undecided", None, (0, 1), None)
    assert (found.star_difference, found.star_interval) == (None, (-4, 4))
    assert compare([]) == []


@given(COUNTS)
def test_changing_sides_swaps_the_verdict(counts: tuple[int, int, int]) -> None:
    (one,), (other,) = compare([rated(*counts)]), compare([rated(*reversed(counts))])
    assert {"better": "worse", "worse": "better"}.get(one.verdict, one.verdict) == other.verdict
    assert (one.log_e_better, one.log_e_worse) == pytest.approx((other.log_e_worse, other.log_e_better))
    assert one.more_blocks == other.more_blocks


@given(COUNTS)
def test_the_verdict_is_that_of_the_evidence(counts: tuple[int, int, int]) -> None:
    """The interval lies above ½ exactly when E(θ > ½) is 2/α or more."""
    (found,) = compare([rated(*counts)])
    assert (found.verdict == "better") == (found.log_e_better >= math.log(40))
    assert (found.verdict == "worse") == (found.log_e_worse >= math.log(40))


@given(COUNTS, st.integers(0, 30), st.integers(0, 30))
def test_no_outcome_of_the_open_blocks_leaves_the_bounds(
    counts: tuple[int, int, int], won: int, open_blocks: int
) -> None:
    won = min(won, open_blocks)
    low, high = bounds(rated(*counts), open_blocks)
    wins, ties, losses = counts
    later = interval(rated(wins + won, ties, losses + open_blocks - won).scores)
    assert low - 1e-9 <= later[0] <= later[1] <= high + 1e-9


def test_the_bounds_of_nothing_open_are_the_interval() -> None:
    assert bounds(rated(30, 12, 18), 0) == interval(rated(30, 12, 18).scores)
    with pytest.raises(ValueError, match="negative"):
        bounds(rated(30, 12, 18), -1)


@pytest.mark.parametrize(
    ("counts", "answer"),
    [((30, 12, 18), "pass"), ((5, 10, 45), "worse"), ((10, 10, 12), "undecided"), ((0, 0, 0), "undecided")],
)
def test_the_gate_has_three_answers(counts: tuple[int, int, int], answer: str) -> None:
    assert gate(rated(*counts)).verdict == answer


def test_the_gate_opens_at_twenty_to_one() -> None:
    """The answer is pass from the block on at which E(θ > ½ − margin) is 20."""
    answers = [(found.verdict, found.log_e_pass) for found in (gate(rated(wins, 0, 0)) for wins in range(20))]
    assert {verdict for verdict, _ in answers} == {"pass", "undecided"}
    assert all((verdict == "pass") == (evidence >= math.log(20)) for verdict, evidence in answers)


def test_a_tie_passes_the_gate_with_enough_blocks() -> None:
    """The gate asks for "not worse by more than the margin", and ties alone show that."""
    assert gate(rated(0, 60, 0)).verdict == "pass"


def test_a_wider_margin_lets_more_pass() -> None:
    assert gate(rated(20, 10, 22), margin=0.05).verdict == "undecided"
    assert gate(rated(20, 10, 22), margin=0.25).verdict == "pass"


def test_too_few_blocks_leave_the_gate_undecided() -> None:
    found = gate(rated(30, 12, 18), min_blocks=100)
    assert (found.verdict, found.blocks, found.more_blocks) == ("undecided", 60, (40, 40))
    assert gate(rated(30, 12, 18), min_blocks=60).verdict == "pass"


@pytest.mark.parametrize("margin", [-0.1, 0.5, math.nan])
def test_a_margin_that_is_none_is_an_error(margin: float) -> None:
    with pytest.raises(ValueError, match="margin"):
        gate(rated(1, 1, 1), margin=margin)


@given(COUNTS, st.sampled_from([0.0, 0.05, 0.1, 0.3]), st.sampled_from([0.01, 0.05, 0.2]))
def test_the_interval_of_a_gate_says_what_its_verdict_says(
    counts: tuple[int, int, int], margin: float, alpha: float
) -> None:
    """It lies above ½ − margin exactly when the gate passes, and below exactly when it says worse."""
    found, boundary = gate(rated(*counts), margin, alpha), 0.5 - margin
    low, high = found.interval
    says = {"pass": low > boundary, "worse": high < boundary, "undecided": low <= boundary <= high}
    on_the_boundary = min(abs(low - boundary), abs(high - boundary)) < 1e-9  # where bisection ends
    assert says[found.verdict] or on_the_boundary
    assert found.interval == interval(rated(*counts).scores, 2 * alpha)


def test_a_gate_takes_no_error_level_from_a_half_on() -> None:
    """Both ends together would be held at nothing."""
    with pytest.raises(ValueError, match="alpha"):
        gate(rated(1, 1, 1), alpha=0.5)


@given(COUNTS, st.sampled_from([0.0, 0.1, 0.3]))
def test_the_gate_contains_what_it_found(counts: tuple[int, int, int], margin: float) -> None:
    """It never passes what looks worse than the margin allows, nor the other way round."""
    found = gate(rated(*counts), margin=margin)
    if found.theta is not None:
        assert found.interval[0] - 1e-9 <= found.theta <= found.interval[1] + 1e-9
        assert found.verdict != "pass" or found.theta > 0.5 - margin
        assert found.verdict != "worse" or found.theta < 0.5 - margin


def test_nothing_can_be_expected_to_tell_a_tie() -> None:
    """At ½ exactly, and very near it, no number of blocks is named."""
    assert [entry.more_blocks for entry in compare([rated(20, 5, 20), rated(0, 30, 0), rated(101, 0, 100)])] == [
        None,
        None,
        None,
    ]


def test_what_is_decided_needs_no_more() -> None:
    assert [entry.more_blocks for entry in compare([rated(110, 80, 60)])] == [(0, 0)]


@given(st.integers(1, 40), st.integers(0, 40), st.integers(1, 40))
def test_as_many_more_blocks_as_said_decide_if_they_go_on_alike(wins: int, ties: int, losses: int) -> None:
    """The upper end is computed at the present effect, so that many blocks of the same kind always decide."""
    (found,) = compare([rated(wins, ties, losses)])
    if found.more_blocks is not None:
        low, high = found.more_blocks
        assert 0 <= low <= high
        copies = 1 + math.ceil(high / found.blocks)
        (later,) = compare([rated(wins * copies, ties * copies, losses * copies)])
        assert later.verdict != "undecided"
