"""So many requests and images a minute, whoever asks and in whatever order; the time is only told, never waited for."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event
from sqlmodel import Session, select
from tests.fixtures import factories
from tests.fixtures.factories import DEFAULT_PROJECT

from promptlab.db import paces
from promptlab.db.engine import Database
from promptlab.db.models import Pace

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
MINUTE = 60.0
_SHARED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=10)

_limits = st.one_of(st.integers(1, 300), st.floats(0.01, 3000))
_asks = st.lists(st.tuples(st.integers(0, 2_500), st.integers(1, 4)), min_size=20, max_size=50)
"""Milliseconds since the ask before, and how many images are asked for."""


class _Enough(Exception):
    """Nothing of it is to be kept."""


@contextmanager
def forgotten(database: Database) -> Iterator[Session]:
    """Yield a session that leaves nothing behind, so that examples can share a database."""
    with suppress(_Enough), database.transaction() as session:
        yield session
        raise _Enough


def take(
    session: Session,
    at: float = 0.0,
    *,
    requests: float | None = None,
    images: float | None = None,
    count: int = 1,
    provider: str = "sketch",
    project_id: int = DEFAULT_PROJECT,
) -> float:
    """Ask so many seconds after noon; `requests` and `images` are the limits."""
    limits = {"requests_per_minute": requests, "images_per_minute": images}
    return paces.take(session, project_id, provider, now=after(at), images=count, **limits)


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def state(session: Session) -> list[tuple[Any, ...]]:
    session.flush()
    return [tuple(row) for row in session.execute(select(Pace.requests_at, Pace.images_at, Pace.closed_until))]


def granted(database: Database, asks: Sequence[tuple[int, int]], **limits: Any) -> Iterator[tuple[float, int]]:
    """Yield when requests were sent and for how many images: every second one asks again when it is told to."""
    at = 0.0
    with forgotten(database) as session:
        for gap, count in asks:
            at += gap / 1000
            wait = take(session, at, count=count, **limits)
            if wait and gap % 2:
                at += wait
                wait = take(session, at, count=count, **limits)
            if wait == 0:
                yield at, count


def minutes_of(taken: Sequence[tuple[float, int]]) -> Iterator[list[int]]:
    """Yield what was taken in each minute that begins with something."""
    for start, _count in taken:
        yield [count for at, count in taken if 0 <= round(at - start, 6) < MINUTE]


@_SHARED
@given(limit=_limits, asks=_asks)
def test_no_minute_has_more_requests_than_the_limit_and_a_seconds_worth(
    database: Database, limit: float, asks: list[tuple[int, int]]
) -> None:
    """Up to 60 a minute no more than the limit itself."""
    taken = list(granted(database, [(gap, 1) for gap, _count in asks], requests=limit))
    assert all(len(minute) < limit + max(limit / 60, 1) for minute in minutes_of(taken))


@_SHARED
@given(limit=_limits, asks=_asks)
def test_no_minute_has_more_images_than_that_and_what_the_last_request_asks_for(
    database: Database, limit: float, asks: list[tuple[int, int]]
) -> None:
    taken = list(granted(database, asks, images=limit))
    assert all(sum(minute) < limit + max(limit / 60, 1) + minute[-1] - 1 for minute in minutes_of(taken))


@_SHARED
@given(limit=_limits, asks=_asks)
def test_the_wait_that_is_told_is_exact_and_being_refused_changes_nothing(
    database: Database, limit: float, asks: list[tuple[int, int]]
) -> None:
    """A moment earlier it is still too early."""
    at = 0.0
    with forgotten(database) as session:
        for gap, count in asks[:20]:
            at += gap / 1000
            before = state(session)
            if wait := take(session, at, requests=limit, images=limit * 2, count=count):
                assert take(session, at + wait - 0.000_002, requests=limit, images=limit * 2, count=count) > 0
                assert state(session) == before
                at += wait
                assert take(session, at, requests=limit, images=limit * 2, count=count) == 0


@_SHARED
@given(limit=st.integers(1, 60), start=st.integers(0, 100_000))
def test_who_asks_again_when_told_gets_the_limit(database: Database, limit: int, start: int) -> None:
    """In the first minute as in the second, less one at most."""
    minutes, at = [0, 0], 0.0
    with forgotten(database) as session:
        while at < 2 * MINUTE:
            wait = take(session, start + at, requests=limit)
            minutes[int(at // MINUTE)] += wait == 0
            at += wait
    assert min(minutes) >= limit - 1


@_SHARED
@given(limit=_limits)
def test_a_stream_as_fast_as_the_limit_never_waits(database: Database, limit: float) -> None:
    with forgotten(database) as session:
        assert {take(session, number * (MINUTE / limit + 0.000_001), requests=limit) for number in range(50)} == {0.0}


def test_a_second_s_worth_goes_at_once_and_no_minute_s(database: Database) -> None:
    with forgotten(database) as session:
        waits = [take(session, requests=600) for _time in range(12)]
    assert waits == [*[0.0] * 10, 0.1, 0.1]


def test_who_was_silent_for_long_has_saved_nothing_up(database: Database) -> None:
    with forgotten(database) as session:
        assert take(session, requests=6) == 0
        assert [take(session, 3600, requests=6) for _time in range(3)] == [0, 10, 10]


def test_a_request_of_more_images_than_a_minute_has_is_paid_for_after_it(database: Database) -> None:
    with forgotten(database) as session:
        assert take(session, images=10, count=50) == 0
        assert take(session, 1, images=10) == 299
        assert take(session, 300, images=10, count=50) == 0


def test_both_limits_hold_and_the_later_one_is_told(database: Database) -> None:
    with forgotten(database) as session:
        assert take(session, requests=60, images=6, count=2) == 0
        assert take(session, requests=60, images=6) == 20
        assert take(session, 20, requests=60, images=6) == 0
        assert take(session, 20.5, requests=60) == 0.5


@pytest.mark.parametrize("limit", [None, 60, 6000])
def test_a_provider_that_asked_to_be_left_alone_is(database: Database, limit: float | None) -> None:
    """Also where nothing limits the rate; and what is said later shortens nothing."""
    with forgotten(database) as session:
        for until in (30, 40, 35):
            paces.close(session, DEFAULT_PROJECT, "sketch", after(until))
        before = state(session)
        assert [take(session, at, requests=limit, images=limit) for at in (0, 39.5)] == [40, 0.5]
        assert state(session) == before
        assert take(session, 40, requests=limit, images=limit) == 0


def test_each_project_and_each_provider_has_a_pace_of_its_own(database: Database) -> None:
    with forgotten(database) as session:
        other = factories.project(session)
        assert take(session, requests=1) == 0
        paces.close(session, DEFAULT_PROJECT, "sketch", after(90))
        assert take(session, requests=1) == 90
        assert take(session, requests=1, project_id=other) == 0
        assert take(session, requests=1, provider="openai") == 0


def test_without_a_limit_it_is_one_look_and_nothing_is_written(database: Database) -> None:
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        statements.append(statement)

    for closed in (False, True):
        with database.transaction() as session:
            if closed:
                paces.close(session, DEFAULT_PROJECT, "sketch", after(-1))
        with database.transaction() as session:
            session.connection()
            event.listen(database.engine, "before_cursor_execute", note)
            assert take(session) == 0
        event.remove(database.engine, "before_cursor_execute", note)
    assert [statement.partition(" ")[0] for statement in statements] == ["SELECT", "SELECT"]
    assert "FOR UPDATE" not in "".join(statements)


_ASK = """
import sys
from datetime import datetime, timedelta
from promptlab.db import paces
from promptlab.db.engine import open_database
database, noon = open_database(sys.argv[1]), datetime.fromisoformat(sys.argv[2])
for at in range(120):
    with database.transaction() as session:
        if paces.take(session, 1, "sketch", now=noon + timedelta(seconds=at / 2), images=1,
                      requests_per_minute=60, images_per_minute=None) == 0:
            print(at / 2)
"""


def test_two_processes_hold_the_limit_together(database_url: str) -> None:
    """Each asks twice a second for a minute of its own clock; whoever is ahead, each second is taken by just one."""
    words = [sys.executable, "-c", _ASK, database_url, NOON.isoformat()]
    processes = [subprocess.Popen(words, stdout=subprocess.PIPE, text=True) for _time in range(2)]
    said = "".join(process.communicate(timeout=100)[0] for process in processes)
    assert [process.returncode for process in processes] == [0, 0]
    assert sorted(map(float, said.split())) == list(range(60))
