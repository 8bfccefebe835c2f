"""What comes next in a session of rating: block after block, begun ones first, each generation once."""

import uuid

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.fixtures import factories
from tests.fixtures.review import BLOCKS, SIDES, of, rate, walked

from promptlab.db.columns import now
from promptlab.db.models import PromptVersion
from promptlab.db.review_order import ITEM_BITS
from promptlab.services.lab import Lab


@pytest.fixture
def lab(five_blocks: Lab) -> Lab:
    return five_blocks


@pytest.mark.parametrize("at_once", [1, 3, 50])
def test_everything_comes_once_in_its_order(lab: Lab, at_once: int) -> None:
    assert walked(of(lab), at_once=at_once) == list(range(1, 11))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
@given(rated=st.sets(st.integers(1, 10)), at_once=st.integers(1, 12))
def test_whatever_was_rated_the_rest_comes_once_begun_blocks_first(lab: Lab, rated: set[int], at_once: int) -> None:
    """And what comes of a block comes in a row."""
    rater = uuid.uuid4().hex  # a new one each time: what others have rated changes nothing
    for generation_id in rated:
        rate(lab, generation_id, rater)
    begun = {(generation_id - 1) // SIDES for generation_id in rated}
    rest = [generation_id for generation_id in range(1, BLOCKS * SIDES + 1) if generation_id not in rated]
    expected = sorted(rest, key=lambda generation_id: ((generation_id - 1) // SIDES not in begun, generation_id))
    assert walked(of(lab, rater), at_once=at_once) == expected
    assert of(lab, rater).length() == len(rest)


def test_blocks_that_a_rater_has_begun_come_first(lab: Lab) -> None:
    """Only complete blocks count; what others have begun is nothing to this rater."""
    for generation_id in (3, 7, 8):
        rate(lab, generation_id)
    rate(lab, 9, "ben")
    assert walked(of(lab)) == [4, 1, 2, 5, 6, 9, 10]


def test_what_the_rater_rates_elsewhere_comes_no_more(lab: Lab) -> None:
    """In another terminal; but what is on this screen already stays there."""
    queue = of(lab)
    assert queue.take(1) == [1]
    for generation_id in (1, 3):
        rate(lab, generation_id)
    rate(lab, 4, "ben")
    assert queue.take(2) == [2, 4]


def test_what_was_skipped_comes_in_the_next_session(lab: Lab) -> None:
    assert walked(of(lab)) == walked(of(lab))


def test_what_is_made_meanwhile_in_an_earlier_block_comes_at_the_end(lab: Lab) -> None:
    queue = of(lab)
    assert queue.take(5) == [1, 2, 3, 4, 5]
    with lab.database.transaction() as session:
        factories.generation(session, review_position=(1 << ITEM_BITS) + 9)
    assert walked(queue) == [6, 7, 8, 9, 10, 11]


def test_a_deleted_version_comes_no_more_and_one_that_is_asked_for_comes_alone(lab: Lab) -> None:
    queue = of(lab)
    with lab.database.transaction() as session:
        session.get_one(PromptVersion, 2).deleted_at = now()
    assert walked(queue) == [1, 3, 5, 7, 9]
    assert walked(of(lab, prompt_version_id=2)) == [2, 4, 6, 8, 10]
    assert walked(of(lab, batch_id=3)) == [3]


def test_how_many_wait_is_counted(lab: Lab) -> None:
    rate(lab, 1)
    assert of(lab).length() == 9
    assert of(lab, "ben").length() == 10
