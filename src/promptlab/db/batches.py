"""Queries on batches, and the money that each one has set aside.

Statements that run for every image are made once, and on the table: making one costs several times its run.
"""

from typing import Any

from sqlalchemy import Boolean, bindparam, case, cast, func, select, update
from sqlmodel import Session, col

from promptlab.db.columns import is_id, now, usd_type
from promptlab.db.engine import rows_changed
from promptlab.db.models import Batch, BatchItem, Generation
from promptlab.db.states import BatchState, GenerationState
from promptlab.errors import NotFound

_AT_REST = (BatchState.PAUSED, BatchState.CANCELLED)

_TABLE = Batch.metadata.tables["batch"]
_THIS = _TABLE.c.id == bindparam("batch")
_USD = func.round(_TABLE.c.committed_usd + cast(bindparam("usd"), usd_type()), 6)
_IMAGES = _TABLE.c.committed_images + bindparam("images")

_RESERVE = (
    update(_TABLE)
    .where(
        _THIS,
        _TABLE.c.state.not_in(_AT_REST) | bindparam("in_spite", type_=Boolean()),
        _TABLE.c.max_cost_usd.is_(None) | (_TABLE.c.max_cost_usd >= _USD),
        _TABLE.c.max_images.is_(None) | (_TABLE.c.max_images >= _IMAGES),
        _TABLE.c.deadline_at.is_(None)
        | (_TABLE.c.deadline_at > bindparam("time"))
        | bindparam("in_spite", type_=Boolean()),
    )
    .values(committed_usd=_USD, committed_images=_IMAGES)
)
# Rounding errors of a millionth must not break the check constraint.
_SETTLE = (
    update(_TABLE)
    .where(_THIS)
    .values(
        committed_usd=case((_USD > 0, _USD), else_=0),
        committed_images=case((_IMAGES > 0, _IMAGES), else_=0),
    )
)


def add(session: Session, project_id: int, *, order_seed: int, **columns: Any) -> Batch:
    """Keep a new batch and return it with its id."""
    batch = Batch(project_id=project_id, order_seed=order_seed, **columns)
    session.add(batch)
    session.flush()
    return batch


def get(session: Session, project_id: int, batch_id: int) -> Batch:
    """Return the batch; raises NotFound without one of that id in the project."""
    batch = session.get(Batch, batch_id) if is_id(batch_id) else None
    if batch is None or batch.project_id != project_id:
        raise NotFound(f"There is no batch {batch_id}.", hint="`promptlab batch list` shows what is there.")
    return batch


def find(session: Session, project_id: int, request_key: str) -> Batch | None:
    """Return the batch of that request, None without one."""
    statement = select(Batch).where(col(Batch.project_id) == project_id, col(Batch.request_key) == request_key)
    return session.execute(statement).scalar_one_or_none()


def reserve(session: Session, batch_id: int, *, usd: float, images: int, in_spite: bool = False) -> bool:
    """Set money and images aside if the batch's limits allow it, in one conditional update; say whether it did.

    A batch that is paused or cancelled, or whose deadline has passed, has no room for anything, unless somebody asks
    for this one `in_spite` of that.
    """
    wanted = {"batch": batch_id, "usd": round(usd, 6), "images": images, "time": now(), "in_spite": in_spite}
    return rows_changed(session, _RESERVE, wanted) == 1


def settle(session: Session, batch_id: int, *, usd: float, images: int) -> None:
    """Replace a reservation by what was really spent: `usd` and `images` are how much more (less, below zero).

    Nothing is written, and nobody waited for, where it was just that.
    """
    more_usd = round(usd, 6)
    if more_usd or images:
        session.execute(_SETTLE, {"batch": batch_id, "usd": more_usd, "images": images})


def change(session: Session, batch_id: int, **columns: Any) -> None:
    """Give the batch other limits, or another state; what it has cost so far counts."""
    if columns:
        session.execute(update(Batch).where(col(Batch.id) == batch_id).values(**columns))


def unfinished(session: Session, batch_id: int) -> tuple[int, int]:
    """Return how many of the batch's generations are still planned, and how many in flight."""
    waiting = (GenerationState.PLANNED, GenerationState.SENDING)
    statement = (
        select(col(Generation.state), func.count())
        .join_from(BatchItem, Generation)
        .where(col(BatchItem.batch_id) == batch_id, col(Generation.state).in_(waiting))
        .group_by(col(Generation.state))
    )
    counts = {state: int(count) for state, count in session.execute(statement)}
    return counts.get(GenerationState.PLANNED, 0), counts.get(GenerationState.SENDING, 0)


def close(session: Session, batch_id: int, state: BatchState) -> BatchState:
    """End a run of the batch: in `state`, or done if nothing is left. Return where it stands.

    One that was paused or cancelled meanwhile stays so, and one of which others have something in flight goes on.
    """
    batch = session.get_one(Batch, batch_id, with_for_update=True, populate_existing=True)
    planned, sending = unfinished(session, batch_id)
    if sending or (planned and batch.state in _AT_REST):
        return batch.state
    if batch.state is not BatchState.CANCELLED:
        batch.state = state if planned else BatchState.DONE
    batch.finished_at = now()
    session.add(batch)
    return batch.state
