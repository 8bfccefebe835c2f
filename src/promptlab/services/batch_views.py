"""What batches look like from outside: plain JSON data with the keys that scripts rely on (PRODUCT section 5)."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlmodel import Session

from promptlab.db import batch_tallies, batches
from promptlab.db.batch_tallies import ErrorTally, Tally, VersionTally
from promptlab.db.columns import now
from promptlab.db.models import Batch
from promptlab.db.pages import Page
from promptlab.db.states import BatchState, GenerationState
from promptlab.services.lab import Lab
from promptlab.services.views import View, time_text

COUNTED = ("planned", "sending", "succeeded", "refused", "failed", "unknown", "cancelled")
"""The states of generations, in the order in which a batch counts them."""

_NOTHING = Tally(counts={}, cost_usd=0.0, unpriced=0)


def batch(lab: Lab, batch_id: int) -> View:
    """Return how far a batch has come, as a whole and by prompt version; raises NotFound without it."""
    with lab.database.reading() as session:
        return _whole(session, batches.get(session, lab.project_id, batch_id))


def detail(lab: Lab, batch_id: int) -> View:
    """Return what `batch` does, and why generations of it failed; raises NotFound without it."""
    with lab.database.reading() as session:
        view = _whole(session, batches.get(session, lab.project_id, batch_id))
        return view | {"errors": [_error(each) for each in batch_tallies.errors(session, batch_id)]}


def page(lab: Lab, *, limit: int, cursor: str | None) -> Page[View]:
    """Return a page of batches as a whole each, newest first."""
    with lab.database.reading() as session:
        found = batch_tallies.page(session, lab.project_id, limit=limit, cursor=cursor)
        totals = batch_tallies.totals(session, [row.id or 0 for row in found.items])
        return Page([_batch(row, totals.get(row.id or 0, _NOTHING)) for row in found.items], found.next_cursor)


def _whole(session: Session, row: Batch) -> View:
    versions = batch_tallies.tally(session, row.id or 0)
    return _batch(row, _sum(versions)) | {"request": row.request, "versions": [_version(each) for each in versions]}


def _batch(row: Batch, tally: Tally) -> View:
    return {
        "id": row.id,
        "state": _state(row, tally).value,
        **_counts(tally),
        "cost_usd": _cost(tally),
        "unpriced": tally.unpriced,
        "elapsed_s": elapsed(row, now()),
        "total": sum(tally.counts.values()),
        "max_cost_usd": row.max_cost_usd,
        "committed_usd": row.committed_usd,
        "max_images": row.max_images,
        "committed_images": row.committed_images,
        "detached": row.detached,
        "created_at": time_text(row.created_at),
        "started_at": time_text(row.started_at),
        "deadline_at": time_text(row.deadline_at),
        "finished_at": time_text(row.finished_at),
    }


def _state(row: Batch, tally: Tally) -> BatchState:
    """Return where a batch stands: one that had stopped is done once others have bought the rest of it."""
    left = any(tally.counts.get(state) for state in (GenerationState.PLANNED, GenerationState.SENDING))
    return row.state if left or row.state is not BatchState.STOPPED else BatchState.DONE


def _version(tally: VersionTally) -> View:
    return {
        "prompt_version_id": tally.prompt_version_id,
        "prompt": tally.prompt,
        "version": tally.version,
        "total": sum(tally.counts.values()),
        **_counts(tally),
        "images": tally.images,
        "cost_usd": _cost(tally),
        "unpriced": tally.unpriced,
    }


def _error(tally: ErrorTally) -> View:
    last = tally.example
    return {
        "state": tally.state.value,
        "kind": tally.kind,
        "count": tally.count,
        "example": {
            "generation_id": last.generation_id,
            "message": last.error_message,
            "http_status": last.http_status,
        },
    }


def _counts(tally: Tally) -> dict[str, Any]:
    return {state: tally.counts.get(GenerationState(state), 0) for state in COUNTED}


def _cost(tally: Tally) -> float | None:
    """Return what is known to have been spent; None where something was, and nothing of it is known."""
    return None if tally.unpriced and not tally.cost_usd else tally.cost_usd


def elapsed(row: Batch, moment: datetime) -> float | None:
    """Return for how many seconds its last run took, or has taken at that moment; None before the first one."""
    if row.started_at is None:
        return None
    ended = row.finished_at if row.finished_at and row.finished_at >= row.started_at else moment
    return round(max(0.0, (ended - row.started_at).total_seconds()), 1)


def _sum(tallies: Sequence[Tally]) -> Tally:
    counts: Counter[GenerationState] = Counter()
    for each in tallies:
        counts.update(each.counts)
    cost_usd, unpriced = sum(each.cost_usd for each in tallies), sum(each.unpriced for each in tallies)
    return Tally(counts=counts, cost_usd=round(cost_usd, 6), unpriced=unpriced)
