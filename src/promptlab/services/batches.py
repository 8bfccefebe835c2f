"""Batches: planned as a whole, then run until everything has an outcome or a limit says stop."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlmodel import Session

from promptlab.db import batch_items, projects
from promptlab.db import batches as rows
from promptlab.db.batch_items import Left
from promptlab.db.columns import now
from promptlab.db.models import Batch
from promptlab.db.states import BatchState, GenerationState
from promptlab.errors import Conflict, Interrupted, InvalidInput, PromptlabError
from promptlab.services import batch_requests
from promptlab.services.batch_again import Again, asked_again, plan_again, refused_again
from promptlab.services.batch_requests import Prepared
from promptlab.services.batch_states import close_after, close_batch
from promptlab.services.detached import enqueue, require_workers
from promptlab.services.dispatch import FailedFast, Item, Progress, Work, dispatch, work_of
from promptlab.services.drafting import checked_limit
from promptlab.services.lab import Lab
from promptlab.services.orders import require_room
from promptlab.services.recovery import recover
from promptlab.services.workload import at_work

_PAGE = 500
"""Ids that are read at once: a long batch is not held in memory, and a second process sees what is taken."""

_MOMENT_SECONDS = 0.5
"""How long a run waits before it looks again what has become of what others have in flight."""

Stop = PromptlabError | KeyboardInterrupt | FailedFast


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What may stop a batch. For a batch that is there already, None leaves a limit as it is."""

    max_cost_usd: float | None = None
    allow_unpriced: bool = False
    assume_cost_usd: float | None = None
    max_images: int | None = None
    max_retries: int | None = None
    deadline_s: float | None = None
    fail_fast: bool = False

    def checked(self) -> "Limits":
        """Return the limits; raises InvalidInput for one that is none."""
        for flag, usd in (("--max-cost", self.max_cost_usd), ("--assume-cost", self.assume_cost_usd)):
            if usd is not None:
                checked_limit(usd, flag=flag)
        for flag, number in (("--max-images", self.max_images), ("--max-retries", self.max_retries)):
            if number is not None and not 0 <= number <= 2**31 - 1:
                raise InvalidInput(f"{flag} {number} is not possible: a whole number from 0 on.")
        if self.deadline_s is not None and not 0 < self.deadline_s <= 31_536_000:
            raise InvalidInput(f"--deadline {self.deadline_s:g} is not possible: seconds, more than 0, at most a year.")
        return self

    @property
    def columns(self) -> dict[str, Any]:
        """What a batch keeps of it."""
        given = {
            "max_cost_usd": None if self.max_cost_usd is None else round(self.max_cost_usd, 6),
            "max_images": self.max_images,
            "max_retries": self.max_retries,
        }
        return {name: value for name, value in given.items() if value is not None}


@dataclass(frozen=True, kw_only=True)
class Run:
    """What became of a run: `stopped_by` is what ended it before everything had an outcome."""

    batch_id: int
    stopped_by: Stop | None = None
    notes: list[str] = field(default_factory=list)


def plan(lab: Lab, prepared: Prepared, limits: Limits, *, detached: bool = False) -> int:
    """Commit everything that is not there yet as planned; return the id of the batch.

    The batch is that of an earlier run of the same request if there was one; what was cancelled is planned again.

    Raises:
        Conflict: the batch is paused.
        NotConfigured: it is to be `detached`, and workers cannot share the database.
    """
    if detached:
        require_workers(lab.database)
    require_room(lab)
    case_ids = prepared.cases.store(lab) if prepared.cases else [None]
    with lab.database.transaction() as session:
        projects.lock(session, lab.project_id)
        batch = rows.find(session, lab.project_id, prepared.key)
        if batch is None:
            seed = batch_requests.new_order_seed()
            about = {"request_key": prepared.key, "request": prepared.record}
            batch = rows.add(session, lab.project_id, order_seed=seed, **about)
        elif batch.state is BatchState.PAUSED:
            raise Conflict(f"Batch {batch.id} is paused.", hint=f"Go on with: promptlab batch resume {batch.id}")
        elif batch.state is BatchState.CANCELLED:
            batch.state = BatchState.PLANNED
        batch_id = batch.id or 0
        with batch_requests.stage(session, lab, prepared, case_ids, order_seed=batch.order_seed) as staged:
            staged.add(batch_id)
        batch_items.replan(session, batch_id, GenerationState.CANCELLED)
        rows.change(
            session, batch_id, **{"max_cost_usd": None, "max_images": None, "max_retries": None} | limits.columns
        )
    return batch_id


