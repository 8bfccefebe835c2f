"""Pausing and cancelling: whoever runs the batch, here or elsewhere, sends nothing more; what is in flight ends."""

from collections.abc import Collection
from contextlib import nullcontext, suppress

from promptlab.db import batch_states, batches
from promptlab.db.models import Batch
from promptlab.db.states import BatchState
from promptlab.errors import Conflict, LimitReached, Unreachable
from promptlab.services.dispatch import FailedFast
from promptlab.services.lab import Lab

_ALIVE = (BatchState.PLANNED, BatchState.RUNNING, BatchState.STOPPED, BatchState.PAUSED)
_OVER = {
    BatchState.DONE: (
        "Batch {} is done: there is nothing left of it to {}.",
        "`promptlab batch show {}` shows what became of it.",
    ),
    BatchState.CANCELLED: (
        "Batch {} is cancelled already, so there is nothing left of it to {}.",
        "`promptlab batch show {}` says how to plan anew what was cancelled.",
    ),
}
"""Of a batch that is over: why nothing can be done about it, and what to do instead."""


def require_alive(lab: Lab, batch_id: int, what: str) -> None:
    """Check that there is something left of the batch to pause or cancel; raises NotFound or Conflict."""
    with lab.database.reading() as session:
        row = batches.get(session, lab.project_id, batch_id)
    if row.state in _OVER:
        raise _over(row, what)


def pause(lab: Lab, batch_id: int) -> None:
    """Let nothing more of the batch be sent until it is resumed; pausing it twice is no error.

    Raises:
        NotFound: no such batch.
        Conflict: it is done or cancelled.
    """
    _move(lab, batch_id, BatchState.PAUSED, "pause")


def cancel(lab: Lab, batch_id: int) -> int:
    """Let nothing more of the batch be sent and cancel what is planned of it; return how many generations that were.

    Those that another batch wants as well, one that is not over, stay planned. Raises what `pause` raises.
    """
    _move(lab, batch_id, BatchState.CANCELLED, "cancel")
    with lab.database.transaction() as session:
        return batch_states.cancel_items(session, batch_id)


def _move(lab: Lab, batch_id: int, to: BatchState, what: str) -> None:
    with lab.database.transaction() as session:
        row = batches.get(session, lab.project_id, batch_id)
        if not batch_states.move(session, batch_id, to=to, since=_ALIVE):
            session.refresh(row)
            raise _over(row, what)
        batch_states.finish(session, batch_id)


def _over(row: Batch, what: str) -> Conflict:
    sentence, hint = _OVER[row.state]
    return Conflict(sentence.format(row.id, what), hint=hint.format(row.id))


def close_after(lab: Lab, batch_ids: Collection[int], stopped_by: BaseException | None) -> None:
    """Write where batches stand after what stopped a run of them, if anything did."""
    stopped = isinstance(stopped_by, LimitReached | FailedFast)
    with suppress(Unreachable) if isinstance(stopped_by, Unreachable) else nullcontext():  # what was away may still be
        for batch_id in batch_ids:
            close_batch(lab, batch_id, stopped=stopped)


def close_batch(lab: Lab, batch_id: int, *, stopped: bool) -> None:
    """Write where a batch stands after a run: stopped by a limit, or done if nothing of it is left."""
    with lab.database.transaction() as session:
        state = batches.close(session, batch_id, BatchState.STOPPED if stopped else BatchState.PLANNED)
    if state is BatchState.CANCELLED:  # what was in flight then and has bought nothing was planned again
        with lab.database.transaction() as session:
            batch_states.cancel_items(session, batch_id)
