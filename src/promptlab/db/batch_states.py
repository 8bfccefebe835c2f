"""Queries that say where a batch stands, for people who pause or cancel one."""

from collections.abc import Sequence

from sqlalchemy import select, update
from sqlmodel import Session, col

from promptlab.db.columns import now
from promptlab.db.engine import rows_changed
from promptlab.db.models import Batch, BatchItem, Generation
from promptlab.db.states import BatchState, GenerationState

_OVER = (BatchState.DONE, BatchState.CANCELLED)


def move(session: Session, batch_id: int, *, to: BatchState, since: Sequence[BatchState]) -> bool:
    """Move a batch that stands in one of the states `since` to another, and say whether it did stand there."""
    statement = update(Batch).where(col(Batch.id) == batch_id, col(Batch.state).in_(since))
    return rows_changed(session, statement.values(state=to)) == 1


def finish(session: Session, batch_id: int) -> None:
    """Write that the last run of a batch has ended now, if there was one and no end is written yet."""
    runs = col(Batch.started_at).is_not(None) & col(Batch.finished_at).is_(None)
    session.execute(update(Batch).where(col(Batch.id) == batch_id, runs).values(finished_at=now()))


def cancel_items(session: Session, batch_id: int) -> int:
    """Cancel what the batch has planned and no other batch that goes on covers as well; return how many that were.

    Not in one transaction with what locks the batch: whoever sends a generation locks that first, its batch second.
    """
    mine = select(col(BatchItem.generation_id)).where(col(BatchItem.batch_id) == batch_id)
    wanted_elsewhere = (
        select(col(BatchItem.batch_id))
        .join(Batch)
        .where(
            col(BatchItem.generation_id) == col(Generation.id),
            col(BatchItem.batch_id) != batch_id,
            col(Batch.state).not_in(_OVER),
        )
    )
    statement = update(Generation).where(
        col(Generation.id).in_(mine),
        col(Generation.state) == GenerationState.PLANNED,
        ~wanted_elsewhere.exists(),
    )
    statement = statement.execution_options(synchronize_session=False)
    return rows_changed(session, statement.values(state=GenerationState.CANCELLED, not_before=None))
