"""The pace of one run: down when a provider throttles, up again with success, and quiet when it is told to be."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event
from tests.fixtures.factories import DEFAULT_PROJECT, opening

from promptlab.db.engine import Database
from promptlab.services.pace import LONGEST_REST_SECONDS, Pace
from promptlab.settings import ProviderSettings

_SHARED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


class Clock:
    """A time that passes when it is told to."""

    def __init__(self) -> None:
        self.time = datetime(2026, 11, 24, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time

    def advance(self, seconds: float) -> datetime:
        self.time += timedelta(seconds=seconds)
        return self.time


def pace_of(database: Database, clock: Clock, *, concurrency: int = 16, per_minute: float | None = None) -> Pace:
    limits = ProviderSettings(concurrency=concurrency, requests_per_minute=per_minute)
    return Pace(database, DEFAULT_PROJECT, "sketch", limits=limits, clock=clock)


def take(database: Database, pace: Pace) -> float:
    with database.transaction() as session:
        return pace.take(session, 1)


def looks(database: Database, pace: Pace) -> int:
    """Ask once, and return how many statements that took."""
    count = 0

    def note(*_about: object) -> None:
        nonlocal count
        count += 1

    with database.transaction() as session:
        session.connection()
        event.listen(database.engine, "before_cursor_execute", note)
        pace.take(session, 1)
        event.remove(database.engine, "before_cursor_execute", note)
    return count


def test_it_begins_with_all_that_is_allowed_and_halves_down_to_one(database: Database) -> None:
    clock = Clock()
    pace = pace_of(database, clock, concurrency=20)
    steps = [pace.allowed]
    for _time in range(6):
        pace.throttled(clock.advance(1))
        steps.append(pace.allowed)
    assert steps == [20, 10, 5, 2, 1, 1, 1]


def test_requests_that_were_in_flight_together_are_throttled_once(database: Database) -> None:
    """What was sent before a halving says nothing of what it has brought; what is sent after it does."""
    clock = Clock()
    pace = pace_of(database, clock)
    sent = [clock.advance(0.1) for _number in range(16)]
    clock.advance(1)
    for sent_at in sent:
        pace.throttled(sent_at)
        clock.advance(0.1)
    assert pace.allowed == 8
    pace.throttled(clock.advance(0.1))
    assert pace.allowed == 4


def test_as_many_successes_as_may_be_in_flight_allow_one_more(database: Database) -> None:
    """And never more than the concurrency, however many there are."""
    clock = Clock()
    pace = pace_of(database, clock, concurrency=4)
    for _time in range(2):
        pace.throttled(clock.advance(1))
    steps = []
    for _time in range(10):
        pace.succeeded()
        steps.append(pace.allowed)
    assert steps == [2, 2, 3, 3, 3, 4, 4, 4, 4, 4]


def test_successes_before_a_halving_do_not_count_after_it(database: Database) -> None:
    clock = Clock()
    pace = pace_of(database, clock, concurrency=8)
    pace.throttled(clock.advance(1))
    for _time in range(3):
        pace.succeeded()
    pace.throttled(clock.advance(1))
    pace.succeeded()
    assert pace.allowed == 2
    pace.succeeded()
    assert pace.allowed == 3


@_SHARED
@given(concurrency=st.integers(1, 1024), throttles=st.lists(st.booleans(), max_size=200))
def test_whatever_comes_something_is_allowed_and_never_too_much(
    database: Database, concurrency: int, throttles: list[bool]
) -> None:
    clock = Clock()
    pace = pace_of(database, clock, concurrency=concurrency)
    for throttle in throttles:
        before = pace.allowed
        if throttle:
            pace.throttled(clock.advance(1))
            assert pace.allowed == max(1, before // 2)
        else:
            pace.succeeded()
            assert before <= pace.allowed <= min(before + 1, concurrency)


def test_threads_lose_no_success(database: Database) -> None:
    """1 + 2 + … + 15 of them lead from one to sixteen."""
    clock = Clock()
    pace = pace_of(database, clock, concurrency=1000)
    for _time in range(10):
        pace.throttled(clock.advance(1))
    ready = threading.Barrier(8)

    def succeed(_number: int) -> None:
        ready.wait(timeout=30)
        for _time in range(15):
            pace.succeeded()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(succeed, range(8)))
    assert pace.allowed == 16


def test_a_rest_holds_for_every_run_and_is_looked_up_once(database: Database) -> None:
    clock = Clock()
    told, other = pace_of(database, clock), pace_of(database, clock)
    told.closed(30)
    assert (told.wait(), other.wait()) == (30, 0)
    assert looks(database, told) == 0
    assert take(database, other) == 30
    assert looks(database, other) == 0
    told.closed(10)
    clock.advance(29)
    assert (take(database, told), take(database, other)) == (1, 1)
    clock.advance(1)
    assert (take(database, told), take(database, other)) == (0, 0)


def test_a_run_without_a_limit_looks_once_a_second_whether_others_were_told_to_rest(database: Database) -> None:
    """So that a look costs nothing where thousands are sent."""
    clock = Clock()
    told, other = pace_of(database, clock), pace_of(database, clock)
    assert [looks(database, other) for _time in range(3)] == [1, 0, 0]
    told.closed(30)
    clock.advance(0.9)
    assert looks(database, other) == 0
    clock.advance(0.1)
    assert take(database, other) == 29


def test_no_rest_is_endless(database: Database) -> None:
    """A provider may send anything; what says nothing closes nothing."""
    clock = Clock()
    pace = pace_of(database, clock)
    for seconds in (0, -5):
        pace.closed(seconds)
        assert take(database, pace) == 0
    pace.closed(1e12)
    assert take(database, pace) == LONGEST_REST_SECONDS
    assert take(database, pace_of(database, clock)) == LONGEST_REST_SECONDS


def test_without_the_database_the_run_itself_keeps_to_a_rest() -> None:
    clock = Clock()
    with opening("postgresql://me@127.0.0.1:9/lab") as away:
        pace = pace_of(away, clock)
        pace.closed(30)
    assert pace.wait() == 30


def test_a_limit_is_shared_and_who_has_to_wait_looks_no_more_until_then(database: Database) -> None:
    clock = Clock()
    one, other = (pace_of(database, clock, per_minute=30) for _time in range(2))
    assert take(database, one) == 0
    clock.advance(0.5)
    assert take(database, other) == 1.5
    clock.advance(0.5)
    assert looks(database, other) == 0
    assert other.wait() == 1
    clock.advance(1)
    assert (take(database, other), take(database, one)) == (0, 2)


def test_what_is_rolled_back_has_taken_nothing(database: Database) -> None:
    clock = Clock()
    pace = pace_of(database, clock, per_minute=1)
    with suppress(ZeroDivisionError), database.transaction() as session:
        assert pace.take(session, 1) == 0
        raise ZeroDivisionError
    assert [take(database, pace) for _time in range(2)] == [0, 60]
