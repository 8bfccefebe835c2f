"""How an attempt ends: one short transaction that closes it, moves its generation and settles the money."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlmodel import Session

from promptlab.adapters.ai.protocol import OutcomeUnknown, ProviderError, Refused
from promptlab.db import batches
from promptlab.db.models import Attempt, Generation, GenerationImageOutput, now
from promptlab.db.states import AttemptOutcome, GenerationState
from promptlab.services.lab import Lab

_OPEN = (GenerationState.SENDING, GenerationState.UNKNOWN)


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a generation ended: `error` is None where there are images."""

    state: GenerationState
    error: ProviderError | None = None


@dataclass(frozen=True, kw_only=True)
class Success:
    """A request that ended in images that are stored."""

    outputs: list[GenerationImageOutput]
    effective_parameters: dict[str, Any]
    usage: dict[str, Any] | None
    cost_usd: float | None
    http_status: int | None
    request_id: str | None
    warnings: list[str] = field(default_factory=list)


def succeed(lab: Lab, attempt_id: int, success: Success, *, duration_ms: int | None = None) -> bool:
    """Record the images, from `unknown` too, because a late answer is an answer; say whether they were recorded.

    They are not when the generation has meanwhile got others, from a later attempt.
    """
    with lab.database.transaction() as session:
        opened = _open(session, attempt_id, AttemptOutcome.SUCCEEDED, success.cost_usd)
        if opened is None:
            return False
        attempt, generation = opened
        attempt.http_status, attempt.request_id = success.http_status, _storable(success.request_id)
        for output in success.outputs:
            output.project_id, output.generation_id = generation.project_id, generation.id or 0
            session.add(output)
        generation.effective_parameters = success.effective_parameters
        generation.usage = success.usage
        _add_cost(generation, success.cost_usd)
        generation.warnings = [*generation.warnings, *success.warnings, *_fewer(generation, len(success.outputs))]
        outcome, state = AttemptOutcome.SUCCEEDED, GenerationState.SUCCEEDED
        _close(session, attempt, generation, outcome=outcome, state=state, duration_ms=duration_ms)
        _settle(session, attempt, success.cost_usd, images=len(success.outputs))
        return True


def end(lab: Lab, attempt_id: int, error: ProviderError, *, duration_ms: int | None = None) -> Ended:
    """Record an error as refused, failed or unknown, with what it cost if anybody knows; return which.

    What is unknown, or failed and may have been billed, stays reserved.
    """
    state = _state_of(error)
    _end(lab, attempt_id, error, outcome=AttemptOutcome(state.value), state=state, duration_ms=duration_ms)
    return Ended(state=state, error=error)


def withdraw(lab: Lab, attempt_id: int, error: ProviderError, *, duration_ms: int) -> None:
    """Record that a job ended because its own process had it cancelled: the attempt failed, the row can go on.

    What it may have been billed is settled as for a failure.
    """
    outcome, state = AttemptOutcome.FAILED, GenerationState.PLANNED
    _end(lab, attempt_id, error, outcome=outcome, state=state, duration_ms=duration_ms)


def postpone(lab: Lab, attempt_id: int, error: ProviderError, *, seconds: float, duration_ms: int) -> None:
    """Close an attempt that bought no image and plan the generation again, not before the delay is over."""
    with lab.database.transaction() as session:
        opened = _open(session, attempt_id, AttemptOutcome.RETRY, error.cost_usd or 0.0)
        if opened is None:
            return
        attempt, generation = opened
        _write_error(attempt, error)
        outcome, state = AttemptOutcome.RETRY, GenerationState.PLANNED
        _close(session, attempt, generation, outcome=outcome, state=state, duration_ms=duration_ms)
        generation.not_before = now() + timedelta(seconds=seconds)
        _add_cost(generation, error.cost_usd)
        _settle(session, attempt, error.cost_usd or 0.0)


