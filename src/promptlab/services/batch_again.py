"""What of a batch ended without images and is sent again: failed, refused so often, or unknown."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel import Session

from promptlab.adapters.ai.protocol import StillRunning
from promptlab.db import batch_items, generations
from promptlab.db.states import GenerationState
from promptlab.services.lab import Lab
from promptlab.services.recovery import ask_again_about


@dataclass(frozen=True, kw_only=True)
class Again:
    """What of a batch that ended without images is sent again."""

    failed: bool = False
    refused: int = 0
    """How often what was refused is sent again, all runs together."""
    unknown: bool = False


def asked_again(lab: Lab, batch_id: int) -> tuple[list[int], int]:
    """Ask the providers what became of what is unknown, where they can be asked.

    Return what still is, and may be sent again, and of how many the job still runs.
    """
    with lab.database.reading() as session:
        unknown = batch_items.in_state(session, batch_id, GenerationState.UNKNOWN)
    open_, still_running = [], 0
    for generation_id in unknown:
        try:
            if not ask_again_about(lab, generation_id, seconds=0):
                open_.append(generation_id)
        except StillRunning:
            still_running += 1
    return open_, still_running


def plan_again(session: Session, batch_id: int, again: Again, unknown: Sequence[int]) -> None:
    """Plan what is to be sent again; `unknown` are those of which nobody can be asked what became of them."""
    if again.failed:
        batch_items.replan(session, batch_id, GenerationState.FAILED)
    for generation_id in unknown:
        generations.replan(session, generation_id, [GenerationState.UNKNOWN])
    if again.refused:
        batch_items.replan_refused(session, batch_id, times=again.refused)


def refused_again(lab: Lab, batch_id: int, times: int) -> int:
    """Plan again what was refused less than so many times, and return how many those are."""
    if not times:
        return 0
    with lab.database.transaction() as session:
        return batch_items.replan_refused(session, batch_id, times=times)
