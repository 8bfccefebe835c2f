"""What is done about requests whose process died: spool first, then the job's handle, then `unknown`."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby

from sqlmodel import Session

from promptlab.adapters.ai.protocol import (
    STILL_RUNNING,
    OutcomeUnknown,
    ProviderError,
    ProviderUnavailable,
    StillRunning,
)
from promptlab.adapters.storage.protocol import StorageUnavailable
from promptlab.db import attempts, batches
from promptlab.db.columns import now
from promptlab.db.models import Attempt, Generation, PromptVersion
from promptlab.db.states import AttemptOutcome, BatchState
from promptlab.errors import PromptlabError
from promptlab.services import outcomes
from promptlab.services.id_ranges import as_ranges
from promptlab.services.keeping import keep, priced, spool_key
from promptlab.services.lab import Lab
from promptlab.services.workload import left_behind

_LONGEST_JOB = timedelta(hours=24)
"""A job that still runs after that is not believed in any more."""

_LATER = frozenset({"waiting", "running", "unasked"})


_SAID = {
    "kept": (
        "1 earlier generation is settled now: its process had ended before.",
        "{} earlier generations are settled now: their process had ended before.",
        "`promptlab generation list` shows the outcome.",
    ),
    "unknown": (
        "1 earlier generation is unknown: its process ended before an answer came, and it may have been billed.",
        "{} earlier generations are unknown: their process ended before an answer came, and they may have been billed.",
        "See `promptlab generation list --state unknown`.",
    ),
    "waiting": (
        "The answer of 1 earlier generation waits in the spool until the storage can be reached.",
        "The answers of {} earlier generations wait in the spool until the storage can be reached.",
        "`promptlab doctor` says what is wrong with it.",
    ),
    "running": (
        "1 earlier generation is still being made by its provider, though its process ended.",
        "{} earlier generations are still being made by their provider, though their process ended.",
        "`promptlab generation list --state sending` looks again.",
    ),
    "unasked": (
        "1 earlier generation cannot be asked about: its provider does not answer, or is not set up here.",
        "{} earlier generations cannot be asked about: their provider does not answer, or is not set up here.",
        "`promptlab doctor --online` says what is wrong.",
    ),
}
"""What a person is told of one, what of several, and the way on from there."""


@dataclass(frozen=True, kw_only=True)
class Recovered:
    """What was found left behind, and what became of it: how many generations, and the ids of those still planned."""

    kept: int = 0
    unknown: int = 0
    waiting: int = 0
    """Answers that lie in the spool because the storage cannot be reached."""
    running: int = 0
    """Jobs that their providers still work on; each later command looks again."""
    unasked: int = 0
    """Jobs about which nobody can be asked just now; each later command tries again."""
    planned: Sequence[int] = ()
    """What a process that died had not sent; it is told once, and sent only by somebody who asks for it."""

    in_flight: Collection[int] = frozenset()
    """The generations that could not be settled yet, though their process ended: those are still in flight."""

    batches: Mapping[int, int] = field(default_factory=dict)
    """How many generations of which batches are still planned, because the process that ran those has ended."""

    @property
    def sentences(self) -> list[str]:
        """What a person should know of it."""
        found = ((getattr(self, name), *said) for name, said in _SAID.items())
        said = [f"{one if count == 1 else several.format(count)} {way}" for count, one, several, way in found if count]
        said += [_still_planned(self.planned)] if self.planned else []
        return said + [
            f"Batch {id_} has stopped, because its process ended; of its generations {count} are still planned. "
            f"Go on with: promptlab batch resume {id_}"
            for id_, count in self.batches.items()
        ]


def recover(lab: Lab) -> Recovered:
    """Settle every request of this project that a dead process left in flight, and every answer left in the spool.

    Requests of processes that live are left alone, and nothing is sent. Costs one indexed query, and one look into a
    folder, when there is nothing to do.
    """
    with lab.database.reading() as session:
        left, late = attempts.in_flight(session, lab.project_id), _late_answers(lab, session)
    behind = left_behind(lab, in_flight={attempt.owner for attempt in left})
    results = [(attempt.generation_id, _settle_late(lab, attempt)) for attempt in late]
    ended = set[int]()
    for owner, group in groupby(sorted(left, key=_owner_of), key=_owner_of):
        found = list(group)
        with lab.owner.take_over(owner, _lease_of(lab, found)) as dead:
            settled = [(attempt.generation_id, _settle(lab, attempt)) for attempt in found] if dead else []
        ended |= {attempt.batch_id for attempt in found if dead}
        if dead and _LATER.isdisjoint(how for _id, how in settled):
            lab.owner.forget(owner)
        results += settled
    counts = {name: sum(how == name for _id, how in results) for name in ("kept", "unknown", *_LATER)}
    _stopped(lab, ended - set(behind.batch_ids))
    return Recovered(
        **counts,
        planned=behind.generation_ids,
        in_flight={generation_id for generation_id, how in results if how in _LATER},
        batches=_stopped(lab, behind.batch_ids),
    )


def _lease_of(lab: Lab, found: Sequence[Attempt]) -> datetime:
    """Return until when the owner of these is believed to live, as it is now: settling others may have taken long."""
    with lab.database.reading() as session:
        lease = attempts.lease_of(session, found[0].owner)
    return lease or max(attempt.lease_until for attempt in found)


def ask_again_about(lab: Lab, generation_id: int, *, seconds: float | None = None) -> bool:
    """Ask what became of a generation that is unknown, or whose process died; say whether that settled it.

    A job that still runs is waited for: so long, None as long as for a new one.

    Raises:
        StillRunning: it takes longer than that.
    """
    with lab.database.reading() as session:
        tries = attempts.of_generations(session, [generation_id])
    if not tries or tries[-1].outcome not in {None, AttemptOutcome.UNKNOWN}:
        return False
    attempt = tries[-1]
    if attempt.outcome is AttemptOutcome.UNKNOWN:
        return ask_again(lab, attempt, seconds=seconds)
    with lab.owner.take_over(attempt.owner, attempt.lease_until) as dead:
        return dead and ask_again(lab, attempt, seconds=seconds)


def ask_again(lab: Lab, attempt: Attempt, *, seconds: float | None = None) -> bool:
    """Ask the provider what became of an attempt, by its handle; say whether that settled it.

    `seconds` is how long a job that still runs is waited for: 0 is one look, None as long as for a new one.

    Raises:
        StillRunning: it still does then.
    """
    if attempt.handle is None:
        return False
    with lab.database.reading() as session:
        generation = session.get_one(Generation, attempt.generation_id)
        version = session.get_one(PromptVersion, generation.prompt_version_id)
    provider = lab.providers.open(version.provider)
    try:
        result = provider.resume(attempt.handle, seconds=seconds)
    except StillRunning:
        raise
    except (OutcomeUnknown, ProviderUnavailable):
        return False  # it can be asked another time
    except ProviderError as error:
        error.may_be_billed = True  # the provider had accepted it
        outcomes.end(lab, attempt.id or 0, error)
        return True
    keep(lab, attempt, priced(provider, version.model, result))
    return True


def _settle(lab: Lab, attempt: Attempt) -> str:
    why, young = "", now() - attempt.started_at < _LONGEST_JOB
    lab.spool.adopt(spool_key(attempt))
    try:
        if answer := lab.spool.read(spool_key(attempt)):
            keep(lab, attempt, answer)
            return "kept"
        if ask_again(lab, attempt, seconds=0):
            return "kept"
    except StillRunning as error:
        if young:
            return "running" if error.kind == STILL_RUNNING else "unasked"
    except StorageUnavailable:
        return "waiting"
    except PromptlabError as error:  # the provider cannot be opened here
        if young and attempt.handle is not None:
            return "unasked"
        why = f" Its provider cannot be asked here: {error.message}"
    died = OutcomeUnknown(
        f"The process that sent this request ended before an answer was kept.{why}", kind="process_died"
    )
    outcomes.end(lab, attempt.id or 0, died)
    return "unknown"


def _settle_late(lab: Lab, attempt: Attempt) -> str:
    """Record an answer to what counts as unknown: its process is known to be dead, so nobody else is waited for."""
    try:
        if answer := lab.spool.read(spool_key(attempt)):
            keep(lab, attempt, answer)
            return "kept"
    except StorageUnavailable:
        return "waiting"
    return "damaged"


def _late_answers(lab: Lab, session: Session) -> list[Attempt]:
    """Return attempts that count as unknown though their answer lies in the spool."""
    found = []
    for key in lab.spool.entries():
        attempt = attempts.find(session, lab.project_id, key.generation_id, key.number)
        if attempt is not None and attempt.outcome is AttemptOutcome.UNKNOWN:
            found.append(attempt)
        elif attempt is not None and attempt.outcome is AttemptOutcome.SUCCEEDED:
            lab.spool.remove(key)  # killed between recording it and this
    return found


def _stopped(lab: Lab, batch_ids: Collection[int]) -> dict[int, int]:
    """Write down that nobody runs these batches any more, and return how many generations each has still planned.

    Those that workers take go on: they are left as they are.
    """
    found = {}
    for batch_id in batch_ids:
        with lab.database.transaction() as session:
            if batches.get(session, lab.project_id, batch_id).detached:
                continue
            batches.close(session, batch_id, BatchState.PLANNED)
            if planned := batches.unfinished(session, batch_id)[0]:
                found[batch_id] = planned
    return found


def _still_planned(ids: Sequence[int]) -> str:
    one = "1 earlier generation is still planned: its process ended before."
    several = f"{len(ids)} earlier generations are still planned: their process ended before."
    return f"{one if len(ids) == 1 else several} Go on with: promptlab generation retry {as_ranges(ids)}"


def _owner_of(attempt: Attempt) -> str:
    return attempt.owner
