"""The walk of one generation: claim, send, keep. The row is the truth, so running one twice is harmless.

Planning commits the rows; `run` takes one of them to its outcome; `dispatch` does so with many at once.
"""

import random
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

from promptlab.adapters.ai.protocol import (
    ImageProvider,
    ImageRequest,
    InputImage,
    OutcomeUnknown,
    ProviderError,
    ProviderFailed,
    ProviderUnavailable,
)
from promptlab.db import attempts, batches, generations
from promptlab.db.columns import now
from promptlab.db.generations import ToSend
from promptlab.db.models import Attempt, Batch, GenerationImageInput
from promptlab.db.states import BatchState, ImageRole
from promptlab.errors import Interrupted, LimitReached, Unreachable
from promptlab.services import outcomes
from promptlab.services.flight import Flight, Withdrawn
from promptlab.services.keeping import priced, receive
from promptlab.services.lab import Lab
from promptlab.services.outcomes import Ended
from promptlab.services.pace import LONGEST_REST_SECONDS

_FIRST_WAIT_SECONDS, _LONGEST_OWN_WAIT_SECONDS = 0.5, 8.0
_SLICE_SECONDS = 0.5
"""How long a wait goes on without looking whether everything is to stop."""


class Postponed(Exception):
    """Nothing was bought and the generation is planned, to be sent in `seconds`."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class NoRoom(LimitReached):
    """A limit of the batch leaves no room for another request until one that is in flight has cost less than it may."""


class ProviderAway(Unreachable):
    """A provider asks to be left alone for longer than one waits; the generation is planned again."""

    code = "provider_away"


@dataclass(frozen=True, kw_only=True)
class _Job:
    """What is needed to send one generation, read before it is claimed."""

    generation_id: int
    batch_id: int
    request: ImageRequest
    max_price_usd: float
    in_spite: bool = False


def run(
    lab: Lab,
    flight: Flight,
    generation_id: int,
    *,
    max_attempts: int,
    batch_id: int | None = None,
    in_spite: bool = False,
    answered: Callable[[], None] = lambda: None,
) -> Ended | None:
    """Take one planned generation to its outcome, sending again what may be sent again unless the flight is stopping.

    `batch_id` is the batch that buys it, within whose limits; None: the one that has planned it. Somebody who asks for
    just this one may ask `in_spite` of a pause, of a cancelled batch and of a deadline that has passed. `answered` is
    called when images are here and only to be kept: another request may be in flight from then on.

    Returns None where nothing came of it: somebody else has claimed it, or the flight is stopping.

    Raises:
        LimitReached: the batch's money, images or time are used up.
        Interrupted: the batch was paused or cancelled.
        Unreachable: the provider is away for long, or database, storage or spool; whatever arrived is in the spool.
    """
    import stamina
    from stamina.instrumentation import set_on_retry_hooks

    set_on_retry_hooks([])  # the row says it; the log would say it twice
    sent, ready_at = 0, 0.0
    for attempt in stamina.retry_context(on=_wait_of, attempts=None, timeout=None):
        with attempt:
            if flight.stopping.is_set():
                return None
            if (left := ready_at - time.monotonic()) > 0:
                raise Postponed(min(left, _SLICE_SECONDS))
            job, sent = _load(lab, flight.provider, generation_id), sent + 1
            if job is None:
                return None
            job = replace(job, batch_id=batch_id or job.batch_id, in_spite=in_spite)
            try:
                return _send(lab, flight, job, last=sent == max_attempts, answered=answered)
            except Postponed as postponed:
                ready_at = time.monotonic() + postponed.seconds
                raise Postponed(min(postponed.seconds, _SLICE_SECONDS)) from postponed
    return None  # never reached: the loop ends by what happens in it


def _send(lab: Lab, flight: Flight, job: _Job, *, last: bool, answered: Callable[[], None]) -> Ended | None:
    provider = flight.provider
    attempt = _claim_in_time(lab, flight, job)
    if attempt is None:
        return None
    attempt_id, started = attempt.id or 0, time.monotonic()

    def elapsed() -> int:
        return round((time.monotonic() - started) * 1000)

    try:
        with flight.request(partial(_accept, lab, attempt_id)) as accepted:
            result = provider.generate(job.request, accepted=accepted)
    except ProviderUnavailable as error:
        _keep_pace(flight, attempt, error)
        return _wait_or_give_up(lab, attempt, error, last=last, duration_ms=elapsed())
    except ProviderError as error:
        return outcomes.end(lab, attempt_id, error, duration_ms=elapsed())
    except Withdrawn as withdrawn:
        outcomes.withdraw(lab, attempt_id, withdrawn.error, duration_ms=elapsed())
        return None
    except BaseException as error:
        kind = "interrupted" if isinstance(error, KeyboardInterrupt) else type(error).__name__
        unknown = OutcomeUnknown("Interrupted while the request was out.", kind=kind[:50])
        outcomes.end(lab, attempt_id, unknown, duration_ms=elapsed())
        raise
    flight.pace.succeeded()
    answered()
    return receive(lab, attempt, priced(provider, job.request.model, result), duration_ms=elapsed())


def _wait_or_give_up(lab: Lab, attempt: Attempt, error: ProviderUnavailable, *, last: bool, duration_ms: int) -> Ended:
    """Record that the provider has no time now.

    Raises:
        Postponed: the request is to be sent again.
        ProviderAway: likewise, but later than one waits for.
    """
    seconds = _wait_before_next(error, attempt.number)
    away = seconds > LONGEST_REST_SECONDS
    if last and not away:
        return outcomes.end(lab, attempt.id or 0, _given_up(error, attempt.number), duration_ms=duration_ms)
    outcomes.postpone(lab, attempt.id or 0, error, seconds=seconds, duration_ms=duration_ms)
    if away:
        raise ProviderAway(f"{error.message.rstrip('.')}. It asks to wait {seconds:,.0f} s.") from error
    raise Postponed(seconds) from error


def _keep_pace(flight: Flight, attempt: Attempt, error: ProviderUnavailable) -> None:
    """Send fewer at once after a 429, and nothing for as long as the provider asks for."""
    if error.http_status == 429:
        flight.pace.throttled(attempt.started_at)
    if error.retry_after is not None:
        flight.pace.closed(error.retry_after)


def _claim_in_time(lab: Lab, flight: Flight, job: _Job) -> Attempt | None:
    """Claim as soon as the provider's pace allows; None if somebody else was first or the flight is stopping."""
    with flight.turn():
        while not flight.stopping.is_set():
            seconds = flight.pace.wait()
            if seconds <= 0:
                try:
                    return _claim(lab, flight, job)
                except Postponed as postponed:
                    seconds = postponed.seconds
            flight.stopping.wait(min(seconds, _SLICE_SECONDS))
    return None


