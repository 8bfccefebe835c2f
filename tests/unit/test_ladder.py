"""Bradley and Terry's model of votes, and how far its strengths are known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from promptlab.statistics.ladder import Ladder, ladder

# Agresti, "Categorical Data Analysis", table 10.10: American League, 1987; wins of the row over the column.
TEAMS = ("Milwaukee", "Detroit", "Toronto", "New York", "Boston", "Cleveland", "Baltimore")
WINS = (
    (0, 7, 9, 7, 7, 9, 11),
    (6, 0, 7, 5, 11, 9, 9),
    (4, 6, 0, 7, 7, 8, 12),
    (6, 8, 6, 0, 6, 7, 10),
    (6, 2, 6, 7, 0, 7, 12),
    (4, 4, 5, 6, 6, 0, 6),
    (2, 4, 1, 3, 1, 7, 0),
)

VOTES = st.lists(
    st.tuples(st.integers(0, 3), st.integers(4, 6), st.sampled_from([0, 0.5, 1]), st.integers(0, 3), st.integers(0, 8)),
    min_size=1,
    max_size=60,
)
Vote = tuple[int, int, float, int, int]


def games() -> list[Vote]:
    """Return every game as a vote: each on a case of its own, in turn by one of forty raters."""
    pairs = [
        (winner, loser) for winner, row in enumerate(WINS) for loser, number in enumerate(row) for _ in range(number)
    ]
    return [(winner, loser, 1, game % 40, game) for game, (winner, loser) in enumerate(pairs)]


def standing(votes: list[Vote]) -> Ladder:
    return ladder(*zip(*votes, strict=True))


def errors(found: Ladder) -> NDArray[np.float64]:
    return found.relative_to(found.versions[0])[1]


def test_the_strengths_are_the_published_ones_to_their_printed_digits() -> None:
    found = standing(games())
    strengths, spread = found.relative_to(TEAMS.index("Baltimore"))
    assert sorted(round(float(strength), 2) for strength in strengths) == [0, 0.68, 1.11, 1.25, 1.29, 1.44, 1.58]
    assert TEAMS[int(strengths.argmax())] == "Milwaukee"
    assert found.connected
    assert spread[TEAMS.index("Baltimore")] == 0


def test_independent_games_have_the_errors_of_the_likelihood() -> None:
    """Agresti's model-based errors relative to Baltimore are between .332 and .343."""
    _, spread = standing(games()).relative_to(TEAMS.index("Baltimore"))
    assert np.delete(spread, TEAMS.index("Baltimore")) == pytest.approx(0.337, rel=0.2)


def test_a_rater_who_votes_twice_on_a_case_tells_nothing_new() -> None:
    once = standing(games())
    twice = standing([*games(), *games()])
    assert errors(twice) == pytest.approx(errors(once), rel=2e-3)


def test_other_raters_on_other_cases_do() -> None:
    others = [(left, right, score, rater + 1000, case + 1000) for left, right, score, rater, case in games()]
    assert errors(standing([*games(), *others])) == pytest.approx(errors(standing(games())) / np.sqrt(2), rel=0.02)


def test_raters_of_one_taste_are_known_less_well_than_their_votes_seem() -> None:
    """Four raters who always vote alike are four opinions, not the eighty votes that they cast."""
    loyal = [(1, 2, float(rater < 3), rater, 20 * rater + case) for rater in range(4) for case in range(20)]
    mixed = [(1, 2, float(vote % 4 < 3), vote // 20, vote) for vote in range(80)]
    assert errors(standing(loyal))[1] > 3 * errors(standing(mixed))[1]


def test_the_errors_are_how_much_strengths_vary_from_review_to_review() -> None:
    """Ten raters with tastes of their own vote on thirty cases that suit one version better than the other."""
    random = np.random.default_rng(6)
    found = [standing(review(random)).relative_to(2) for _ in range(200)]
    assert np.mean([spread[0] for _, spread in found]) == pytest.approx(np.std([b[0] for b, _ in found]), rel=0.15)


def review(random: np.random.Generator) -> list[Vote]:
    taste, suits = 0.7 * random.normal(size=10), 0.7 * random.normal(size=30)
    won = random.random((10, 30)) < 1 / (1 + np.exp(-0.5 - taste[:, np.newaxis] - suits))
    return [(1, 2, float(won[rater, case]), rater, case) for rater in range(10) for case in range(30)]


@given(VOTES)
def test_changing_sides_changes_nothing(votes: list[Vote]) -> None:
    swapped = [(right, left, 1 - score, rater, case) for left, right, score, rater, case in reversed(votes)]
    one, other = standing(votes), standing(swapped)
    assert one.strengths == pytest.approx(other.strengths, abs=1e-7)
    assert one.covariance == pytest.approx(other.covariance, abs=1e-6, rel=1e-6, nan_ok=True)


@given(VOTES)
def test_strengths_are_finite_and_their_mean_is_zero(votes: list[Vote]) -> None:
    """Also that of a version which won every vote."""
    found = standing(votes)
    assert np.isfinite(found.strengths).all()
    assert found.strengths.mean() == pytest.approx(0, abs=1e-9)
    if not np.isnan(found.covariance).any():
        assert np.linalg.eigvalsh(found.covariance).min() >= -1e-6 * max(1, np.abs(found.covariance).max())


@given(st.integers(1, 50), st.integers(1, 50), st.integers(0, 20))
def test_two_versions_have_the_log_odds_of_their_wins(wins: int, losses: int, ties: int) -> None:
    scores = np.repeat([1, 0, 0.5], [wins, losses, ties])
    rows = np.arange(len(scores))
    found = ladder(np.full(len(rows), 1), np.full(len(rows), 2), scores, rows, rows)
    expected = np.log((wins + ties / 2) / (losses + ties / 2))
    assert found.strengths[0] - found.strengths[1] == pytest.approx(expected, abs=0.01)


def test_versions_that_no_vote_joins_are_said_to_be_apart() -> None:
    assert not standing([(1, 2, 1, 1, 1), (3, 4, 1, 2, 2)]).connected
    assert standing([(1, 2, 1, 1, 1), (3, 2, 1, 2, 2), (3, 4, 0, 2, 2)]).connected


def test_a_single_vote_says_nothing_of_errors() -> None:
    assert np.isnan(standing([(1, 2, 1, 1, 1)]).covariance).all()


def test_a_vote_that_is_none_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"in \[0, 1\]"):
        standing([(1, 2, 2, 1, 1)])
