"""How severe raters are beside each other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptlab.statistics.severity import severities

TABLES = st.dictionaries(st.tuples(st.integers(0, 9), st.integers(0, 3)), st.integers(1, 5), max_size=40)


def test_a_severe_rater_is_told_by_shared_units_only() -> None:
    """Rater 2 gives a star less than rater 1; what rater 1 gave alone does not count, nor what rater 3 did."""
    found = severities([1, 1, 2, 2, 3, 4], [1, 2, 1, 2, 1, 3], [4, 3, 5, 4, 1, 5])
    assert [(entry.rater, entry.deviation, entry.shared) for entry in found] == [(1, 1, 2), (2, -1, 2), (3, None, 0)]


def test_without_ratings_there_is_nobody() -> None:
    assert severities([], [], []) == []


@given(TABLES)
def test_severity_is_the_mean_distance_from_the_others(table: dict[tuple[int, int], int]) -> None:
    for found in severities([unit for unit, _ in table], [rater for _, rater in table], list(table.values())):
        apart = []
        for (unit, rater), score in table.items():
            others = [value for (of, by), value in table.items() if of == unit and by != found.rater]
            if rater == found.rater and others:
                apart.append(score - sum(others) / len(others))
        assert found.shared == len(apart)
        assert found.deviation == (pytest.approx(sum(apart) / len(apart)) if apart else None)


def test_columns_of_different_lengths_are_an_error() -> None:
    with pytest.raises(ValueError, match="one length"):
        severities([1], [1, 2], [3, 4])
