"""Which generations a process has taken on: a note beside its lock, which a process that is killed leaves behind."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from promptlab.db import attempts, generations
from promptlab.db.states import GenerationState
from promptlab.services.lab import Lab

_BATCH = "batch:"
"""What the number of a batch begins with in a note."""


@contextmanager
def at_work(lab: Lab, generation_ids: Sequence[int] = (), *, batch_id: int | None = None) -> Iterator[None]:
    """Be known as alive, and as the one that has taken on those generations or that batch, while the block runs.

    If it ends with an error, what is still in flight is known to be of the dead at once.
    """
    note = " ".join(map(str, generation_ids)) if batch_id is None else f"{_BATCH}{batch_id}"
    with lab.owner.alive(partial(_renew_leases, lab), about=_about(lab), note=note):
        yield


@dataclass(frozen=True, kw_only=True)
class Left:
    """What the dead have left: generations that are still planned, and batches."""

    generation_ids: Sequence[int] = ()
    batch_ids: Sequence[int] = ()


def left_behind(lab: Lab, *, in_flight: Collection[str]) -> Left:
    """Return what processes of this machine had taken on when they died.

    Not what a process that lives has taken on as well. It is told once: the notes of the dead are gone then.
    Costs one look into a folder when there is nothing. `in_flight` are owners of requests that are not settled yet.
    """
    left: set[str] = set()
    taken: set[str] = set()
    for owner, note, dead in lab.owner.notes(_about(lab)):
        (left if dead else taken).update(note.split())
        if dead and owner not in in_flight:
            lab.owner.forget(owner)
    found = left - taken
    batch_ids = sorted(int(each.removeprefix(_BATCH)) for each in found if each.startswith(_BATCH))
    ids = sorted(int(each) for each in found if not each.startswith(_BATCH))
    return Left(generation_ids=_still_planned(lab, ids) if ids else (), batch_ids=batch_ids)


def _still_planned(lab: Lab, generation_ids: Sequence[int]) -> list[int]:
    with lab.database.reading() as session:
        rows = generations.by_ids(session, generation_ids)
    return [row.id or 0 for row in rows if row.state is GenerationState.PLANNED]


def _about(lab: Lab) -> str:
    return f"{lab.uid}-{lab.project_id}"


def _renew_leases(lab: Lab) -> None:
    with lab.database.transaction() as session:
        attempts.renew_leases(session, lab.owner.id, lab.owner.lease_until())
