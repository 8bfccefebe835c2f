"""Enqueueing what workers are to take: each generation once, whoever enqueues it, in the order that was asked for."""

import threading
from collections.abc import Iterator, Sequence

import pytest
from sqlalchemy import text
from tests.fixtures import factories

from promptlab.db.engine import Database
from promptlab.errors import NotConfigured
from promptlab.services.detached import enqueue

PROJECT = factories.DEFAULT_PROJECT


@pytest.fixture
def shared(postgres_url: str) -> Iterator[Database]:
    with factories.opening(postgres_url) as opened:
        yield opened


def queued(database: Database) -> list[tuple[str, int]]:
    """Return the queue and the generation of each job, in the order in which workers take them."""
    statement = text("SELECT queue_name, CAST(args->>'generation_id' AS int) FROM procrastinate_jobs ORDER BY id")
    with database.reading() as session:
        return [(queue, id_) for queue, id_ in session.execute(statement)]


def test_jobs_are_queued_by_provider_in_the_order_asked_for(shared: Database) -> None:
    made = enqueue(shared, PROJECT, {"sketch": [7, 3, 5], "openai": [4]})
    assert made == 4
    assert queued(shared) == [("sketch", 7), ("sketch", 3), ("sketch", 5), ("openai", 4)]


def test_a_generation_has_one_job_however_often_it_is_enqueued(shared: Database) -> None:
    enqueue(shared, PROJECT, {"sketch": [1, 2]})
    assert enqueue(shared, PROJECT, {"sketch": [2, 3]}) == 1
    assert queued(shared) == [("sketch", 1), ("sketch", 2), ("sketch", 3)]


def test_a_job_that_runs_counts_and_one_that_has_ended_does_not(shared: Database) -> None:
    enqueue(shared, PROJECT, {"sketch": [1, 2]})
    with shared.transaction() as session:
        run = "UPDATE procrastinate_jobs SET status = 'doing' WHERE queueing_lock = 'generation 1'"
        session.execute(text(run))
        end = "UPDATE procrastinate_jobs SET status = 'failed' WHERE queueing_lock = 'generation 2'"
        session.execute(text(end))
    assert enqueue(shared, PROJECT, {"sketch": [1, 2]}) == 1
    assert queued(shared) == [("sketch", 1), ("sketch", 2), ("sketch", 2)]


def test_several_who_enqueue_the_same_at_once_make_one_job_each(shared: Database) -> None:
    """In whatever order they do it, and more than goes into one transaction: nobody fails."""
    ids = list(range(1, 5001))
    made: list[int] = []

    def work(order: Sequence[int]) -> None:
        made.append(enqueue(shared, PROJECT, {"sketch": order}))

    threads = [threading.Thread(target=work, args=(order,)) for order in (ids, ids[::-1], ids[2500:] + ids[:2500])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(made) == len(ids)
    assert sorted(queued(shared)) == [("sketch", id_) for id_ in ids]


def test_nothing_to_enqueue_is_no_mistake(shared: Database) -> None:
    assert enqueue(shared, PROJECT, {}) == enqueue(shared, PROJECT, {"sketch": []}) == 0


def test_on_sqlite_a_sentence_says_what_workers_need(sqlite_url: str) -> None:
    with factories.opening(sqlite_url) as database, pytest.raises(NotConfigured, match="share a PostgreSQL") as caught:
        enqueue(database, PROJECT, {"sketch": [1]})
    assert "PROMPTLAB_DATABASE_URL" in (caught.value.hint or "")
