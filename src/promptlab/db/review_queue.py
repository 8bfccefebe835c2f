"""Queries on what waits for a rating, in the order of review (`review_order`) and, within a place, of ids."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from promptlab.db.generations import is_unrated, succeeded
from promptlab.db.models import BatchItem, Generation, PromptVersion
from promptlab.db.opinions import Rating
from promptlab.db.pages import Page, fetch_page
from promptlab.db.review_order import ITEM_BITS, block_of

_BLOCK = 1 << ITEM_BITS
"""How many places a block has."""
_PLACE, _ID = col(Generation.review_position), col(Generation.id)


@dataclass(frozen=True, kw_only=True)
class QueueFilters:
    """What the review queue is narrowed to.

    Without a `rater` it holds what nobody rated; with one, what that rater did not rate and fewer than
    `ratings_wanted` others did (None: no limit).
    """

    prompt_version_id: int | None = None
    batch_id: int | None = None
    rater: str | None = None
    ratings_wanted: int | None = None


def page(
    session: Session, project_id: int, filters: QueueFilters, *, limit: int, cursor: str | None
) -> Page[Generation]:
    """Return a page of generations that wait for a rating."""
    statement = _waiting(project_id, filters)
    return fetch_page(session, statement, key=_ID, place=_PLACE, limit=limit, cursor=cursor, newest_first=False)


def length(session: Session, project_id: int, filters: QueueFilters, *, at_most: int) -> int:
    """Return how many generations wait for a rating; as soon as they are `at_most`, no more are counted."""
    waiting = _waiting(project_id, filters).with_only_columns(_ID).limit(at_most).subquery()
    return int(session.execute(select(func.count()).select_from(waiting)).scalar_one())


def next_block(session: Session, project_id: int, filters: QueueFilters, *, after: int) -> int | None:
    """Return the first block behind the block `after` in which something waits, None without one."""
    behind = _PLACE.between((after + 1) * _BLOCK, 2**63 - 1)
    statement = _waiting(project_id, filters).with_only_columns(_PLACE).where(behind)
    place = session.execute(statement.order_by(_PLACE, _ID).limit(1)).scalar_one_or_none()
    return None if place is None else block_of(place)


def open_blocks(session: Session, project_id: int, filters: QueueFilters) -> list[int]:
    """Return the blocks in which the rater has rated something, and something still waits."""
    rated = aliased(Generation)
    mine = (
        select((col(rated.review_position) // _BLOCK).label("block"))
        .join(Rating, col(Rating.generation_id) == col(rated.id))
        .where(col(Rating.project_id) == project_id, col(Rating.rater) == filters.rater, _is_current())
        .distinct()
        .subquery()
    )
    waits = _waiting(project_id, filters).with_only_columns(_ID).where(_is_in(mine.c.block))
    return list(session.execute(select(mine.c.block).where(waits.exists()).order_by(mine.c.block)).scalars())


def of_block(session: Session, project_id: int, filters: QueueFilters, block: int) -> list[int]:
    """Return the ids of what waits in that block."""
    statement = _waiting(project_id, filters).with_only_columns(_ID).where(_is_in(block))
    return [id_ or 0 for id_ in session.execute(statement.order_by(_PLACE, _ID)).scalars()]


def _waiting(project_id: int, filters: QueueFilters) -> Select[Generation]:
    statement = select(Generation).where(col(Generation.project_id) == project_id)
    if filters.rater is None:
        statement = statement.where(is_unrated())
    else:
        statement = _not_rated_by(statement, filters.rater, filters.ratings_wanted)
    if filters.prompt_version_id is not None:
        statement = statement.where(col(Generation.prompt_version_id) == filters.prompt_version_id)
    else:
        statement = statement.where(~_version_is_deleted())
    if filters.batch_id is not None:
        item = select(col(BatchItem.generation_id)).where(col(BatchItem.batch_id) == filters.batch_id)
        statement = statement.where(_ID.in_(item))
    return statement


def _is_in(block: Any) -> ColumnElement[bool]:
    return _PLACE.between(block * _BLOCK, block * _BLOCK + _BLOCK - 1)


def _version_is_deleted() -> ColumnElement[bool]:
    """Return whether a generation's version is deleted: nobody is to spend their time on rating it."""
    deleted = select(col(PromptVersion.id)).where(
        col(PromptVersion.id) == col(Generation.prompt_version_id), col(PromptVersion.deleted_at).is_not(None)
    )
    return deleted.exists()


def _not_rated_by(statement: Select[Generation], rater: str, ratings_wanted: int | None) -> Select[Generation]:
    current = (col(Rating.generation_id) == _ID) & _is_current()
    mine = select(col(Rating.id)).where(current, col(Rating.rater) == rater)
    statement = statement.where(succeeded(), ~mine.exists())
    if ratings_wanted is not None:
        raters = select(func.count()).select_from(Rating).where(current).scalar_subquery()
        statement = statement.where(raters < ratings_wanted)
    return statement


def _is_current() -> ColumnElement[bool]:
    return col(Rating.superseded_at).is_(None)
