"""Queries on claims: who is at work on which block, where a block is to have so many raters and no more."""

from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, case, delete, func, select, union, update
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from promptlab.db.columns import now
from promptlab.db.engine import rows_changed
from promptlab.db.generations import succeeded
from promptlab.db.models import Generation
from promptlab.db.opinions import Claim, Rating
from promptlab.db.review_order import ITEM_BITS

LEASE = timedelta(minutes=30)
"""How long a block is kept for a rater who says nothing more."""

_BLOCK = 1 << ITEM_BITS


def has_room(project_id: int, rater: str, raters_wanted: int) -> ColumnElement[bool]:
    """Return the condition that a generation's block is the rater's, or fewer others than wanted are at it.

    Those who have rated in it are, and those who have claimed it.
    """
    claims = select(col(Claim.rater)).where(
        col(Claim.project_id) == project_id,
        col(Claim.block) == col(Generation.review_position) // _BLOCK,
        col(Claim.expires_at) > now(),
        col(Claim.rater) != rater,
    )
    at_it = union(_ratings_in_block(project_id), claims.correlate(Generation)).subquery()
    # In one subquery: asked for by itself, PostgreSQL would look for the rater's own in all that they ever rated.
    is_mine = func.count(case((at_it.c.rater == rater, 1))) > 0
    others = func.count(case((at_it.c.rater != rater, 1)))
    in_the_way = select(case((is_mine, 0), else_=others)).correlate(Generation).scalar_subquery()
    return in_the_way < raters_wanted


def lock(session: Session, project_id: int, block: int) -> None:
    """Let one transaction at a time claim this block, until it ends."""
    if session.get_bind().dialect.name != "sqlite":  # where only one writes anyway
        session.execute(select(func.pg_advisory_xact_lock(project_id, block % 2**31)))


def put(session: Session, project_id: int, block: int, rater: str) -> None:
    """Keep a block for a rater from now on; the block has to be locked. Claims that have expired are cleared away."""
    expired = select(col(Claim.id)).where(col(Claim.project_id) == project_id, col(Claim.expires_at) <= now())
    # Not those that somebody else is clearing away: two who wait for each other's would wait for ever.
    session.execute(delete(Claim).where(col(Claim.id).in_(expired.with_for_update(skip_locked=True))))
    if not _changed(session, project_id, rater, col(Claim.block) == block):
        session.add(Claim(project_id=project_id, block=block, rater=rater, expires_at=now() + LEASE))
        session.flush()


def renew(session: Session, project_id: int, rater: str) -> None:
    """Keep what the rater has claimed for longer, since they are at work; what has expired stays so."""
    _changed(session, project_id, rater, col(Claim.expires_at) > now())


def give_back(session: Session, project_id: int, rater: str, blocks: list[int]) -> None:
    """Leave blocks to others. Where the rater has rated something they count all the same."""
    owned = (col(Claim.project_id) == project_id) & (col(Claim.rater) == rater)
    session.execute(delete(Claim).where(owned, col(Claim.block).in_(blocks)))


def _changed(session: Session, project_id: int, rater: str, condition: ColumnElement[bool]) -> int:
    owned = (col(Claim.project_id) == project_id) & (col(Claim.rater) == rater)
    return rows_changed(session, update(Claim).where(owned, condition).values(expires_at=now() + LEASE))


def _ratings_in_block(project_id: int) -> Select[Any]:
    """Return the raters of everything that is in the block of a generation."""
    other = aliased(Generation)
    first = col(Generation.review_position) // _BLOCK * _BLOCK
    return (
        select(col(Rating.rater))
        .join(other, col(other.id) == col(Rating.generation_id))
        .where(
            col(other.project_id) == project_id,
            succeeded(other),
            col(other.review_position).between(first, first + _BLOCK - 1),
            col(Rating.superseded_at).is_(None),
        )
        .correlate(Generation)
    )
