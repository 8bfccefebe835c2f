"""How an attempt ends: one short transaction that closes it, moves its generation and settles the money."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlmodel import Session

from promptlab.adapters.ai.protocol import OutcomeUnknown, ProviderError, Refused
from promptlab.db import attempts, batches, generations
from promptlab.db.attempts import Sent
from promptlab.db.columns import now
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

    images: Sequence[dict[str, Any]]
    """Of each the columns that a row about an image has."""
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
        sent = _open(session, attempt_id, AttemptOutcome.SUCCEEDED, success.cost_usd)
        if sent is None:
            return False
        count = len(success.images)
        generations.add_outputs(session, sent.project_id, sent.generation_id, success.images)
        _close(
            session,
            sent,
            attempt={
                "outcome": AttemptOutcome.SUCCEEDED,
                "http_status": success.http_status,
                "request_id": _storable(success.request_id),
                **_spent(sent, success.cost_usd, images=count),
            },
            generation={
                "state": GenerationState.SUCCEEDED,
                "effective_parameters": success.effective_parameters,
                "usage": success.usage,
                "cost_usd": _total(sent, success.cost_usd),
                "warnings": [*sent.warnings, *success.warnings, *_fewer(sent, count)],
            },
            duration_ms=duration_ms,
        )
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
        cost_usd = error.cost_usd or 0.0
        sent = _open(session, attempt_id, AttemptOutcome.RETRY, cost_usd)
        if sent is None:
            return
        _close(
            session,
            sent,
            attempt={"outcome": AttemptOutcome.RETRY, **_words(error), **_spent(sent, cost_usd)},
            generation={
                "state": GenerationState.PLANNED,
                "not_before": now() + timedelta(seconds=seconds),
                "cost_usd": _total(sent, error.cost_usd),
            },
            duration_ms=duration_ms,
        )


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
        sent = _open(session, attempt_id, outcome, cost_usd)
        if sent is None:
            return
        attempt: dict[str, Any] = {"outcome": outcome, **_words(error)}
        generation: dict[str, Any] = {"state": state}
        if state is not GenerationState.UNKNOWN:
            attempt |= _spent(sent, cost_usd)
            generation["cost_usd"] = _total(sent, cost_usd)
        _close(session, sent, attempt=attempt, generation=generation, duration_ms=duration_ms)


def _fewer(sent: Sent, count: int) -> list[str]:
    wanted = sent.image_count
    return [f"{count} of the {wanted} images asked for came."] if count < wanted else []


def _open(session: Session, attempt_id: int, outcome: AttemptOutcome, cost_usd: float | None) -> Sent | None:
    """Return the attempt with its generation, locked, if this outcome is the generation's.

    It is not when the attempt has one already, or when the generation got its own from another attempt: then this
    attempt alone is closed, and what it cost is counted.
    """
    sent = attempts.lock(session, attempt_id)
    if sent.outcome not in {None, AttemptOutcome.UNKNOWN}:
        return None
    overtaken = sent.outcome is AttemptOutcome.UNKNOWN and sent.state is GenerationState.SENDING
    if sent.state in _OPEN and not (overtaken and outcome is not AttemptOutcome.SUCCEEDED):
        return sent
    if sent.outcome is None:
        closed = {"outcome": outcome, "finished_at": now(), **_spent(sent, cost_usd)}
        _write(session, sent, attempt=closed, generation={"cost_usd": _total(sent, cost_usd)})
    return None


def _close(
    session: Session,
    sent: Sent,
    *,
    attempt: dict[str, Any],
    generation: dict[str, Any],
    duration_ms: int | None,
) -> None:
    """Write how the attempt ended and what became of its generation, with the time of both."""
    ended = now()
    attempt = {**attempt, "finished_at": ended}
    generation = {**generation, "finished_at": None if generation["state"] is GenerationState.PLANNED else ended}
    if duration_ms is not None:
        attempt["duration_ms"] = duration_ms
        generation["execution_time"] = (sent.execution_time or 0) + duration_ms
    _write(session, sent, attempt=attempt, generation=generation)


def _write(session: Session, sent: Sent, *, attempt: dict[str, Any], generation: dict[str, Any]) -> None:
    """Write both, and settle with the batch what is reserved for the attempt now: last, because others wait for it."""
    attempts.change(session, sent.attempt_id, **attempt)
    generations.change(session, sent.generation_id, **generation)
    usd = attempt.get("reserved_usd", sent.reserved_usd) - sent.reserved_usd
    images = attempt.get("reserved_images", sent.reserved_images) - sent.reserved_images
    batches.settle(session, sent.batch_id, usd=usd, images=images)


def _spent(sent: Sent, cost_usd: float | None, *, images: int = 0) -> dict[str, Any]:
    """Return what replaces the reservation; an unknown price is never zero, so what is reserved then stays."""
    return {"reserved_usd": sent.reserved_usd if cost_usd is None else cost_usd, "reserved_images": images}


def _total(sent: Sent, cost_usd: float | None) -> float | None:
    """Return what the attempt and earlier ones cost: the sum of what is known, None where nothing is."""
    if cost_usd is not None:
        return round((sent.cost_usd or 0.0) + cost_usd, 6)
    return sent.cost_usd or None  # a price that is not known is no zero, also after failures that cost nothing


def _words(error: ProviderError) -> dict[str, Any]:
    """Return the columns that say why."""
    return {
        "error_kind": error.kind,
        "error_message": _storable(error.message),
        "http_status": error.http_status,
        "request_id": _storable(error.request_id),
        "error_details": error.details or None,
    }


def _storable(text: str | None) -> str | None:
    """Return a provider's text as every database keeps it: an outcome must not fail for a NUL in its message."""
    return None if text is None else text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def _state_of(error: ProviderError) -> GenerationState:
    if isinstance(error, Refused):
        return GenerationState.REFUSED
    return GenerationState.UNKNOWN if isinstance(error, OutcomeUnknown) else GenerationState.FAILED
