"""Block scores: within a rater, averaged over raters."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptlab.statistics.blocks import block_scores, vote_scores

STARS = st.integers(1, 5)
ROWS = st.dictionaries(st.tuples(st.integers(0, 8), st.integers(0, 4)), st.tuples(STARS, STARS), max_size=40)
Rows = dict[tuple[int, int], tuple[int, int]]


def columns(rows: Rows) -> tuple[list[int], list[int], list[int], list[int]]:
    keys, values = list(rows), list(rows.values())
    return [b for b, _ in keys], [r for _, r in keys], [b for b, _ in values], [c for _, c in values]


def test_each_rater_counts_once_and_only_beside_themselves() -> None:
    """A lenient rater and a severe one who both prefer the candidate make a win, whatever their stars."""
    found = block_scores([7, 7, 3, 3], [1, 2, 1, 2], [4, 1, 5, 2], [5, 2, 5, 1])
    assert found.blocks.tolist() == [3, 7]
    assert found.scores.tolist() == [0.25, 1]
    assert found.star_differences is not None
    assert found.star_differences.tolist() == [-0.5, 1]
    assert (found.raters, found.wins, found.ties, found.losses) == (2, 1, 0, 1)


def test_means_that_differ_by_rounding_are_a_tie() -> None:
    """(3 + 4 + 4) / 3 is one mean, however a database has computed it."""
    found = block_scores([1], [1], [11 / 3], [3.6666666666667])
    assert found.scores.tolist() == [0.5]


def test_without_rows_there_are_no_blocks() -> None:
    found = block_scores([], [], [], [])
    assert (len(found.blocks), len(found.scores), found.raters, found.wins, found.losses) == (0, 0, 0, 0, 0)


def test_columns_of_different_lengths_are_an_error() -> None:
    with pytest.raises(ValueError, match="one length"):
        block_scores([1, 2], [1], [3], [4])


@pytest.mark.parametrize("score", [0, 5.5, float("nan")])
def test_stars_out_of_their_range_are_an_error(score: float) -> None:
    with pytest.raises(ValueError, match=r"in \[1, 5\]"):
        block_scores([1], [1], [score], [4])


@given(ROWS)
def test_scores_are_what_a_loop_over_blocks_finds(rows: Rows) -> None:
    found = block_scores(*columns(rows))
    for block, score in zip(found.blocks.tolist(), found.scores, strict=True):
        own = [stars for (of, _), stars in rows.items() if of == block]
        assert score == pytest.approx(np.mean([(np.sign(c - b) + 1) / 2 for b, c in own]))
    assert found.wins + found.ties + found.losses == len({block for block, _ in rows})


@given(ROWS)
def test_changing_sides_turns_wins_into_losses(rows: Rows) -> None:
    block, rater, baseline, candidate = columns(rows)
    one, other = block_scores(block, rater, baseline, candidate), block_scores(block, rater, candidate, baseline)
    assert np.allclose(one.scores, 1 - other.scores)
    assert (one.wins, one.ties, one.losses) == (other.losses, other.ties, other.wins)


@given(ROWS, st.dictionaries(st.integers(0, 4), st.sampled_from([-1, 0, 1])))
def test_severity_does_not_move_a_score(rows: Rows, severity: dict[int, int]) -> None:
    """A rater who gives everything a star more or less (and stays on the scale) changes nothing."""
    moved = {key: tuple(star + severity.get(key[1], 0) for star in stars) for key, stars in rows.items()}
    kept = {key: stars for key, stars in moved.items() if all(1 <= star <= 5 for star in stars)}
    before = block_scores(*columns({key: rows[key] for key in kept}))
    after = block_scores(*columns({key: (stars[0], stars[1]) for key, stars in kept.items()}))
    assert before.scores.tolist() == after.scores.tolist()


def test_votes_count_once_a_rater_and_block() -> None:
    """Somebody who voted three times on a case is one opinion beside another's one vote."""
    found = vote_scores([1, 1, 1, 1, 2], [1, 1, 1, 2, 2], [1, 1, 1, 0, 0.5])
    assert (found.blocks.tolist(), found.scores.tolist()) == ([1, 2], [0.5, 0.5])
    assert (found.star_differences, found.raters) == (None, 2)


def test_without_votes_there_are_no_blocks() -> None:
    assert len(vote_scores([], [], []).scores) == 0
