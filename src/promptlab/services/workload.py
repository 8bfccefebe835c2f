"""Which generations a process has taken on: a note beside its lock, which a process that is killed leaves behind."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from promptlab.db import attempts, generations
from promptlab.db.states import GenerationState
from promptlab.services.lab import Lab


@contextmanager
def at_work(lab: Lab, generation_ids: Sequence[int]) -> Iterator[None]:
    """Be known as alive, and as the one that has taken on those generations, while the block runs.

    If it ends with an error, what is still in flight is known to be of the dead at once.
    """
    note = " ".join(map(str, generation_ids))
    with lab.owner.alive(partial(_renew_leases, lab), about=_about(lab), note=note):
        yield


def left_planned(lab: Lab, *, in_flight: Collection[str]) -> list[int]:
    """Return what processes of this machine had taken on when they died and is still planned, in order.

    Not what a process that lives has taken on as well. It is told once: the notes of the dead are gone then.
    Costs one look into a folder when there is nothing. `in_flight` are owners of requests that are not settled yet.
    """
    left: set[int] = set()
    taken: set[int] = set()
    for owner, note, dead in lab.owner.notes(_about(lab)):
        (left if dead else taken).update(map(int, note.split()))
        if dead and owner not in in_flight:
            lab.owner.forget(owner)
    if not left - taken:
        return []
    with lab.database.reading() as session:
        rows = generations.by_ids(session, sorted(left - taken))
    return [row.id or 0 for row in rows if row.state is GenerationState.PLANNED]


def _about(lab: Lab) -> str:
    return f"{lab.uid}-{lab.project_id}"


def _renew_leases(lab: Lab) -> None:
    with lab.database.transaction() as session:
        attempts.renew_leases(session, lab.owner.id, lab.owner.lease_until())
