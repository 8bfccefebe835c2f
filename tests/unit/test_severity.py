"""How severe raters are beside each other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptlab.statistics.agreement import agreement
from promptlab.statistics.severity import agreement_with_others, severities

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


def test_agreement_with_the_others_is_that_of_all_pairs_with_them() -> None:
    """Who says what others say agrees, who says the contrary does not; alone it is not defined."""
    unit = [*range(20)] * 4 + [99]
    rater = [1] * 20 + [2] * 20 + [3] * 20 + [4] * 20 + [5]
    steady = [1 + place % 5 for place in range(20)]
    score = [*steady * 3, *(6 - value for value in steady), 3]
    found = agreement_with_others(unit, rater, score)
    assert found[5] is None
    agreed, contrary = found[1], found[4]
    assert agreed is not None
    assert contrary is not None
    assert contrary < 0 < agreed
    pairs = [(steady[place], other[place]) for other in (steady, steady, score[60:80]) for place in range(20)]
    plain = agreement([*range(60)] * 2, [1] * 60 + [2] * 60, [a for a, _ in pairs] + [b for _, b in pairs])
    assert agreed == pytest.approx(plain.alpha)
    assert agreement_with_others([], [], []) == {}
