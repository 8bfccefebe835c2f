"""Queries on attempts: the requests that were sent.

Statements that run for every image are made once, and on the table: making one costs several times its run.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, insert, select, update
from sqlmodel import Session, col

from promptlab.db.columns import is_id, now
from promptlab.db.models import Attempt
from promptlab.db.states import AttemptOutcome, GenerationState

_TABLE, _GENERATION = (Attempt.metadata.tables[name] for name in ("attempt", "generation"))

_ADD = insert(_TABLE)
_CHANGE = update(_TABLE).where(_TABLE.c.id == bindparam("attempt"))
_RENEW = update(_TABLE).where(_TABLE.c.owner == bindparam("of"), _TABLE.c.outcome.is_(None))
_HIGHEST_NUMBER = select(func.max(_TABLE.c.number)).where(_TABLE.c.generation_id == bindparam("generation"))
_LOCK = (
    select(
        *(_TABLE.c.id.label("attempt_id"), _TABLE.c.batch_id, _TABLE.c.outcome),
        *(_TABLE.c.reserved_usd, _TABLE.c.reserved_images),
        *(_GENERATION.c.id.label("generation_id"), _GENERATION.c.project_id, _GENERATION.c.state),
        *(_GENERATION.c.image_count, _GENERATION.c.cost_usd, _GENERATION.c.execution_time, _GENERATION.c.warnings),
    )
    .join_from(_TABLE, _GENERATION, _GENERATION.c.id == _TABLE.c.generation_id)
    .where(_TABLE.c.id == bindparam("attempt"))
    .with_for_update()
)


@dataclass(frozen=True, kw_only=True)
class Sent:
    """What the end of an attempt needs to know: of the attempt itself, and of its generation."""

    attempt_id: int
    batch_id: int
    outcome: AttemptOutcome | None
    reserved_usd: float
    reserved_images: int
    generation_id: int
    project_id: int
    state: GenerationState
    image_count: int
    cost_usd: float | None
    """What earlier attempts have cost, as far as that is known."""
    execution_time: int | None
    warnings: list[str]


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
    """Keep a new attempt, in flight, and return it with its number; the session knows nothing of what is returned."""
    highest = session.execute(_HIGHEST_NUMBER, {"generation": generation_id}).scalar_one()
    columns: dict[str, Any] = {
        "project_id": project_id,
        "generation_id": generation_id,
        "batch_id": batch_id,
        "number": (highest or 0) + 1,
        "owner": owner,
        "lease_until": lease_until,
        "reserved_usd": reserved_usd,
        "reserved_images": reserved_images,
        "started_at": now(),
    }
    [attempt_id] = session.connection().execute(_ADD, columns).inserted_primary_key or [0]
    return Attempt(id=attempt_id, **columns)


def lock(session: Session, attempt_id: int) -> Sent:
    """Return the attempt and its generation, both locked until the transaction ends."""
    return Sent(**session.execute(_LOCK, {"attempt": attempt_id}).mappings().one())


def change(session: Session, attempt_id: int, **columns: Any) -> None:
    """Write what became of the attempt."""
    session.execute(_CHANGE, {"attempt": attempt_id, **columns})


def lease_of(session: Session, owner: str) -> datetime | None:
    """Return until when the owner is believed to live, by what it has in flight; None where that is nothing."""
    in_flight = (col(Attempt.owner) == owner) & col(Attempt.outcome).is_(None)
    found: datetime | None = session.execute(select(func.max(col(Attempt.lease_until))).where(in_flight)).scalar_one()
    return found


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
    change(session, attempt_id, handle=handle)


def renew_leases(session: Session, owner: str, lease_until: datetime) -> None:
    """Say that the owner still lives, on everything it has in flight."""
    session.execute(_RENEW, {"of": owner, "lease_until": lease_until})
