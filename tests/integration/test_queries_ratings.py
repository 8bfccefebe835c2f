"""Ratings: one current score a rater, its history, the mean, and undoing."""

from typing import Any

import pytest
from sqlmodel import Session, col, select
from tests.fixtures import factories
from tests.fixtures.factories import DEFAULT_PROJECT

from promptlab.db import generations, ratings, review_queue
from promptlab.db.engine import Database
from promptlab.db.generations import Filters
from promptlab.db.models import Generation
from promptlab.db.opinions import Rating
from promptlab.db.review_queue import QueueFilters
from promptlab.db.states import GenerationState
from promptlab.errors import NotFound


@pytest.fixture
def generation_id(database: Database) -> int:
    with database.transaction() as session:
        return factories.generation(session).id or 0


def rate(database: Database, generation_id: int, score: int, rater: str = "ana") -> None:
    with database.transaction() as session:
        factories.rating(session, ratings.lock_generation(session, DEFAULT_PROJECT, generation_id), score, rater=rater)


def undo(database: Database, generation_id: int, rater: str = "ana") -> int | None:
    with database.transaction() as session:
        earlier = ratings.take_back(session, ratings.lock_generation(session, DEFAULT_PROJECT, generation_id), rater)
        return earlier.score if earlier else None


def mean(database: Database, generation_id: int) -> float | None:
    with database.reading() as session:
        return session.get_one(Generation, generation_id).result_rating


def history(database: Database, generation_id: int, rater: str = "ana") -> list[tuple[int, bool]]:
    """Return the rater's scores, oldest first, and whether each is the current one."""
    with database.reading() as session:
        rows = session.exec(
            select(Rating).where(Rating.generation_id == generation_id, Rating.rater == rater).order_by(col(Rating.id))
        )
        return [(row.score, row.superseded_at is None) for row in rows]


def test_the_mean_is_over_the_current_ratings_of_all_raters(database: Database, generation_id: int) -> None:
    """To four digits; a changed rating counts once."""
    assert mean(database, generation_id) is None
    for rater, score in (("ana", 1), ("ben", 4), ("eva", 5), ("ana", 2)):
        rate(database, generation_id, score, rater)
    assert mean(database, generation_id) == 3.6667


def test_changing_a_rating_keeps_the_old_one_as_history(database: Database, generation_id: int) -> None:
    for score in (3, 4, 5):
        rate(database, generation_id, score)
    assert history(database, generation_id) == [(3, False), (4, False), (5, True)]
    assert mean(database, generation_id) == 5


def test_undoing_the_last_rating_makes_the_generation_unrated(database: Database, generation_id: int) -> None:
    rate(database, generation_id, 4)
    assert undo(database, generation_id) is None
    assert mean(database, generation_id) is None
    assert history(database, generation_id) == []


def test_undoing_goes_back_step_by_step(database: Database, generation_id: int) -> None:
    for score in (1, 2, 3):
        rate(database, generation_id, score)
    assert (undo(database, generation_id), mean(database, generation_id)) == (2, 2)
    assert (undo(database, generation_id), mean(database, generation_id)) == (1, 1)
    assert (undo(database, generation_id), mean(database, generation_id)) == (None, None)
    with pytest.raises(NotFound, match="ana has not rated"):
        undo(database, generation_id)


def test_rating_after_undoing_starts_from_what_stands(database: Database, generation_id: int) -> None:
    rate(database, generation_id, 1)
    rate(database, generation_id, 2)
    undo(database, generation_id)
    rate(database, generation_id, 5)
    assert history(database, generation_id) == [(1, False), (5, True)]
    assert (undo(database, generation_id), mean(database, generation_id)) == (1, 1)


def test_undoing_leaves_others_alone(database: Database, generation_id: int) -> None:
    rate(database, generation_id, 1, "ana")
    rate(database, generation_id, 5, "ben")
    undo(database, generation_id, "ana")
    assert mean(database, generation_id) == 5
    with pytest.raises(NotFound, match="ana has not rated"):
        undo(database, generation_id, "ana")
    assert history(database, generation_id, "ben") == [(5, True)]


