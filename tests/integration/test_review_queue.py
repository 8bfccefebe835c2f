"""What comes next in a session of rating: block after block, begun ones first, each generation once."""

import pytest
from tests.fixtures import factories
from tests.fixtures.review import of, rate, walked

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
