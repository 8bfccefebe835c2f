"""Queries on attempts: the requests that were sent."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select, update
from sqlmodel import Session, col

from promptlab.db.models import Attempt, is_id


def add(
    session: Session,
    project_id: int,
    generation_id: int,
    *,
    batch_id: int,
    owner: str,
    lease_until: datetime,
    reserved_usd: float,
    reserved_images: int,
) -> Attempt:
    """Keep a new attempt, in flight, and return it with its number."""
    highest = select(func.max(Attempt.number)).where(col(Attempt.generation_id) == generation_id)
    attempt = Attempt(
        project_id=project_id,
        generation_id=generation_id,
        batch_id=batch_id,
        number=(session.execute(highest).scalar_one() or 0) + 1,
        owner=owner,
        lease_until=lease_until,
        reserved_usd=reserved_usd,
        reserved_images=reserved_images,
    )
    session.add(attempt)
    session.flush()
    return attempt


def in_flight(session: Session, project_id: int) -> list[Attempt]:
    """Return the attempts of the project that have no outcome yet, oldest first."""
    statement = select(Attempt).where(col(Attempt.project_id) == project_id, col(Attempt.outcome).is_(None))
    return list(session.execute(statement.order_by(col(Attempt.id))).scalars())


def find(session: Session, project_id: int, generation_id: int, number: int) -> Attempt | None:
    """Return that attempt of that generation, None without one in the project."""
    if not (is_id(generation_id) and is_id(number)):
        return None
    statement = select(Attempt).where(
        col(Attempt.project_id) == project_id,
        col(Attempt.generation_id) == generation_id,
        col(Attempt.number) == number,
    )
    return session.execute(statement).scalar_one_or_none()


def of_generations(session: Session, generation_ids: Sequence[int]) -> list[Attempt]:
    """Return the attempts of those generations, in the order in which they were made."""
    statement = (
        select(Attempt)
        .where(col(Attempt.generation_id).in_(generation_ids))
        .order_by(col(Attempt.generation_id), col(Attempt.number))
    )
    return list(session.execute(statement).scalars())


def set_handle(session: Session, attempt_id: int, handle: str) -> None:
    """Keep what the provider can be asked again by."""
    session.execute(update(Attempt).where(col(Attempt.id) == attempt_id).values(handle=handle))


def renew_leases(session: Session, owner: str, lease_until: datetime) -> None:
    """Say that the owner still lives, on everything it has in flight."""
    statement = update(Attempt).where(col(Attempt.owner) == owner, col(Attempt.outcome).is_(None))
    session.execute(statement.values(lease_until=lease_until))
