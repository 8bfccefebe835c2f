"""Krippendorff's alpha, and its bootstrap."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from promptlab.statistics.agreement import Level, agreement, counted_agreement

# Krippendorff (2011): four observers, twelve units.
_OBSERVERS = ["123321412...", "1233224125.3", ".3332342251.", "12332441251."]
PUBLISHED = [
    (unit, rater, int(value))
    for rater, values in enumerate(_OBSERVERS)
    for unit, value in enumerate(values)
    if value != "."
]

LEVELS: tuple[Level, ...] = ("nominal", "ordinal", "interval", "ratio")
TABLES = st.dictionaries(st.tuples(st.integers(0, 12), st.integers(0, 3)), st.integers(1, 5), min_size=1, max_size=50)
Table = dict[tuple[int, int], int]


def columns(table: Table) -> tuple[list[int], list[int], list[int]]:
    return [unit for unit, _ in table], [rater for _, rater in table], list(table.values())


@pytest.mark.parametrize(
    ("level", "alpha"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849), ("ratio", 0.797)]
)
def test_alpha_is_the_published_one_to_its_printed_digits(level: Level, alpha: float) -> None:
    unit, rater, score = zip(*PUBLISHED, strict=True)
    found = agreement(unit, rater, score, level)
    assert found.alpha is not None
    assert round(found.alpha, 3) == alpha
    assert (found.units, found.raters) == (11, 4)


@given(TABLES, st.sampled_from(LEVELS))
def test_alpha_lies_between_one_and_its_opposite(table: Table, level: Level) -> None:
    alpha = agreement(*columns(table), level=level, resamples=0).alpha
    assert alpha is None or -1 - 1e-9 <= alpha <= 1 + 1e-9


@given(st.lists(st.integers(1, 5), min_size=2, max_size=20), st.integers(2, 4), st.sampled_from(LEVELS))
def test_perfect_agreement_is_one(values: list[int], raters: int, level: Level) -> None:
    assume(len(set(values)) > 1)
    table = {(unit, rater): value for unit, value in enumerate(values) for rater in range(raters)}
    found = agreement(*columns(table), level=level)
    assert found.alpha == pytest.approx(1)
    assert found.interval == pytest.approx((1, 1))


@given(TABLES, st.sampled_from(LEVELS))
def test_alpha_is_what_pairs_of_ratings_give(table: Table, level: Level) -> None:
    """The definition, pair by pair: what differs within units, over what differs between any two ratings."""
    found = agreement(*columns(table), level=level, resamples=0).alpha
    assert found == pytest.approx(pair_by_pair(table, level), abs=1e-9)


def pair_by_pair(table: Table, level: Level) -> float | None:
    units = [[value for (of, _), value in table.items() if of == unit] for unit in {unit for unit, _ in table}]
    units = [values for values in units if len(values) > 1]
    pooled = [value for values in units for value in values]

    def apart(one: int, other: int) -> float:
        if level == "nominal":
            return float(one != other)
        if level == "ordinal":
            low, high = sorted((one, other))
            between = sum(low <= value <= high for value in pooled)
            return (between - (pooled.count(one) + pooled.count(other)) / 2) ** 2
        return ((one - other) / (1 if level == "interval" else one + other)) ** 2

    observed = sum(apart(a, b) / (len(values) - 1) for values in units for a in values for b in values)
    expected = sum(apart(a, b) for a in pooled for b in pooled)
    return 1 - (len(pooled) - 1) * observed / expected if expected else None


@given(TABLES)
def test_neither_order_nor_names_matter(table: Table) -> None:
    named = {(40 - unit, 9 - rater): value for (unit, rater), value in reversed(table.items())}
    one, other = agreement(*columns(table), resamples=50), agreement(*columns(named), resamples=50)
    assert one.alpha == pytest.approx(other.alpha)
    assert one.interval == pytest.approx(other.interval)


@pytest.mark.parametrize("table", [{}, {(1, 1): 3, (2, 1): 4, (3, 2): 5}, {(1, 1): 3, (1, 2): 3, (2, 1): 3, (2, 2): 3}])
def test_where_alpha_is_not_defined_there_is_none(table: Table) -> None:
    """Nobody shared a unit, or there is but one value, so that nothing could have differed."""
    found = agreement(*columns(table))
    assert (found.alpha, found.interval) == (None, None)


def test_the_interval_is_the_same_each_time() -> None:
    unit, rater, score = np.array(PUBLISHED).T
    found = agreement(unit, rater, score)
    assert found == agreement(unit, rater, score)
    assert found.interval is not None
    assert found.alpha is not None
    assert found.interval[0] < found.alpha < found.interval[1]
    assert agreement(unit, rater, score, seed=1).interval != found.interval


def test_more_units_narrow_the_interval() -> None:
    random = np.random.default_rng(6)
    truth = random.integers(1, 6, 1600)
    scores = np.clip(truth[:, np.newaxis] + random.integers(-1, 2, (1600, 2)), 1, 5)
    unit, rater = np.divmod(np.arange(3200), 2)
    widths = []
    for rows in (200, 3200):
        limits = agreement(unit[:rows], rater[:rows], scores.ravel()[:rows]).interval
        assert limits is not None
        widths.append(limits[1] - limits[0])
    assert widths[1] == pytest.approx(widths[0] / 4, rel=0.35)


def test_columns_of_different_lengths_are_an_error() -> None:
    with pytest.raises(ValueError, match="one length"):
        agreement([1], [1, 2], [3, 4])


def test_counted_ratings_agree_as_the_ratings_do() -> None:
    """Patterns of units, however they are split, give the alpha and the bootstrap of what was counted."""
    dice = np.random.default_rng(3)
    scores = np.clip(dice.integers(1, 5, 60)[:, np.newaxis] + dice.integers(0, 2, (60, 3)), 1, 5)
    unit, rater = np.indices(scores.shape)
    whole = agreement(unit.ravel(), rater.ravel(), scores.ravel())
    counts = [[int((row == score).sum()) for score in range(1, 6)] for row in scores]
    counted = counted_agreement(range(1, 6), counts, np.ones(60))
    assert counted.alpha == pytest.approx(whole.alpha)
    assert counted.interval == pytest.approx(whole.interval, abs=0.05)
    assert (counted.units, counted.raters) == (60, None)
    assert counted_agreement(range(1, 6), [], []).alpha is None
