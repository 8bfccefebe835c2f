"""What workers are to take: each generation once, whoever enqueues it, and batches that go on by themselves."""

import threading
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text, update
from sqlmodel import col
from tests.fixtures import factories
from tests.fixtures.workers import state_of

from promptlab.adapters.jobs import drop_stalled
from promptlab.db import detached
from promptlab.db.columns import now
from promptlab.db.engine import Database
from promptlab.db.models import Batch, BatchItem, Generation
from promptlab.db.states import BatchState, GenerationState
from promptlab.errors import NotConfigured
from promptlab.output import Output
from promptlab.runtime import Runtime
from promptlab.services.batch_views import elapsed
from promptlab.services.detached import enqueue, tend
from promptlab.services.lab import Lab
from promptlab.services.shift import Shift
from promptlab.worker.tally import Tally

PROJECT = factories.DEFAULT_PROJECT


@pytest.fixture
def lab(shared: Database) -> Iterator[Lab]:
    runtime = Runtime({}, Output())
    yield runtime.lab
    runtime.close()


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


def plan(database: Database, count: int, **columns: Any) -> tuple[int, list[int]]:
    """Plan a detached batch of which nothing is enqueued; return its id and its generations'."""
    with database.transaction() as session:
        batch = factories.batch(session, detached=True, **columns)
        planned = {"state": GenerationState.PLANNED, "batch_id": batch.id, "max_price_usd": 0.25}
        rows = [factories.generation(session, **planned) for _number in range(count)]
    return batch.id or 0, [row.id or 0 for row in rows]


def change(database: Database, generation_id: int, **columns: Any) -> None:
    with database.transaction() as session:
        session.execute(update(Generation).where(col(Generation.id) == generation_id).values(**columns))


def read(database: Database, batch_id: int) -> Batch:
    with database.reading() as session:
        return session.get_one(Batch, batch_id)


def cover(database: Database, generation_id: int, **columns: Any) -> int:
    """Make another batch that covers the generation; return its id."""
    with database.transaction() as session:
        batch = factories.batch(session, **columns)
        session.add(BatchItem(project_id=PROJECT, batch_id=batch.id or 0, generation_id=generation_id))
    return batch.id or 0


def taken_for(database: Database, generation_id: int) -> int | None:
    with database.reading() as session:
        batch = detached.batch_of(session, generation_id)
    return None if batch is None else batch.id


def test_a_generation_is_taken_for_its_own_batch_though_a_newer_one_covers_it(shared: Database) -> None:
    own, [id_] = plan(shared, 1)
    cover(shared, id_, detached=True)
    assert taken_for(shared, id_) == own


def test_a_generation_whose_own_batch_rests_is_taken_for_the_newest_that_covers_it(shared: Database) -> None:
    """Only for one that is left to workers and is to go on; without any it is not taken."""
    _own, [id_, _other] = plan(shared, 2, state="paused")
    cover(shared, id_, detached=False, state="running")
    assert taken_for(shared, id_) is None
    cover(shared, id_, detached=True)
    newest = cover(shared, id_, detached=True, state="running")
    cover(shared, id_, detached=True, state="stopped")
    assert taken_for(shared, id_) == newest
    assert taken_for(shared, 0) is None


def test_what_is_planned_of_a_detached_batch_finds_its_way_to_workers(shared: Database, lab: Lab) -> None:
    """Also if nobody has enqueued it; what has a job is left alone."""
    _batch_id, ids = plan(shared, 3)
    enqueue(shared, PROJECT, {"sketch": ids[:1]})
    tend(lab)
    tend(lab)
    assert queued(shared) == [("sketch", id_) for id_ in ids]


@pytest.mark.parametrize("state", ["paused", "cancelled", "stopped", "done"])
def test_a_batch_that_is_not_to_go_on_is_left_alone(shared: Database, lab: Lab, state: str) -> None:
    batch_id, _ids = plan(shared, 2, state=state)
    tend(lab)
    assert (queued(shared), state_of(shared, batch_id)) == ([], state)


def test_a_batch_that_is_not_detached_is_the_affair_of_its_own_process(shared: Database, lab: Lab) -> None:
    plan(shared, 2)
    with shared.transaction() as session:
        session.execute(update(Batch).values(detached=False))
    tend(lab)
    assert queued(shared) == []