def _end(
    lab: Lab,
    attempt_id: int,
    error: ProviderError,
    *,
    outcome: AttemptOutcome,
    state: GenerationState,
    duration_ms: int | None,
) -> None:
    cost_usd = 0.0 if error.cost_usd is None and not error.may_be_billed else error.cost_usd
    with lab.database.transaction() as session:
        opened = _open(session, attempt_id, outcome, cost_usd)
        if opened is None:
            return
        attempt, generation = opened
        _write_error(attempt, error)
        _close(session, attempt, generation, outcome=outcome, state=state, duration_ms=duration_ms)
        if state is not GenerationState.UNKNOWN:
            _add_cost(generation, cost_usd)
            _settle(session, attempt, cost_usd)


def _fewer(generation: Generation, count: int) -> list[str]:
    wanted = generation.image_count
    return [f"{count} of the {wanted} images asked for came."] if count < wanted else []


def _open(
    session: Session, attempt_id: int, outcome: AttemptOutcome, cost_usd: float | None
) -> tuple[Attempt, Generation] | None:
    """Return the attempt and its generation, locked, if this outcome is the generation's.

    It is not when the attempt has one already, or when the generation got its own from another attempt: then this
    attempt alone is closed, and what it cost is counted.
    """
    attempt = session.get_one(Attempt, attempt_id, with_for_update=True)
    generation = session.get_one(Generation, attempt.generation_id, with_for_update=True)
    if attempt.outcome not in {None, AttemptOutcome.UNKNOWN}:
        return None
    overtaken = attempt.outcome is AttemptOutcome.UNKNOWN and generation.state is GenerationState.SENDING
    if generation.state in _OPEN and not (overtaken and outcome is not AttemptOutcome.SUCCEEDED):
        return attempt, generation
    if attempt.outcome is None:
        attempt.outcome, attempt.finished_at = outcome, now()
        _add_cost(generation, cost_usd)
        _settle(session, attempt, cost_usd)
        session.add_all([attempt, generation])
    return None


def _close(
    session: Session,
    attempt: Attempt,
    generation: Generation,
    *,
    outcome: AttemptOutcome,
    state: GenerationState,
    duration_ms: int | None,
) -> None:
    attempt.outcome, attempt.finished_at = outcome, now()
    if duration_ms is not None:
        attempt.duration_ms = duration_ms
        generation.execution_time = (generation.execution_time or 0) + duration_ms
    generation.state = state
    generation.finished_at = None if state is GenerationState.PLANNED else now()
    session.add_all([attempt, generation])


def _add_cost(generation: Generation, cost_usd: float | None) -> None:
    """Add what an attempt cost to what earlier ones did: the sum of what is known, None where nothing is."""
    if cost_usd is not None:
        generation.cost_usd = round((generation.cost_usd or 0.0) + cost_usd, 6)
    elif not generation.cost_usd:
        generation.cost_usd = None  # a price that is not known is no zero, also after failures that cost nothing


def _settle(session: Session, attempt: Attempt, cost_usd: float | None, *, images: int = 0) -> None:
    """Replace the reservation by the price; an unknown price is never zero, so the reservation then stays."""
    spent = attempt.reserved_usd if cost_usd is None else cost_usd
    usd, more_images = spent - attempt.reserved_usd, images - attempt.reserved_images
    batches.settle(session, attempt.batch_id, usd=usd, images=more_images)
    attempt.reserved_usd, attempt.reserved_images = spent, images


def _write_error(attempt: Attempt, error: ProviderError) -> None:
    attempt.error_kind, attempt.error_message = error.kind, _storable(error.message)
    attempt.http_status, attempt.request_id = error.http_status, _storable(error.request_id)
    attempt.error_details = error.details or None


def _storable(text: str | None) -> str | None:
    """Return a provider's text as every database keeps it: an outcome must not fail for a NUL in its message."""
    return None if text is None else text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def _state_of(error: ProviderError) -> GenerationState:
    if isinstance(error, Refused):
        return GenerationState.REFUSED
    return GenerationState.UNKNOWN if isinstance(error, OutcomeUnknown) else GenerationState.FAILED
