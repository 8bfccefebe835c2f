"""Queries on what waits for a rating, in the order of review (`review_order`) and, within a place, of ids."""

from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Select, case, false, func, select, true
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from promptlab.db import claims
from promptlab.db.generations import is_unrated, succeeded
from promptlab.db.models import BatchItem, Generation, PromptVersion
from promptlab.db.opinions import Rating
from promptlab.db.pages import Page, fetch_page
from promptlab.db.review_order import ITEM_BITS, block_of

_BLOCK = 1 << ITEM_BITS
"""How many places a block has."""
_LARGE = 5_000
_UNINDEXED = ("jit", "enable_seqscan", "enable_hashjoin", "enable_mergejoin")
"""Settings of PostgreSQL that hold for a plan which reads much; the first makes any plan slow to begin with."""
_PLACE, _ID = col(Generation.review_position), col(Generation.id)


@dataclass(frozen=True, kw_only=True)
class QueueFilters:
    """What the review queue is narrowed to.

    Without a `rater` it holds what nobody rated; with one, what that rater did not rate. With `ratings_wanted` (None:
    no limit) it leaves out the blocks that so many others are at; see `claims`.
    """

    prompt_version_id: int | None = None
    batch_id: int | None = None
    is_large_batch: bool = False
    """Whether the batch covers so much that something of it soon comes in the order of review; see `large`."""
    rater: str | None = None
    ratings_wanted: int | None = None


def large(session: Session, batch_id: int) -> bool:
    """Say whether a batch is rather looked for in the order of review than gone through as a whole."""
    items = select(col(BatchItem.generation_id)).where(col(BatchItem.batch_id) == batch_id).limit(_LARGE).subquery()
    return int(session.execute(select(func.count()).select_from(items)).scalar_one()) == _LARGE


def page(
    session: Session, project_id: int, filters: QueueFilters, *, limit: int, cursor: str | None
) -> Page[Generation]:
    """Return a page of generations that wait for a rating."""
    statement = _waiting(project_id, filters)
    _run_by_indexes(session, filters)
    return fetch_page(session, statement, key=_ID, place=_PLACE, limit=limit, cursor=cursor, newest_first=False)


def length(session: Session, project_id: int, filters: QueueFilters, *, at_most: int) -> int:
    """Return how many generations wait for a rating; as soon as they are `at_most`, no more are counted."""
    waiting = _waiting(project_id, filters).with_only_columns(_ID).order_by(_PLACE, _ID).limit(at_most).subquery()
    _run_by_indexes(session, filters)
    return int(session.execute(select(func.count()).select_from(waiting)).scalar_one())


def next_block(session: Session, project_id: int, filters: QueueFilters, *, after: int) -> int | None:
    """Return the first block behind the block `after` in which something waits, None without one."""
    behind = _PLACE.between((after + 1) * _BLOCK, 2**63 - 1)
    statement = _waiting(project_id, filters).with_only_columns(_PLACE).where(behind)
    _run_by_indexes(session, filters)
    place = session.execute(statement.order_by(_PLACE, _ID).limit(1)).scalar_one_or_none()
    return None if place is None else block_of(place)


def open_blocks(session: Session, project_id: int, filters: QueueFilters) -> list[int]:
    """Return the blocks in which the rater has rated something, and something still waits."""
    rated = aliased(Generation)
    block = (col(rated.review_position) // _BLOCK).label("block")
    mine = (
        select(block, func.count().label("count"))
        .join(Rating, col(Rating.generation_id) == col(rated.id))
        .where(col(Rating.project_id) == project_id, col(Rating.rater) == filters.rater, _is_current())
        .group_by(block)
        .subquery()
    )
    # Mostly everything is rated: that is known by counting, without looking for each rating.
    there = select(func.count(_ID)).where(col(Generation.project_id) == project_id, succeeded(), _is_in(mine.c.block))
    anywhere = replace(filters, ratings_wanted=None)  # where they have rated something they have room
    waits = _waiting(project_id, anywhere).with_only_columns(_ID).where(_is_in(mine.c.block))
    unfinished = select(mine.c.block).where(mine.c.count < there.scalar_subquery(), waits.exists())
    _run_by_indexes(session, anywhere)
    return list(session.execute(unfinished.order_by(mine.c.block)).scalars())


def of_block(session: Session, project_id: int, filters: QueueFilters, block: int) -> list[int]:
    """Return the ids of what waits in that block."""
    statement = _waiting(project_id, filters).with_only_columns(_ID).where(_is_in(block))
    _run_by_indexes(session, filters)
    return [id_ or 0 for id_ in session.execute(statement.order_by(_PLACE, _ID)).scalars()]


def _run_by_indexes(session: Session, filters: QueueFilters) -> None:
    """Let PostgreSQL go from row to row by indexes until the transaction ends, as SQLite does anyway.

    It expects far too many rows: compiling for them was measured to take 1.5 s of 2. Of a block, whose bounds it
    cannot know, it expects a two-hundredth of everything, and would read all ratings again for each generation.
    """
    if session.get_bind().dialect.name == "sqlite":
        return
    off = _UNINDEXED if filters.ratings_wanted is not None else _UNINDEXED[:1]
    session.execute(select(*(func.set_config(name, "off", true()) for name in off)))


def _waiting(project_id: int, filters: QueueFilters) -> Select[Generation]:
    statement = _in_scope(project_id, filters)
    if filters.rater is None:
        statement = statement.where(is_unrated())
    else:
        statement = statement.where(succeeded(), _waits_for(project_id, filters.rater, filters.ratings_wanted))
    if filters.prompt_version_id is not None:
        return statement.where(col(Generation.prompt_version_id) == filters.prompt_version_id)
    return statement.where(~_version_is_deleted())


def _in_scope(project_id: int, filters: QueueFilters) -> Select[Generation]:
    if filters.batch_id is None:
        return select(Generation).where(col(Generation.project_id) == project_id)
    is_item = (col(BatchItem.generation_id) == _ID) & (col(BatchItem.batch_id) == filters.batch_id)
    if filters.is_large_batch:
        item = select(col(BatchItem.batch_id)).where(is_item)
        return select(Generation).where(col(Generation.project_id) == project_id, item.exists())
    # By the project of the item: by its own, SQLite would go through the project in the order of review.
    return select(Generation).join(BatchItem, is_item).where(col(BatchItem.project_id) == project_id)


def _is_in(block: Any) -> ColumnElement[bool]:
    return _PLACE.between(block * _BLOCK, block * _BLOCK + _BLOCK - 1)


def _version_is_deleted() -> ColumnElement[bool]:
    """Return whether a generation's version is deleted: nobody is to spend their time on rating it."""
    deleted = select(col(PromptVersion.id)).where(
        col(PromptVersion.id) == col(Generation.prompt_version_id), col(PromptVersion.deleted_at).is_not(None)
    )
    return deleted.exists()


def _waits_for(project_id: int, rater: str, ratings_wanted: int | None) -> ColumnElement[bool]:
    if ratings_wanted is None:
        return ~_is_rated_by(rater)
    # The quick question first: PostgreSQL would ask the other one for all that the rater has rated, too.
    return case((_is_rated_by(rater), false()), else_=claims.has_room(project_id, rater, ratings_wanted))


def _is_rated_by(rater: str) -> ColumnElement[bool]:
    mine = select(col(Rating.id)).where(col(Rating.generation_id) == _ID, _is_current(), col(Rating.rater) == rater)
    return mine.exists()


def _is_current() -> ColumnElement[bool]:
    return col(Rating.superseded_at).is_(None)
