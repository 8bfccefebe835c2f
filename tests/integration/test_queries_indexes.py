"""No list reads more rows than it shows: every query finds its rows by an index (as SQLite plans it)."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlmodel import Session
from tests.fixtures import factories
from tests.fixtures.factories import DEFAULT_PROJECT, opening

from promptlab.db import (
    attempts,
    batch_states,
    batch_tallies,
    batches,
    cases,
    generations,
    migrate,
    paces,
    prompts,
    ratings,
    review_queue,
)
from promptlab.db.columns import now
from promptlab.db.engine import Database
from promptlab.db.generations import Filters
from promptlab.db.pages import encode_cursor
from promptlab.db.review_queue import QueueFilters
from promptlab.db.states import GenerationState

Query = Callable[[Session], Any]

TIME = datetime(2026, 11, 24, tzinfo=UTC)
IDS = [1, 2, 3]
PLACE = 500 << 22
ANA = QueueFilters(rater="ana")
ONE_OF_TWO = QueueFilters(rater="ana", ratings_wanted=2)


def _list(cursor: str | None = None, **filters: Any) -> Query:
    return lambda session: generations.list_generations(
        session, DEFAULT_PROJECT, Filters(**filters), limit=20, cursor=cursor
    )


def _queue(cursor: str | None = None, **filters: Any) -> Query:
    return lambda session: review_queue.page(session, DEFAULT_PROJECT, QueueFilters(**filters), limit=20, cursor=cursor)


def _versions(**filters: Any) -> Query:
    chosen = {"name": None, "deleted": False, **filters}
    return lambda session: prompts.list_versions(session, DEFAULT_PROJECT, **chosen, limit=20, cursor=None)


def _take(**limits: float | None) -> Query:
    return lambda session: paces.take(session, DEFAULT_PROJECT, "sketch", now=TIME, images=1, **limits)


IN_ORDER: dict[str, Query] = {
    "all": _list(),
    "all, a later page": _list(encode_cursor(500)),
    "of a version": _list(prompt_version_id=1),
    "of a version, a later page": _list(encode_cursor(500), prompt_version_id=1),
    "in a state": _list(state=GenerationState.FAILED),
    "rated 4": _list(rating=4),
    "rated 4, a later page": _list(encode_cursor(500), rating=4),
    "unrated": _list(unrated=True),
    "since": _list(since=TIME),
    "until": _list(until=TIME),
    "since, a later page": _list(encode_cursor(500, TIME), since=TIME - timedelta(days=7)),
    "since and until": _list(since=TIME - timedelta(days=7), until=TIME),
    "since, in a state": _list(since=TIME, state=GenerationState.FAILED),
    "queue": _queue(),
    "queue, further on": _queue(encode_cursor(500, PLACE)),
    "queue of a version": _queue(prompt_version_id=1),
    "queue of a rater": _queue(rater="ana"),
    "queue of a rater, further on": _queue(encode_cursor(500, PLACE), rater="ana"),
    "next block": lambda session: review_queue.next_block(session, DEFAULT_PROJECT, ANA, after=500),
    "versions": _versions(),
    "versions of a name": _versions(name="poster"),
    "of a batch": lambda session: generations.of_batch(session, 1, after=500, limit=500),
    "in flight": lambda session: attempts.in_flight(session, DEFAULT_PROJECT),
    "batches": lambda session: batch_tallies.page(session, DEFAULT_PROJECT, limit=20, cursor=None),
}
"""What comes out of its index in the order of the list: nothing is sorted, so a page is read and no more."""

BY_INDEX: dict[str, Query] = {
    "queue of a batch": _queue(batch_id=1),
    "queue of a rater, two ratings wanted": _queue(rater="ana", ratings_wanted=2),
    "queue of a rater and a batch": _queue(batch_id=1, rater="ana"),
    "length of the queue": lambda session: review_queue.length(
        session, DEFAULT_PROJECT, QueueFilters(), at_most=10_001
    ),
    "length of a rater's queue": lambda session: review_queue.length(session, DEFAULT_PROJECT, ANA, at_most=10_001),
    "open blocks": lambda session: review_queue.open_blocks(session, DEFAULT_PROJECT, ANA),
    "a block": lambda session: review_queue.of_block(session, DEFAULT_PROJECT, ANA, 500),
    "deleted versions": _versions(deleted=True),
    "to send": lambda session: generations.to_send(session, 1),
    "by ids": lambda session: generations.by_ids(session, IDS),
    "one": lambda session: generations.get(session, DEFAULT_PROJECT, 1),
    "claim": lambda session: generations.claim(session, 1),
    "replan": lambda session: generations.replan(session, 1, [GenerationState.FAILED]),
    "inputs": lambda session: generations.inputs(session, IDS),
    "outputs": lambda session: generations.outputs(session, IDS),
    "case": lambda session: cases.find(session, DEFAULT_PROJECT, "hash"),
    "next draw": lambda session: generations.next_draw(session, "key"),
    "attempts of generations": lambda session: attempts.of_generations(session, IDS),
    "an attempt and its generation": lambda session: attempts.lock(session, 1),
    "one attempt": lambda session: attempts.find(session, DEFAULT_PROJECT, 1, 1),
    "handle": lambda session: attempts.set_handle(session, 1, "job"),
    "newest live version": lambda session: prompts.newest_live(session, DEFAULT_PROJECT, "poster"),
    "same content": lambda session: prompts.same_content(session, DEFAULT_PROJECT, "poster", "hash"),
    "next version number": lambda session: prompts.next_number(session, DEFAULT_PROJECT, "poster"),
    "ids of a name": lambda session: prompts.ids_of_name(session, DEFAULT_PROJECT, "poster"),
    "current rating": lambda session: ratings.current(session, 1, "ana"),
    "reserve": lambda session: batches.reserve(session, 1, usd=0.5, images=1),
    "settle": lambda session: batches.settle(session, 1, usd=0.5, images=0),
    "unfinished": lambda session: batches.unfinished(session, 1),
    "pace": _take(requests_per_minute=60, images_per_minute=None),
    "pace without a limit": _take(requests_per_minute=None, images_per_minute=None),
    "rest": lambda session: paces.close(session, DEFAULT_PROJECT, "sketch", TIME),
    "totals of batches": lambda session: batch_tallies.totals(session, IDS),
    "errors of a batch": lambda session: batch_tallies.errors(session, 1),
    "cancelled items": lambda session: batch_states.cancel_items(session, 1),
}


@pytest.fixture
def filled(sqlite_url: str) -> Any:
    with opening(sqlite_url) as database:
        with database.transaction() as session:
            factories.attempt(session, factories.generation(session, request_key="key"))
        yield database


def plan_of(database: Database, query: Query) -> list[str]:
    """Return how SQLite would run the statements of a query, line by line."""
    statements: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: Any, *_more: object) -> None:
        statements.append((statement, parameters))

    event.listen(database.engine, "before_cursor_execute", note)
    with database.transaction() as session:
        query(session)
    event.remove(database.engine, "before_cursor_execute", note)
    with database.reading() as session:
        return [
            row[3]
            for statement, parameters in statements
            if not statement.startswith("BEGIN")
            for row in session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        ]


@pytest.mark.parametrize("query", IN_ORDER.values(), ids=IN_ORDER.keys())
def test_a_page_is_read_from_an_index_in_its_order(filled: Database, query: Query) -> None:
    plan = plan_of(filled, query)
    assert plan
    assert [line for line in plan if line.startswith("SCAN") or "TEMP B-TREE" in line] == []


@pytest.mark.parametrize("query", BY_INDEX.values(), ids=BY_INDEX.keys())
def test_no_query_reads_a_whole_table(filled: Database, query: Query) -> None:
    """What a query within it has found may be read as a whole."""
    plan = plan_of(filled, query)
    assert plan
    assert [line for line in plan if line.startswith("SCAN") and not line.startswith("SCAN anon_")] == []


@pytest.mark.parametrize(
    ("name", "index"),
    [
        ("unrated", "ix_generation_unrated"),
        ("queue", "ix_generation_unrated_place"),
        ("queue of a version", "ix_generation_unrated_place"),
        ("length of the queue", "ix_generation_unrated_place"),
        ("queue of a rater", "ix_generation_place"),
        ("queue of a rater, further on", "ix_generation_place"),
        ("next block", "ix_generation_place"),
        ("a block", "ix_generation_place"),
        ("rated 4", "ix_generation_rated_4"),
        ("in flight", "ix_attempt_in_flight"),
        ("versions", "ix_prompt_version_active"),
        ("since, in a state", "ix_generation_project_id_created_at_id"),
    ],
)
def test_the_index_that_holds_only_the_wanted_rows_is_taken(filled: Database, name: str, index: str) -> None:
    """Another one would do, and read all the rows that are not wanted on the way to the first that is."""
    outermost = next(line for line in plan_of(filled, {**IN_ORDER, **BY_INDEX}[name]) if " USING " in line)
    assert f"{index} " in outermost


def test_a_tally_looks_at_nothing_but_what_the_batch_covers(filled: Database) -> None:
    """What it goes through as a whole is its own few lines, one a version and state."""
    plan = plan_of(filled, lambda session: batch_tallies.tally(session, 1))
    assert [line for line in plan if line.startswith("SCAN")] == ["SCAN counted"]


def test_renewing_leases_looks_at_nothing_but_what_is_in_flight(filled: Database) -> None:
    [line] = plan_of(filled, lambda session: attempts.renew_leases(session, "me", now()))
    assert "ix_attempt_in_flight" in line


def test_postgresql_finds_pages_by_the_same_indexes(postgres_url: str) -> None:
    """Told not to read the whole table, which it prefers while there are few rows."""
    wanted = {
        "unrated": "ix_generation_unrated",
        "queue": "ix_generation_unrated_place",
        "queue of a rater": "ix_generation_place",
        "next block": "ix_generation_place",
        "rated 4": "ix_generation_rated_4",
        "since": "ix_generation_project_id_created_at_id",
        "in a state": "ix_generation_project_id_state_id",
        "of a version": "ix_generation_prompt_version_id_id",
        "batches": "ix_batch_project_id_id",
        "totals of batches": "pk_batch_item",
        "tally": "pk_batch_item",
    }
    queries = {**IN_ORDER, **BY_INDEX, "tally": lambda session: batch_tallies.tally(session, 1)}
    with opening(postgres_url) as database, database.transaction() as session:
        session.connection().execute(text("SET LOCAL enable_seqscan = off"))
        session.connection().execute(text("SET LOCAL enable_sort = off"))
        session.connection().execute(text("SET LOCAL enable_bitmapscan = off"))
        for name, index in wanted.items():
            assert index in _postgres_plan(database, session, queries[name]), name


@pytest.mark.parametrize(
    "query",
    [
        _queue(rater="ana", ratings_wanted=2),
        lambda session: review_queue.length(session, DEFAULT_PROJECT, ONE_OF_TWO, at_most=10_001),
        lambda session: review_queue.next_block(session, DEFAULT_PROJECT, ONE_OF_TWO, after=500),
        lambda session: review_queue.of_block(session, DEFAULT_PROJECT, ONE_OF_TWO, 500),
    ],
    ids=["page", "length", "next block", "a block"],
)
def test_postgresql_looks_for_room_by_indexes_whatever_it_expects(postgres_url: str, query: Query) -> None:
    """Reading all ratings once for each generation, as it would by itself, takes minutes with a million of them."""
    with opening(postgres_url) as database, database.transaction() as session:
        plan = _postgres_plan(database, session, query)
    assert "Index" in plan
    assert "Seq Scan" not in plan
    assert "Hash" not in plan


def _postgres_plan(database: Database, session: Session, query: Query) -> str:
    seen: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: Any, *_more: object) -> None:
        seen.append((statement, parameters))

    event.listen(database.engine, "before_cursor_execute", note)
    query(session)
    event.remove(database.engine, "before_cursor_execute", note)
    *_settings, (statement, parameters) = seen
    rows = session.connection().exec_driver_sql(f"EXPLAIN {statement}", parameters)
    return "\n".join(row[0] for row in rows)


def test_page_1000_costs_what_page_1_costs(tmp_path: Path) -> None:
    """Counted in steps of SQLite's own machine, which do not depend on how busy the computer is."""
    url = f"sqlite:///{tmp_path / 'many.db'}"
    migrate.upgrade(url)
    with opening(url) as database:
        _fill(database, 30_000)
        for filters in ({}, {"rating": 4}, {"unrated": True}, {"prompt_version_id": 1}, {"since": TIME}):
            by_time = "since" in filters
            late = encode_cursor(10_020, TIME + timedelta(minutes=10_020) if by_time else None)
            assert _steps(database, _list(late, **filters)) <= _steps(database, _list(**filters)) * 1.2, filters


_FILL = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :rows)
INSERT INTO generation (project_id, prompt_version_id, batch_id, state, request_key, draw, image_count, parameters,
                        rendered_user_prompt, warnings, created_at, result_rating, review_position)
SELECT 1, 1, 1, 'succeeded', 'many', i, 1, '{}', 'a fox', '[]',
       strftime('%Y-%m-%d %H:%M:%S', '2026-11-24', '+' || i || ' minutes') || '.000000',
       CASE WHEN i % 2 THEN 4 END, i << 22
FROM n
"""


def _fill(database: Database, rows: int) -> None:
    with database.transaction() as session:
        factories.generation(session)
        session.connection().execute(text(_FILL), {"rows": rows})


def _steps(database: Database, query: Query) -> int:
    """Return how many tens of instructions SQLite runs for a query."""
    with database.reading() as session:
        query(session)  # so that the statement is known
        driver: Any = session.connection().connection.dbapi_connection
        count = 0

        def tick() -> None:
            nonlocal count
            count += 1

        driver.set_progress_handler(tick, 10)
        query(session)
        driver.set_progress_handler(None, 0)
    return count
