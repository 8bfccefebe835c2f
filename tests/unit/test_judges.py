"""What an automatic judge adds to people's labels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from promptlab.statistics.judges import Judged, effective_labels, judged_mean

Floats = NDArray[np.float64]


def sample(seed: int, labelled: int, unlabelled: int, noise: float) -> tuple[Floats, Floats, Floats]:
    """Return labels of people with mean 3, and a judge who is a star too kind and errs by so much."""
    random = np.random.default_rng(seed)
    people = 3 + random.normal(size=labelled + unlabelled)
    judge = people + 1 + noise * random.normal(size=len(people))
    return people[:labelled], judge[:labelled], judge[labelled:]


def test_a_kind_judge_moves_the_estimate_no_further_than_people_do() -> None:
    """The judge's mean is 4; people's is 3, and so is what they say together."""
    found = judged_mean(*sample(1, 100, 20_000, 0.2))
    assert found.calibrated
    assert found.estimate == pytest.approx(3, abs=0.08)
    assert (found.labelled, found.unlabelled) == (100, 20_000)


def test_the_interval_covers_the_mean_as_often_as_it_says() -> None:
    found = [judged_mean(*sample(seed, 80, 400, 0.7)) for seed in range(2000)]
    covered = np.mean([entry.interval is not None and entry.interval[0] < 3 < entry.interval[1] for entry in found])
    assert covered == pytest.approx(0.95, abs=0.02)


def test_the_estimate_is_worth_the_effective_number_of_labels() -> None:
    """Its variance over many samples is that of the mean of as many labels of people."""
    found = [judged_mean(*sample(seed, 200, 1000, 0.7)) for seed in range(2000)]
    worth = np.median([entry.effective_labels for entry in found])
    assert 1 / np.var([entry.estimate or 0 for entry in found]) == pytest.approx(worth, rel=0.1)


def test_a_judge_of_chance_adds_nothing() -> None:
    people, judge, alone = sample(2, 500, 5000, 0.0)
    found = judged_mean(np.random.default_rng(3).permutation(people), judge, alone)
    assert found.effective_labels == pytest.approx(500, rel=0.02)
    assert found.estimate == pytest.approx(people.mean(), abs=0.02)


def test_a_judge_who_gives_one_score_to_all_adds_nothing() -> None:
    people = sample(2, 80, 0, 0)[0]
    found = judged_mean(people, np.full(80, 3.7), np.full(500, 3.7))
    assert (found.correlation, found.effective_labels) == (0, 80)
    assert found.estimate == pytest.approx(people.mean())


@pytest.mark.parametrize("labelled", [0, 1, 2, 59])
def test_with_fewer_than_sixty_labels_a_judge_is_uncalibrated(labelled: int) -> None:
    found = judged_mean(*sample(4, labelled, 500, 0.5))
    assert (found.calibrated, found.estimate, found.interval) == (False, None, None)


def test_sixty_labels_calibrate_a_judge_also_without_more_to_judge() -> None:
    people, judge, _ = sample(4, 60, 0, 0.5)
    found: Judged = judged_mean(people, judge, [])
    assert found.estimate == pytest.approx(people.mean())
    assert found.effective_labels == 60


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.floats(-1, 1))
def test_effective_labels_lie_between_people_alone_and_all(labelled: int, unlabelled: int, correlation: float) -> None:
    worth = effective_labels(labelled, unlabelled, correlation)
    assert labelled - 1e-6 <= worth <= (labelled + unlabelled) * (1 + 1e-6) + 1e-6
    assert worth == effective_labels(labelled, unlabelled, -correlation)


def test_labels_of_different_lengths_are_an_error() -> None:
    with pytest.raises(ValueError, match="one length"):
        judged_mean([1, 2], [1], [])


def test_a_judge_who_says_the_opposite_tells_as_much() -> None:
    people, judge, alone = sample(5, 100, 2000, 0.5)
    one, other = judged_mean(people, judge, alone), judged_mean(people, 6 - judge, 6 - alone)
    assert one.estimate == pytest.approx(other.estimate)
    assert one.interval == pytest.approx(other.interval)
    assert one.effective_labels == pytest.approx(other.effective_labels)