def test_a_generation_that_is_to_wait_is_enqueued_when_its_time_has_come(shared: Database, lab: Lab) -> None:
    batch_id, [first, second] = plan(shared, 2)
    change(shared, first, not_before=now() + timedelta(hours=1))
    change(shared, second, state=GenerationState.SUCCEEDED)
    tend(lab)
    assert (queued(shared), state_of(shared, batch_id)) == ([], "planned")
    change(shared, first, not_before=now() - timedelta(hours=1))
    tend(lab)
    assert queued(shared) == [("sketch", first)]


def test_a_batch_of_which_nothing_is_left_is_done(shared: Database, lab: Lab) -> None:
    """Not before what is in flight has an outcome."""
    batch_id, [id_] = plan(shared, 1, state="running")
    change(shared, id_, state=GenerationState.SENDING)
    tend(lab)
    assert state_of(shared, batch_id) == "running"
    change(shared, id_, state=GenerationState.FAILED)
    tend(lab)
    assert state_of(shared, batch_id) == "done"


def test_a_batch_that_failed_fast_ended_when_it_was_stopped(shared: Database) -> None:
    """The time that it took grows no longer."""
    batch_id, _ids = plan(shared, 1, state="running", started_at=now() - timedelta(minutes=5))
    with shared.transaction() as session:
        detached.stop(session, batch_id)
    batch = read(shared, batch_id)
    assert batch.state is BatchState.STOPPED
    assert elapsed(batch, now() + timedelta(days=1)) == elapsed(batch, now() + timedelta(days=2))


def test_a_batch_that_was_stopped_is_done_once_nothing_of_it_is_left(shared: Database, lab: Lab) -> None:
    """Not before what is in flight has an outcome, nor while something is planned; it ended when it was stopped."""
    stopped = now() - timedelta(minutes=5)
    batch_id, [first, second] = plan(shared, 2, state="stopped", finished_at=stopped)
    shift = Shift(shared, {}, lambda _project: lab, Tally(shared, Output()).watch, timedelta(minutes=1))
    change(shared, first, state=GenerationState.SENDING)
    change(shared, second, state=GenerationState.FAILED)
    shift.tend()
    assert state_of(shared, batch_id) == "stopped"
    change(shared, first, state=GenerationState.PLANNED)
    shift.tend()
    assert (queued(shared), state_of(shared, batch_id)) == ([], "stopped")
    change(shared, first, state=GenerationState.SUCCEEDED)
    shift.tend()
    batch = read(shared, batch_id)
    assert (batch.state, batch.finished_at) == (BatchState.DONE, stopped)


@pytest.mark.parametrize(
    "limit",
    [
        {"max_cost_usd": 1.0, "committed_usd": 0.76},
        {"max_images": 5, "committed_images": 5},
        {"deadline_at": now() - timedelta(minutes=1)},
    ],
    ids=["money", "images", "time"],
)
def test_a_batch_whose_limit_leaves_room_for_nothing_is_stopped(
    shared: Database, lab: Lab, limit: dict[str, Any]
) -> None:
    """Not before what is in flight has an outcome: it may cost less than it could have."""
    batch_id, [first, _second] = plan(shared, 2, state="running", **limit)
    change(shared, first, state=GenerationState.SENDING)
    tend(lab)
    assert (queued(shared), state_of(shared, batch_id)) == ([], "running")
    change(shared, first, state=GenerationState.SUCCEEDED)
    tend(lab)
    assert (queued(shared), state_of(shared, batch_id)) == ([], "stopped")


def test_what_fits_into_a_limit_is_enqueued_though_something_dearer_does_not(shared: Database, lab: Lab) -> None:
    _batch_id, [dear, cheap] = plan(shared, 2, max_cost_usd=0.5)
    change(shared, dear, max_price_usd=0.75)
    tend(lab)
    assert queued(shared) == [("sketch", cheap)]


def test_a_job_of_a_worker_that_is_heard_nothing_of_is_forgotten(shared: Database) -> None:
    """And one of a worker that nobody knows any more; those of others are not."""
    enqueue(shared, PROJECT, {"sketch": [1, 2, 3, 4]})
    with shared.transaction() as session:
        for id_, seconds in ((1, 100), (2, 1)):
            beat = f"INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '{seconds} s')"
            worker = session.execute(text(f"{beat} RETURNING id")).scalar_one()
            doing = "UPDATE procrastinate_jobs SET status = 'doing', worker_id = :worker WHERE queueing_lock = :name"
            session.execute(text(doing), {"worker": worker, "name": f"generation {id_}"})
        session.execute(text(doing), {"worker": None, "name": "generation 3"})
        drop_stalled(session, 50)
    assert queued(shared) == [("sketch", 2), ("sketch", 4)]