def run(
    lab: Lab, batch_id: int, progress: Progress, *, limits: Limits, again: Again, begins: Callable[[Left], None]
) -> Run:
    """Take what is planned of a batch to its outcomes; what stopped that is returned, not raised.

    `begins` hears what there is to do before anything is sent. On Ctrl-C what is in flight is awaited. What is paused
    or cancelled meanwhile, by whomever, is stopped.

    Raises:
        NotFound: there is no such batch.
        Conflict: it was cancelled.
        InvalidInput: its limit cannot hold, because a price is not known; nothing is changed then.
    """
    require_room(lab)
    batch, left, still_running = _begin(lab, batch_id, limits, again)
    begins(left)
    if left.count == 0 and batch.state is BatchState.DONE:
        return Run(batch_id=batch_id, notes=_notes(still_running))
    notes = _notes(still_running)
    stopped_by = _run(lab, batch, progress, limits, again, notes=notes)
    close_after(lab, [batch_id], stopped_by)
    stopped_by = stopped_by or _interruption(lab, batch_id)
    return Run(batch_id=batch_id, stopped_by=stopped_by, notes=notes)


def _interruption(lab: Lab, batch_id: int) -> Interrupted | None:
    """Return that the batch was paused or cancelled, where nothing that was sent has met with that."""
    with lab.database.reading() as session:
        state = rows.get(session, lab.project_id, batch_id).state
    return Interrupted(f"Batch {batch_id} was {state}.") if state in {BatchState.PAUSED, BatchState.CANCELLED} else None


def detach(lab: Lab, batch_id: int, *, limits: Limits, again: Again, begins: Callable[[Left], None]) -> Run:
    """Leave what is planned of a batch to workers, within its limits; raises what `run` raises.

    Raises:
        NotConfigured: also where workers cannot share the database.
    """
    require_workers(lab.database)
    batch, left, still_running = _begin(lab, batch_id, limits, again, detached=True)
    begins(left)
    if left.count:
        enqueue(lab.database, lab.project_id, _by_provider(lab, batch_id))
    elif batch.state is not BatchState.DONE:
        close_batch(lab, batch_id, stopped=False)
    return Run(batch_id=batch_id, notes=_notes(still_running))


def _by_provider(lab: Lab, batch_id: int) -> dict[str, list[int]]:
    with lab.database.reading() as session:
        providers = batch_items.providers(session, batch_id)
    return {name: [item.generation_id for item in _planned(lab, batch_id, ids)] for name, ids in providers.items()}


def _run(lab: Lab, batch: Batch, progress: Progress, limits: Limits, again: Again, *, notes: list[str]) -> Stop | None:
    """Send until nothing of the batch is planned or in flight, here or elsewhere; return what stopped that."""
    batch_id = batch.id or 0
    try:
        with at_work(lab, batch_id=batch_id):
            while True:
                dispatch(_works(lab, batch), progress, fail_fast=limits.fail_fast, cancels=False)
                if not (refused_again(lab, batch_id, again.refused) or _others_are_at_work(lab, batch_id, notes)):
                    return None
    except (PromptlabError, KeyboardInterrupt, FailedFast) as stopped_by:
        return stopped_by