def test_several_ratings_in_one_transaction_add_up(database: Database, generation_id: int) -> None:
    """As a file of ratings has them; locking the row again must not lose the mean that is not yet written."""
    with database.transaction() as session:
        for rater, score in (("ana", 1), ("ben", 5), ("ana", 3)):
            row = ratings.lock_generation(session, DEFAULT_PROJECT, generation_id)
            factories.rating(session, row, score, rater=rater)
        ratings.lock_generation(session, DEFAULT_PROJECT, generation_id)
    assert mean(database, generation_id) == 4


def test_locking_reads_the_row_again(database: Database, generation_id: int) -> None:
    """What the session has read before may be out of date by the time that the lock is there."""
    with database.transaction() as session:
        generations.get(session, DEFAULT_PROJECT, generation_id)
        session.connection().exec_driver_sql("UPDATE generation SET state = 'failed'")
        row = ratings.lock_generation(session, DEFAULT_PROJECT, generation_id)
        assert row.state is GenerationState.FAILED


def test_a_mean_belongs_to_the_score_that_it_rounds_to(database: Database) -> None:
    """`--rating 4` is 3.5 <= mean < 4.5, and every mean belongs to exactly one score."""
    means = [1, 1.4999, 1.5, 2.4999, 2.5, 3.4999, 3.5, 4, 4.4999, 4.5, 5]
    with database.transaction() as session:
        for value in means:
            factories.generation(session, result_rating=value)
        factories.generation(session)
        found = [_means_of(session, rating) for rating in range(1, 6)]
    assert found == [[1, 1.4999], [1.5, 2.4999], [2.5, 3.4999], [3.5, 4, 4.4999], [4.5, 5]]


def _means_of(session: Session, rating: int) -> list[float | None]:
    page = generations.list_generations(session, DEFAULT_PROJECT, Filters(rating=rating), limit=100, cursor=None)
    return [row.result_rating for row in reversed(page.items)]


def test_the_queue_is_what_nobody_rated_in_the_order_of_planning(database: Database) -> None:
    with database.transaction() as session:
        rows = [factories.generation(session) for _number in range(3)]
        for state in GenerationState:
            if state is not GenerationState.SUCCEEDED:
                factories.generation(session, state=state)
        factories.generation(session, project_id=factories.project(session))
        factories.rating(session, rows[1])
    assert _queue(database) == [rows[0].id, rows[2].id]


def test_the_queue_of_a_rater_is_what_that_rater_did_not_rate(database: Database) -> None:
    """Fewer than `ratings_wanted` others may have; an undone or replaced rating counts as none."""
    with database.transaction() as session:
        rows = [factories.generation(session) for _number in range(4)]
        factories.rating(session, rows[0], rater="ana")
        factories.rating(session, rows[1], rater="ben")
        factories.rating(session, rows[2], rater="ben")
        factories.rating(session, rows[2], 5, rater="ben")
        factories.rating(session, rows[2], rater="eva")
        factories.rating(session, rows[3], rater="ana")
        ratings.take_back(session, rows[3], "ana")
    ids = [row.id for row in rows]
    assert _queue(database, rater="ana") == ids[1:]
    assert _queue(database, rater="ana", ratings_wanted=2) == [ids[1], ids[3]]
    assert _queue(database, rater="ana", ratings_wanted=1) == [ids[3]]
    assert _queue(database, rater="new") == ids


def test_the_queue_narrows_to_a_version_and_to_a_batch(database: Database) -> None:
    """A batch covers what it lists, whoever bought it."""
    with database.transaction() as session:
        first, second = factories.generation(session), factories.generation(session)
    assert _queue(database, prompt_version_id=first.prompt_version_id) == [first.id]
    assert _queue(database, batch_id=second.batch_id) == [second.id]
    assert _queue(database, batch_id=second.batch_id, rater="ana") == [second.id]
    assert _queue(database, batch_id=second.batch_id, prompt_version_id=first.prompt_version_id) == []


def _queue(database: Database, **filters: Any) -> list[int | None]:
    """Return the ids in the queue; its length must agree."""
    narrowed = QueueFilters(**filters)
    with database.reading() as session:
        page = review_queue.page(session, DEFAULT_PROJECT, narrowed, limit=100, cursor=None)
        assert review_queue.length(session, DEFAULT_PROJECT, narrowed, at_most=1_000) == len(page.items)
        return [row.id for row in page.items]
