"""Pages of lists: every row on exactly one page, in order, whatever the sizes and filters."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import Session
from tests.fixtures import factories
from tests.fixtures.factories import DEFAULT_PROJECT

from promptlab.db import generations, prompts, review_queue
from promptlab.db.engine import Database
from promptlab.db.generations import Filters
from promptlab.db.pages import Page
from promptlab.db.review_order import ITEM_BITS
from promptlab.db.review_queue import QueueFilters
from promptlab.db.states import GenerationState
from promptlab.errors import InvalidInput

Fetch = Callable[[int, str | None], Page[Any]]

ROWS = 23
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
_SHARED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15)


@pytest.fixture
def filled(database: Database) -> Database:
    """A database with rows of two versions, some rated; their times repeat, and do not follow their ids."""
    with database.transaction() as session:
        versions = [factories.version(session).id for _number in range(2)]
        batch_id = factories.batch(session).id
        for number in range(ROWS):
            factories.generation(
                session,
                prompt_version_id=versions[number % 2],
                batch_id=batch_id,
                state=GenerationState.FAILED if number % 5 == 0 else GenerationState.SUCCEEDED,
                result_rating=4 if number % 3 == 0 else None,
                review_position=((number * 7 % 5) << ITEM_BITS) + number * 5 % 3,
                created_at=NOON + timedelta(hours=number * 7 % 10, microseconds=number % 2),
            )
        factories.generation(session, project_id=factories.project(session))
    return database


def all_pages(fetch: Fetch, limit: int) -> list[Any]:
    """Walk the pages and return the rows; every page but the last is full."""
    rows: list[Any] = []
    cursor = None
    while True:
        page = fetch(limit, cursor)
        rows += page.items
        if page.next_cursor is None:
            return rows
        assert len(page.items) == limit
        cursor = page.next_cursor


def everything(session: Session) -> list[Any]:
    page = generations.list_generations(session, DEFAULT_PROJECT, Filters(), limit=1000, cursor=None)
    assert len(page.items) == ROWS
    return page.items


FILTERS = st.builds(
    Filters,
    state=st.sampled_from([None, GenerationState.FAILED, GenerationState.SUCCEEDED, GenerationState.PLANNED]),
    prompt_version_id=st.sampled_from([None, 1, 2]),
    rating=st.sampled_from([None, 4, 3]),
    unrated=st.booleans(),
    since=st.one_of(st.none(), st.integers(0, 12).map(lambda hours: NOON + timedelta(hours=hours))),
    until=st.one_of(st.none(), st.integers(0, 12).map(lambda hours: NOON + timedelta(hours=hours))),
)


def _fits(row: Any, filters: Filters) -> bool:
    unrated = row.state is GenerationState.SUCCEEDED and row.result_rating is None
    return (
        (filters.state is None or row.state is filters.state)
        and (filters.prompt_version_id is None or row.prompt_version_id == filters.prompt_version_id)
        and (filters.rating is None or row.result_rating == filters.rating)
        and (unrated or not filters.unrated)
        and (filters.since is None or row.created_at >= filters.since)
        and (filters.until is None or row.created_at < filters.until)
    )


@_SHARED
@given(filters=FILTERS, limit=st.integers(1, ROWS + 1))
def test_the_pages_of_a_list_hold_every_row_that_fits_once(filled: Database, filters: Filters, limit: int) -> None:
    """Newest first: by id, and with --since or --until by time, then id."""
    with filled.reading() as session:
        found = all_pages(
            lambda size, cursor: generations.list_generations(
                session, DEFAULT_PROJECT, filters, limit=size, cursor=cursor
            ),
            limit,
        )
        wanted = [row.id for row in everything(session) if _fits(row, filters)]
    assert sorted(row.id for row in found) == sorted(wanted)
    by_time = filters.since is not None or filters.until is not None
    order = [((row.created_at, row.id) if by_time else row.id) for row in found]
    assert order == sorted(order, reverse=True)


@_SHARED
@given(
    rater=st.sampled_from([None, "ana"]),
    version=st.sampled_from([None, 1, 2]),
    batch=st.booleans(),
    limit=st.integers(1, ROWS + 1),
)
def test_the_pages_of_the_queue_hold_every_row_once(
    filled: Database, rater: str | None, version: int | None, batch: bool, limit: int
) -> None:
    """In the order of review; and a page is the same whether it was reached by cursors or asked for at once."""
    with filled.reading() as session:
        [batch_id] = {row.batch_id for row in everything(session)}
        filters = QueueFilters(rater=rater, prompt_version_id=version, batch_id=batch_id if batch else None)

        def fetch(size: int, cursor: str | None) -> Page[Any]:
            return review_queue.page(session, DEFAULT_PROJECT, filters, limit=size, cursor=cursor)

        rows = all_pages(fetch, limit)
        found = [row.id for row in rows]
        assert found == [row.id for row in fetch(1000, None).items]
        assert [(row.review_position, row.id) for row in rows] == sorted(
            {(row.review_position, row.id) for row in rows}
        )
        assert len(found) == review_queue.length(session, DEFAULT_PROJECT, filters, at_most=1_000)


@_SHARED
@given(limit=st.integers(1, 9), name=st.sampled_from([None, "a", "b"]), deleted=st.booleans())
def test_the_pages_of_versions_hold_every_version_once(
    database: Database, limit: int, name: str | None, deleted: bool
) -> None:
    with database.transaction() as session:
        if not prompts.list_versions(session, 1, name=None, deleted=False, limit=1, cursor=None).items:
            for number in range(8):
                row = factories.version(session, name="ab"[number % 2])
                prompts.set_deleted(session, row, deleted=True) if number < 3 else None
        found = all_pages(
            lambda size, cursor: prompts.list_versions(
                session, DEFAULT_PROJECT, name=name, deleted=deleted, limit=size, cursor=cursor
            ),
            limit,
        )
    numbers = range(3) if deleted else range(3, 8)
    wanted = [number for number in numbers if name in {None, "ab"[number % 2]}]
    assert len(found) == len(wanted)
    assert [row.id for row in found] == sorted({row.id for row in found}, reverse=True)


def test_rows_that_come_in_between_do_not_shift_the_pages(filled: Database) -> None:
    """With an offset, the last row of a page would be the first of the next one."""
    with filled.transaction() as session:
        page = generations.list_generations(session, DEFAULT_PROJECT, Filters(), limit=5, cursor=None)
        factories.generation(session)
        generations.remove(session, page.items[-1])
        following = generations.list_generations(session, DEFAULT_PROJECT, Filters(), limit=5, cursor=page.next_cursor)
        assert [row.id for row in following.items] == [(page.items[-1].id or 0) - number for number in range(1, 6)]


def test_a_cursor_does_not_fit_a_list_with_another_order(filled: Database) -> None:
    by_id, by_time = Filters(), replace(Filters(), since=NOON)
    with filled.reading() as session:
        for first, second in ((by_id, by_time), (by_time, by_id)):
            page = generations.list_generations(session, DEFAULT_PROJECT, first, limit=1, cursor=None)
            with pytest.raises(InvalidInput, match="is not a cursor of this list"):
                generations.list_generations(session, DEFAULT_PROJECT, second, limit=1, cursor=page.next_cursor)


@pytest.mark.parametrize("limit", [0, -1, 1001, 10**30])
def test_a_limit_outside_what_is_possible_is_refused(database: Database, limit: int) -> None:
    with database.reading() as session, pytest.raises(InvalidInput, match="outside 1..1000"):
        generations.list_generations(session, DEFAULT_PROJECT, Filters(), limit=limit, cursor=None)