def _others_are_at_work(lab: Lab, batch_id: int, notes: list[str]) -> bool:
    """Say whether others have something of the batch in flight, which may be planned again, and give them a moment.

    What the dead among them have left is settled, where that is possible now, and noted.
    """
    with lab.database.reading() as session:
        sending = batch_items.in_state(session, batch_id, GenerationState.SENDING)
    if not sending:
        return False
    time.sleep(_MOMENT_SECONDS)
    recovered = recover(lab)
    notes += [sentence for sentence in recovered.sentences if sentence not in notes]  # what is open is told each time
    return not set(sending).issubset(recovered.in_flight)


def _require_alive(batch: Batch) -> None:
    if batch.state is BatchState.CANCELLED:
        way = "The same `promptlab batch run` again plans anew what was cancelled."
        one_by_one = "`promptlab generation retry ID...` plans anew and sends what was cancelled."
        raise Conflict(f"Batch {batch.id} was cancelled.", hint=way if batch.request else one_by_one)


def _begin(lab: Lab, batch_id: int, limits: Limits, again: Again, *, detached: bool = False) -> tuple[Batch, Left, int]:
    """Plan again what is to be sent again, and mark the batch as running if anything of it is planned.

    Return it, what there is to do, and what the providers still work on.
    """
    with lab.database.reading() as session:
        _require_alive(rows.get(session, lab.project_id, batch_id))
    asked, still_running = asked_again(lab, batch_id) if again.unknown else ([], 0)
    with lab.database.transaction() as session:
        batch = rows.get(session, lab.project_id, batch_id)
        _require_alive(batch)
        plan_again(session, batch_id, again, asked)
        if batch_items.left(session, batch_id).count:
            _mark_as_running(session, batch, limits, detached=detached)
        left = batch_items.left(session, batch_id)
        if batch.max_cost_usd is not None and not limits.allow_unpriced:
            _require_prices(batch_id, left.unpriced)
    return batch, left, still_running


def _mark_as_running(session: Session, batch: Batch, limits: Limits, *, detached: bool) -> None:
    if limits.assume_cost_usd is not None:  # generations before their batch, as whoever sends one locks them
        batch_items.assume_price(session, batch.id or 0, limits.assume_cost_usd)
    session.refresh(batch, with_for_update=True)
    _require_alive(batch)
    goes_on = batch.state is BatchState.RUNNING and batch.started_at is not None
    deadline = now() + timedelta(seconds=limits.deadline_s) if limits.deadline_s is not None else None
    batch.state, batch.finished_at = BatchState.RUNNING, None
    batch.detached, batch.fail_fast = detached, limits.fail_fast
    batch.started_at = batch.started_at if goes_on else now()
    batch.deadline_at = deadline or (batch.deadline_at if goes_on else None)
    for name, value in limits.columns.items():
        setattr(batch, name, value)
    session.add(batch)
    session.flush()


def _require_prices(batch_id: int, unpriced: int) -> None:
    if unpriced:
        of = "1 generation" if unpriced == 1 else f"{unpriced:,} generations"
        message = f"The price of {of} of batch {batch_id} is not known, so --max-cost cannot hold."
        raise InvalidInput(message, hint=batch_requests.WITHOUT_PRICE)


def _works(lab: Lab, batch: Batch) -> list[Work]:
    with lab.database.reading() as session:
        providers = batch_items.providers(session, batch.id or 0)
    return [
        work_of(lab, name, _planned(lab, batch.id or 0, ids), batch_id=batch.id, max_retries=batch.max_retries)
        for name, ids in providers.items()
    ]


def _planned(lab: Lab, batch_id: int, version_ids: list[int]) -> Iterator[Item]:
    """Yield what is planned of the batch, as it is when it is asked for."""
    after = 0
    while True:
        with lab.database.reading() as session:
            ids = batch_items.planned(session, batch_id, version_ids, after=after, limit=_PAGE)
        if not ids:
            return
        yield from (Item(id_, batch_id) for id_ in ids)
        after = ids[-1]


def _notes(count: int) -> list[str]:
    return [f"{count} unknown {'is' if count == 1 else 'are'} still being made by the provider."] if count else []
