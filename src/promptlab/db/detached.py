"""Queries on batches that workers take."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import TextClause, func, select, update
from sqlmodel import Session, col

from promptlab.db.columns import now
from promptlab.db.models import Attempt, Batch, BatchItem, Generation, Project, PromptVersion
from promptlab.db.states import BatchState, GenerationState

_OPEN = (BatchState.PLANNED, BatchState.RUNNING)


@dataclass(frozen=True)
class Planned:
    """A planned generation of a batch, with what it may cost at most and whether it may be sent by now."""

    generation_id: int
    provider: str
    price_usd: float
    images: int
    is_due: bool


def batch_of(session: Session, generation_id: int) -> Batch | None:
    """Return the detached batch for which workers take the generation, None without one that is to go on.

    Of several that cover it that is the one it belongs to, else the newest.
    """
    statement = (
        select(Batch)
        .join(BatchItem)
        .join(Generation)
        .where(col(Generation.id) == generation_id, col(Batch.detached).is_(True), col(Batch.state).in_(_OPEN))
        .order_by((col(Batch.id) == col(Generation.batch_id)).desc(), col(Batch.id).desc())
    )
    return session.execute(statement.limit(1)).scalar_one_or_none()


def open_batches(session: Session, project_id: int) -> list[Batch]:
    """Return the detached batches of the project that are to go on, oldest first."""
    statement = select(Batch).where(
        col(Batch.project_id) == project_id, col(Batch.detached).is_(True), col(Batch.state).in_(_OPEN)
    )
    return list(session.execute(statement.order_by(col(Batch.id))).scalars())


def planned(session: Session, batch_id: int, narrowed: TextClause) -> list[Planned]:
    """Return what is planned of the batch and fits the condition, in the order in which it was planned."""
    statement = (
        select(
            col(Generation.id),
            col(PromptVersion.provider),
            col(Generation.max_price_usd),
            col(Generation.image_count),
            col(Generation.not_before),
        )
        .join_from(BatchItem, Generation)
        .join(PromptVersion, col(PromptVersion.id) == col(Generation.prompt_version_id))
        .where(col(BatchItem.batch_id) == batch_id, col(Generation.state) == GenerationState.PLANNED, narrowed)
        .order_by(col(Generation.id))
    )
    time = now()
    return [
        Planned(id_, provider, price or 0.0, images, not_before is None or not_before <= time)
        for id_, provider, price, images, not_before in session.execute(statement)
    ]


def projects_with_work(session: Session) -> Sequence[Project]:
    """Return the projects that have a detached batch to go on with, or a request in flight, of whomever."""
    batches = select(col(Batch.project_id)).where(col(Batch.detached).is_(True), col(Batch.state).in_(_OPEN))
    in_flight = select(col(Attempt.project_id)).where(col(Attempt.outcome).is_(None))
    statement = select(Project).where(col(Project.id).in_(batches.union(in_flight))).order_by(col(Project.id))
    return session.execute(statement).scalars().all()


def stop(session: Session, batch_id: int) -> None:
    """Let nothing more of the batch be sent, unless it is at rest already; what is in flight goes on."""
    statement = update(Batch).where(col(Batch.id) == batch_id, col(Batch.state).in_(_OPEN))
    session.execute(statement.values(state=BatchState.STOPPED, finished_at=now()))


def finish_stopped(session: Session) -> None:
    """Let all detached batches be done that were stopped and of which nothing is left; they ended when they stopped."""
    left = (
        select(col(BatchItem.batch_id))
        .join_from(BatchItem, Generation)
        .where(
            col(BatchItem.batch_id) == col(Batch.id),
            col(Generation.state).in_((GenerationState.PLANNED, GenerationState.SENDING)),
        )
    )
    statement = update(Batch).where(
        col(Batch.detached).is_(True), col(Batch.state) == BatchState.STOPPED, ~left.exists()
    )
    ended = func.coalesce(col(Batch.finished_at), now())
    statement = statement.execution_options(synchronize_session=False)
    session.execute(statement.values(state=BatchState.DONE, finished_at=ended))


def reopen(session: Session, batch_id: int) -> None:
    """Let a batch go on that is done, because something of it is about to be planned again in this transaction."""
    # Locked, so that whoever closes it meanwhile counts after us.
    batch = session.get_one(Batch, batch_id, with_for_update=True, populate_existing=True)
    if batch.state is BatchState.DONE:
        batch.state, batch.finished_at = BatchState.RUNNING, None
        session.add(batch)
