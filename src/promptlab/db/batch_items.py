"""Queries on what a batch covers, whoever made it: taken one by one, or changed all at once."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Select, func, select, update
from sqlmodel import Session, col

from promptlab.db.engine import rows_changed
from promptlab.db.models import Attempt, BatchItem, Generation, PromptVersion
from promptlab.db.states import AttemptOutcome, GenerationState


def providers(session: Session, batch_id: int) -> dict[str, list[int]]:
    """Return the ids of the prompt versions that the batch covers, by their provider."""
    covered = select(col(Generation.prompt_version_id)).where(col(Generation.id).in_(_items(batch_id))).distinct()
    statement = select(col(PromptVersion.provider), col(PromptVersion.id)).where(col(PromptVersion.id).in_(covered))
    found: dict[str, list[int]] = {}
    for provider, version_id in session.execute(statement.order_by(col(PromptVersion.id))):
        found.setdefault(provider, []).append(version_id)
    return found


def planned(session: Session, batch_id: int, version_ids: Sequence[int], *, after: int, limit: int) -> list[int]:
    """Return the next planned generations of these versions behind the id `after`, in the order of their ids."""
    statement = (
        select(col(Generation.id))
        .join_from(BatchItem, Generation)
        .where(
            col(BatchItem.batch_id) == batch_id,
            col(BatchItem.generation_id) > after,
            col(Generation.state) == GenerationState.PLANNED,
            col(Generation.prompt_version_id).in_(version_ids),
        )
        .order_by(col(BatchItem.generation_id))
    )
    return [id_ or 0 for id_ in session.execute(statement.limit(limit)).scalars()]


def in_state(session: Session, batch_id: int, state: GenerationState) -> list[int]:
    """Return the generations of the batch in that state."""
    statement = select(col(Generation.id)).where(
        col(Generation.id).in_(_items(batch_id)), col(Generation.state) == state
    )
    return [id_ or 0 for id_ in session.execute(statement.order_by(col(Generation.id))).scalars()]


@dataclass(frozen=True, kw_only=True)
class Left:
    """What is planned: so many of all, the most that they cost, and of how many nobody knows the price."""

    count: int
    total: int
    max_cost_usd: float
    unpriced: int


def left(session: Session, batch_id: int) -> Left:
    """Return what is planned of the batch."""
    covered = select(func.count()).where(col(BatchItem.batch_id) == batch_id)
    price = col(Generation.max_price_usd)
    planned = select(func.count(), func.sum(price), func.count(price)).where(
        col(Generation.id).in_(_items(batch_id)), col(Generation.state) == GenerationState.PLANNED
    )
    total = int(session.execute(covered).scalar_one())
    count, usd, priced = session.execute(planned).one()
    return Left(count=count, total=total, max_cost_usd=round(float(usd or 0), 6), unpriced=count - priced)


def assume_price(session: Session, batch_id: int, usd: float) -> None:
    """Give every planned generation whose price nobody knows this upper bound."""
    statement = update(Generation).where(
        col(Generation.id).in_(_items(batch_id)),
        col(Generation.state) == GenerationState.PLANNED,
        col(Generation.max_price_usd).is_(None),
    )
    session.execute(statement.values(max_price_usd=usd))


def replan(session: Session, batch_id: int, state: GenerationState) -> int:
    """Plan again what ended in that state; it is bought by this batch. Return how many that are."""
    ended = col(Generation.id).in_(_items(batch_id)) & (col(Generation.state) == state)
    return rows_changed(session, update(Generation).where(ended).values(**_planned_again(batch_id)))


def replan_refused(session: Session, batch_id: int, *, times: int) -> int:
    """Plan again what was refused no more than `times` times; return how many that are."""
    refusals = (
        select(func.count())
        .select_from(Attempt)
        .where(col(Attempt.generation_id) == col(Generation.id), col(Attempt.outcome) == AttemptOutcome.REFUSED)
        .scalar_subquery()
    )
    statement = update(Generation).where(
        col(Generation.id).in_(_items(batch_id)),
        col(Generation.state) == GenerationState.REFUSED,
        refusals <= times,
    )
    return rows_changed(session, statement.values(**_planned_again(batch_id)))


def _items(batch_id: int) -> Select[int]:
    return select(col(BatchItem.generation_id)).where(col(BatchItem.batch_id) == batch_id)


def _planned_again(batch_id: int) -> dict[str, object]:
    return {"state": GenerationState.PLANNED, "batch_id": batch_id, "not_before": None, "finished_at": None}
