"""By simulation: how often a verdict is false, with a look after every block, and how soon a true one comes.

The standard error of a share of 0.05 in 1,000 runs is 0.007; `bench.verdicts` does the same with ten times as many.
"""

import math

import numpy as np
import pytest
from tests.simulated_reviews import (
    Review,
    blocks_to_tell,
    ever_above,
    ever_told,
    ever_told_while_raters_come,
    evidence,
    outcomes,
    scores,
)

from promptlab.statistics.blocks import block_scores
from promptlab.statistics.verdicts import compare, gate

RUNS = 1000
REVIEW = Review(blocks=300)
AT_THE_EDGE = Review(blocks=300, failing=0.2)


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(6)


def test_a_true_tie_is_told_from_one_no_more_often_than_alpha(random: np.random.Generator) -> None:
    """Raters of different severity, two on each block, two draws of each case, and a look after every block."""
    assert ever_told(scores(REVIEW, RUNS, random)[0], 0.5, 2 / 0.05).mean() <= 0.05


def test_with_three_candidates_any_is_told_from_a_tie_no_more_often_than_alpha(random: np.random.Generator) -> None:
    told = [ever_told(entry, 0.5, 2 * 3 / 0.05) for entry in scores(REVIEW, RUNS, random, candidates=3)]
    assert np.any(told, axis=0).mean() <= 0.05


def test_a_tie_is_told_no_more_often_while_raters_come_to_blocks_that_others_rated(random: np.random.Generator) -> None:
    """With a look after every rating: the scores of blocks move while their raters come in any order."""
    assert ever_told_while_raters_come(Review(blocks=60, ratings=3), RUNS, random, 2 / 0.05) <= 0.05


def test_the_gate_lets_no_more_than_alpha_pass_from_the_edge_of_its_margin(random: np.random.Generator) -> None:
    """The candidate fails in a fifth of the cases and is alike in the others: θ = ½ − 0.10 exactly."""
    assert ever_above(scores(AT_THE_EDGE, RUNS, random)[0], 0.4, 1 / 0.05).mean() <= 0.05


def test_the_gate_calls_no_more_than_alpha_worse_from_the_edge_of_its_margin(random: np.random.Generator) -> None:
    assert ever_above(1 - scores(AT_THE_EDGE, RUNS, random)[0], 0.6, 1 / 0.05).mean() <= 0.05


def test_the_gate_never_calls_a_tie_worse_more_often_than_alpha(random: np.random.Generator) -> None:
    assert ever_above(1 - scores(REVIEW, RUNS, random)[0], 0.6, 1 / 0.05).mean() <= 0.05


def test_a_better_version_is_told_as_soon_as_the_reference_says(random: np.random.Generator) -> None:
    """At θ = .62, with three ties of ten, the median is within a tenth of 94 blocks."""
    found = blocks_to_tell(outcomes(0.47, 0.3, 600, RUNS, random), 0.5, 2 / 0.05)
    assert np.median(found) == pytest.approx(94, rel=0.1)


def test_what_is_simulated_is_what_compare_and_gate_would_have_said(random: np.random.Generator) -> None:
    """The evidence after each block is that of the verdicts, were they asked after each block."""
    (run,) = outcomes(0.6, 0.2, 80, 1, random)
    better, passing = evidence(run, 0.5), evidence(run, 0.4)
    for blocks in range(1, len(run) + 1):
        stars = 3 + 2 * run[:blocks] - 1
        found = block_scores(np.arange(blocks), np.ones(blocks), np.full(blocks, 3), stars)
        (comparison,), verdict = compare([found]), gate(found)
        assert comparison.log_e_better == pytest.approx(better[blocks - 1])
        assert verdict.log_e_pass == pytest.approx(passing[blocks - 1])
        assert (comparison.verdict == "better") == (better[blocks - 1] >= math.log(40))
        assert (verdict.verdict == "pass") == (passing[blocks - 1] >= math.log(20))


def test_the_simulated_reviews_are_what_they_are_taken_for(random: np.random.Generator) -> None:
    """The tie is a tie, the edge is the edge, and raters do differ in severity and between blocks."""
    tie, edge = scores(REVIEW, 200, random)[0], scores(AT_THE_EDGE, 200, random)[0]
    assert tie.mean() == pytest.approx(0.5, abs=0.01)
    assert edge.mean() == pytest.approx(0.4, abs=0.01)
    assert {0, 0.25, 0.5, 0.75, 1} == set(np.unique(tie))
