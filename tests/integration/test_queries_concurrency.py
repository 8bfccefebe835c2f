"""Many at once: nothing is claimed twice, no limit is passed, no number given twice, no rating lost."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from typing import Any, TypeVar

import pytest
from sqlmodel import col, select
from tests.fixtures import factories
from tests.fixtures.factories import DEFAULT_PROJECT, opening

from promptlab.db import attempts, batches, generations, paces, projects, ratings
from promptlab.db.columns import now
from promptlab.db.engine import Database
from promptlab.db.models import Attempt, Batch, Generation, Pace, Project, PromptVersion
from promptlab.db.states import BatchState, GenerationState

THREADS = 16
RATERS = 8

Result = TypeVar("Result")


def at_once(action: Callable[[int], Result], threads: int = THREADS) -> list[Result]:
    """Run the action in so many threads, which start together, and return what each returned."""
    ready = threading.Barrier(threads)

    def run(number: int) -> Result:
        ready.wait(timeout=30)
        return action(number)

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(run, range(threads)))


def test_a_generation_is_claimed_by_just_one(database: Database) -> None:
    with database.transaction() as session:
        generation_id = factories.generation(session, state=GenerationState.PLANNED).id or 0

    def claim(_number: int) -> bool:
        with database.transaction() as session:
            return generations.claim(session, generation_id)

    assert at_once(claim).count(True) == 1
    with database.reading() as session:
        assert session.get_one(Generation, generation_id).state is GenerationState.SENDING


def test_a_generation_is_planned_again_by_just_one(database: Database) -> None:
    with database.transaction() as session:
        generation_id = factories.generation(session, state=GenerationState.FAILED).id or 0

    def replan(_number: int) -> bool:
        with database.transaction() as session:
            return generations.replan(session, generation_id, [GenerationState.FAILED, GenerationState.UNKNOWN])

    assert at_once(replan).count(True) == 1


def test_reservations_together_never_pass_the_limit(database: Database) -> None:
    """Seven of seven cents fit into half a dollar, to the last millionth."""
    with database.transaction() as session:
        batch_id = factories.batch(session, max_cost_usd=0.49).id or 0

    def reserve(_number: int) -> bool:
        with database.transaction() as session:
            return batches.reserve(session, batch_id, usd=0.07, images=1)

    assert at_once(reserve).count(True) == 7
    assert _committed(database, batch_id) == 0.49


def test_settling_while_others_reserve_keeps_the_sum_right(database: Database) -> None:
    """Each reserves ten cents and has spent one in the end."""
    with database.transaction() as session:
        batch_id = factories.batch(session).id or 0

    def spend(_number: int) -> None:
        for _time in range(3):
            with database.transaction() as session:
                assert batches.reserve(session, batch_id, usd=0.1, images=1)
            with database.transaction() as session:
                batches.settle(session, batch_id, usd=-0.09, images=0)

    at_once(spend, 8)
    assert _committed(database, batch_id) == 0.24


def test_many_threads_that_write_at_once_all_get_their_turn(database: Database) -> None:
    """They queue; SQLite itself would let one of many poll in vain until its patience ends."""
    with database.transaction() as session:
        batch_id = factories.batch(session).id or 0

    def spend(_number: int) -> None:
        for _time in range(40):
            with database.transaction() as session:
                assert batches.reserve(session, batch_id, usd=0.01, images=1)

    at_once(spend, 48)
    assert _committed(database, batch_id) == 19.2


def test_a_limit_is_exact_though_dollars_are_no_binary_numbers(database: Database) -> None:
    """Ten times ten cents is a dollar, though 0.1 added ten times is not 1.0; and then nothing more fits."""
    with database.transaction() as session:
        batch_id = factories.batch(session, max_cost_usd=1.0).id or 0
        assert [batches.reserve(session, batch_id, usd=0.1, images=1) for _time in range(10)] == [True] * 10
        assert not batches.reserve(session, batch_id, usd=0.000001, images=1)
        assert batches.reserve(session, batch_id, usd=0.0, images=1)
        for _time in range(10):
            batches.settle(session, batch_id, usd=-0.1, images=-1)
    assert _committed(database, batch_id) == 0


def test_a_limit_of_images_holds_and_a_batch_at_rest_has_no_room(database: Database) -> None:
    with database.transaction() as session:
        batch_id = factories.batch(session, max_images=3).id or 0
        assert batches.reserve(session, batch_id, usd=0.1, images=2)
        assert not batches.reserve(session, batch_id, usd=0.1, images=2)
        batches.settle(session, batch_id, usd=0.0, images=-1)
        assert batches.reserve(session, batch_id, usd=0.1, images=2)
        for columns in ({"state": BatchState.PAUSED}, {"state": BatchState.CANCELLED}, {"deadline_at": now()}):
            assert not batches.reserve(session, factories.batch(session, **columns).id or 0, usd=0.0, images=1)


@pytest.mark.parametrize(("limit", "together"), [(60, 1), (600, 10)])
def test_the_first_requests_of_many_keep_to_the_pace(database: Database, limit: float, together: int) -> None:
    """The first of all makes the row; at one moment a second's worth is sent, and one where that is less."""
    at, limits = now(), {"requests_per_minute": limit, "images_per_minute": limit}

    def ask(_number: int) -> float:
        with database.transaction() as session:
            return paces.take(session, DEFAULT_PROJECT, "sketch", now=at, images=1, **limits)

    assert at_once(ask).count(0.0) == together
    with database.reading() as session:
        assert len(session.exec(select(Pace.id)).all()) == 1