def _claim(lab: Lab, flight: Flight, job: _Job) -> Attempt | None:
    """Set the price aside and move the row from planned to sending; None if somebody else was first.

    Raises:
        Postponed: the provider's pace does not allow it yet; nothing is written.
    """
    with lab.database.transaction() as session:
        if not generations.claim(session, job.generation_id, job.batch_id):
            return None
        usd, images = job.max_price_usd, job.request.count
        if not batches.reserve(session, job.batch_id, usd=usd, images=images, in_spite=job.in_spite):
            raise _why_not(batches.get(session, lab.project_id, job.batch_id), job)
        attempt = attempts.add(
            session,
            lab.project_id,
            job.generation_id,
            batch_id=job.batch_id,
            owner=lab.owner.id,
            lease_until=lab.owner.lease_until(),
            reserved_usd=usd,
            reserved_images=images,
        )
        if seconds := flight.pace.take(session, images):
            raise Postponed(seconds)
        return attempt


def _load(lab: Lab, provider: ImageProvider, generation_id: int) -> _Job | None:
    """Return what is needed to send the generation, None where somebody has deleted it."""
    with lab.database.reading() as session:
        wanted = generations.to_send(session, generation_id)
        if wanted is None:
            return None
        images = generations.inputs(session, [generation_id]) if wanted.has_inputs else []
    request = _request(lab, wanted, images)
    sendable = provider.capabilities(wanted.model).sendable(request.parameters, inputs=len(request.inputs))
    return _Job(
        generation_id=generation_id,
        batch_id=wanted.batch_id,
        request=replace(request, parameters=sendable),
        max_price_usd=wanted.max_price_usd or 0.0,
    )


def _request(lab: Lab, wanted: ToSend, images: list[GenerationImageInput]) -> ImageRequest:
    def read(role: ImageRole) -> list[InputImage]:
        found = [image for image in images if image.role is role]
        return [InputImage(data=lab.storage.read(image.url), media_type=image.media_type) for image in found]

    masks = read(ImageRole.MASK)
    return ImageRequest(
        model=wanted.model,
        system_prompt=wanted.system_prompt,
        user_prompt=wanted.user_prompt,
        inputs=tuple(read(ImageRole.INPUT)),
        mask=masks[0] if masks else None,
        count=wanted.image_count,
        seed=wanted.seed,
        parameters=wanted.parameters,
    )


def _accept(lab: Lab, attempt_id: int, handle: str) -> None:
    # Without the database there is no handle to ask by after a crash; the answer itself is about to be fetched.
    with suppress(Unreachable), lab.database.transaction() as session:
        attempts.set_handle(session, attempt_id, handle)


def _wait_of(error: Exception) -> float | bool:
    return error.seconds if isinstance(error, Postponed) else False


def _wait_before_next(error: ProviderUnavailable, number: int) -> float:
    """Return the provider's own hint, else an exponential back-off with jitter, in seconds."""
    if error.retry_after is not None:
        return error.retry_after
    longest: float = min(_LONGEST_OWN_WAIT_SECONDS, _FIRST_WAIT_SECONDS * 2 ** min(number - 1, 10))
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, not a secret


def _given_up(error: ProviderUnavailable, number: int) -> ProviderFailed:
    tried = "after 1 attempt" if number == 1 else f"after {number} attempts"
    failed = ProviderFailed(
        f"{error.message} (given up {tried})",
        kind=error.kind,
        http_status=error.http_status,
        request_id=error.request_id,
        details=error.details,
    )
    failed.cost_usd = error.cost_usd
    return failed


def _why_not(batch: Batch, job: _Job) -> LimitReached | Interrupted:
    """Return why the batch has no room for the job."""
    number = batch.id or 0
    if not job.in_spite and batch.state in {BatchState.PAUSED, BatchState.CANCELLED}:
        return Interrupted(f"Batch {number} was {batch.state}.")
    if not job.in_spite and batch.deadline_at is not None and batch.deadline_at <= now():
        return LimitReached(f"The deadline of batch {number} has passed.", hint="What is left stays planned.")
    if batch.max_images is not None and batch.committed_images + job.request.count > batch.max_images:
        return NoRoom(
            f"The limit of batch {number} is reached: {batch.committed_images} of {batch.max_images} images.",
            hint="What is left stays planned; a higher --max-images goes on.",
        )
    return NoRoom(
        f"The cost limit of batch {number} leaves no room for another image of up to ${job.max_price_usd:.4f}.",
        hint="What is left stays planned; a higher --max-cost goes on.",
    )