def test_the_longest_of_several_rests_holds(database: Database) -> None:
    at = now()

    def close(number: int) -> None:
        with database.transaction() as session:
            paces.close(session, DEFAULT_PROJECT, "sketch", at + timedelta(seconds=number * 7 % THREADS))

    at_once(close)
    with database.reading() as session:
        assert session.exec(select(Pace.closed_until)).one() == at + timedelta(seconds=THREADS - 1)


def test_a_reservation_that_is_rolled_back_was_never_made(database: Database) -> None:
    with database.transaction() as session:
        batch_id = factories.batch(session, max_cost_usd=1.0).id or 0
    with suppress(ZeroDivisionError), database.transaction() as session:
        assert batches.reserve(session, batch_id, usd=1.0, images=1)
        raise ZeroDivisionError
    assert _committed(database, batch_id) == 0


def test_draws_under_the_lock_are_all_different(database: Database) -> None:
    """Also when each takes several, and they follow each other without a gap."""
    with database.transaction() as session:
        planned = {
            "prompt_version_id": factories.version(session).id,
            "batch_id": factories.batch(session).id,
            "request_key": "same",
        }

    def plan(_number: int) -> list[int]:
        with database.transaction() as session:
            projects.lock(session, DEFAULT_PROJECT)
            first = generations.next_draw(session, "same")
            for draw in (first, first + 1):
                factories.generation(session, **planned, draw=draw)
            return [first, first + 1]

    taken = at_once(plan)
    assert sorted(draw for pair in taken for draw in pair) == list(range(1, 2 * THREADS + 1))


def test_version_numbers_under_the_lock_are_all_different(database: Database) -> None:
    def make(_number: int) -> int:
        with database.transaction() as session:
            projects.lock(session, DEFAULT_PROJECT)
            return factories.version(session).version

    assert sorted(at_once(make)) == list(range(1, THREADS + 1))


def test_the_lock_of_a_project_does_not_hold_up_those_who_finish(postgres_url: str) -> None:
    """Rows that name the project are written while it is locked: outcomes need not wait for a large plan."""
    with opening(postgres_url) as database:
        with database.transaction() as session:
            row = factories.generation(session)
        with database.transaction() as planning:
            projects.lock(planning, DEFAULT_PROJECT)
            with database.transaction() as session:
                session.connection().exec_driver_sql("SET LOCAL lock_timeout = '5s'")
                factories.output(session, row)
                factories.rating(session, ratings.lock_generation(session, DEFAULT_PROJECT, row.id or 0))


def test_ratings_of_one_generation_at_once_keep_its_mean_right(database: Database) -> None:
    """Everybody rates, changes their mind, and every other one undoes that."""
    with database.transaction() as session:
        generation_id = factories.generation(session).id or 0

    def rate(number: int) -> None:
        for score in (1 + number % 5, 5 - number % 5):
            with database.transaction() as session:
                row = ratings.lock_generation(session, DEFAULT_PROJECT, generation_id)
                factories.rating(session, row, score, rater=f"rater {number}")
        if number % 2:
            with database.transaction() as session:
                row = ratings.lock_generation(session, DEFAULT_PROJECT, generation_id)
                ratings.take_back(session, row, f"rater {number}")

    at_once(rate, RATERS)
    scores = [1 + number % 5 if number % 2 else 5 - number % 5 for number in range(RATERS)]
    with database.reading() as session:
        assert session.get_one(Generation, generation_id).result_rating == round(sum(scores) / RATERS, 4)


def test_one_rater_in_several_windows_has_one_current_rating(database: Database) -> None:
    with database.transaction() as session:
        generation_id = factories.generation(session).id or 0

    def rate(number: int) -> None:
        with database.transaction() as session:
            row = ratings.lock_generation(session, DEFAULT_PROJECT, generation_id)
            factories.rating(session, row, 1 + number % 5)

    at_once(rate, RATERS)
    with database.reading() as session:
        current = ratings.current(session, generation_id, "ana")
        assert current is not None
        assert session.get_one(Generation, generation_id).result_rating == current.score


def test_a_project_that_several_start_at_once_is_one(database: Database) -> None:
    def start(_number: int) -> int:
        with database.transaction() as session:
            return factories.project(session, "spring")

    assert len(set(at_once(start))) == 1
    with database.reading() as session:
        assert session.exec(select(Project.name)).all().count("spring") == 1


@pytest.mark.parametrize("name", ["first", "default"])
def test_finding_a_project_leaves_the_transaction_usable(database: Database, name: str) -> None:
    """What was written before in the same transaction is kept."""
    with database.transaction() as session:
        factories.version(session)
        factories.project(session, name)
    with database.reading() as session:
        assert len(session.exec(select(PromptVersion)).all()) == 1


def test_attempts_of_a_claimed_generation_are_numbered_in_turn(database: Database) -> None:
    """Whoever claims it makes the next attempt; everybody else makes none."""
    with database.transaction() as session:
        generation = factories.generation(session, state=GenerationState.PLANNED)
        generation_id, batch_id = generation.id or 0, generation.batch_id
    sender: Any = {"owner": "me", "lease_until": now(), "reserved_usd": 0, "reserved_images": 1}

    def try_it(_number: int) -> None:
        for _time in range(3):
            with database.transaction() as session:
                if generations.claim(session, generation_id):
                    attempts.add(session, DEFAULT_PROJECT, generation_id, batch_id=batch_id, **sender)
            with database.transaction() as session:
                generations.replan(session, generation_id, [GenerationState.SENDING])

    at_once(try_it, 8)
    with database.reading() as session:
        numbers = session.exec(select(Attempt.number).order_by(col(Attempt.id))).all()
    assert numbers == list(range(1, len(numbers) + 1))
    assert numbers


def _committed(database: Database, batch_id: int) -> float:
    with database.reading() as session:
        return session.get_one(Batch, batch_id).committed_usd
