"""The walk of one generation: claim, send, keep. The row is the truth, so running one twice is harmless.

`plan` (in `promptlab.services.planning`) commits the rows; `run` takes one of them to its outcome; `run_all` does so
with several at once.
"""

import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
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
from promptlab.db.models import Attempt, Generation, GenerationImageInput, PromptVersion
from promptlab.db.states import BatchState, ImageRole
from promptlab.errors import LimitReached, Unreachable
from promptlab.services import outcomes
from promptlab.services.flight import Flight, Withdrawn
from promptlab.services.keeping import priced, receive
from promptlab.services.lab import Lab

LONGEST_WAIT_SECONDS = 120.0
"""A provider that asks for a longer wait is not waited for: the generation fails and says so."""

_FIRST_WAIT_SECONDS, _LONGEST_OWN_WAIT_SECONDS = 0.5, 8.0
_SLICE_SECONDS = 0.5
"""How long a wait goes on without looking whether everything is to stop."""


class Postponed(Exception):
    """The attempt bought nothing and the generation is planned again, `seconds` from now."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Who wants to know: `finished(id)` after each generation, `stopping(sentence)` what Ctrl-C does first."""

    finished: Callable[[int], None]
    stopping: Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class _Job:
    """What is needed to send one generation, read before it is claimed."""

    generation_id: int
    batch_id: int
    request: ImageRequest
    max_price_usd: float


def run_all(
    lab: Lab,
    provider: ImageProvider,
    generation_ids: Sequence[int],
    *,
    max_attempts: int,
    concurrency: int,
    progress: Progress,
) -> None:
    """Take planned generations to their outcomes, `concurrency` at a time.

    On Ctrl-C nothing more is sent, jobs are cancelled where their service can do that, what is in flight is awaited,
    and KeyboardInterrupt is raised; Ctrl-C once more ends the waiting. The errors below leave the rest planned as
    well, and cancel nothing. The caller is `at_work` on them.

    Raises:
        LimitReached: the batch's money is used up.
        Unreachable: database, storage or spool; whatever arrived is in the spool.
    """
    flight = Flight(provider)
    take = partial(run, lab, provider, max_attempts=max_attempts, flight=flight)
    pool = ThreadPoolExecutor(concurrency)  # not as a block: its end would wait also after a second Ctrl-C
    try:
        _take_all(pool, take, generation_ids, progress)
    except BaseException as error:
        flight.stopping.set()
        pool.shutdown(wait=False, cancel_futures=True)
        if isinstance(error, KeyboardInterrupt):
            progress.stopping(flight.parting_words)
            flight.cancel()
        pool.shutdown()  # waits for what is in flight
        raise
    pool.shutdown()


def _take_all(
    pool: ThreadPoolExecutor, take: Callable[[int], None], generation_ids: Sequence[int], progress: Progress
) -> None:
    """Take every generation. One that the cost limit leaves no room for waits until another has been settled.

    What is set aside for a request in flight is its highest price; what it really costs is most often far less.
    """
    running = {pool.submit(take, id_): id_ for id_ in generation_ids}
    short_of_money: list[int] = []
    limit = LimitReached()
    while running:
        done, _running = wait(running, return_when=FIRST_COMPLETED)
        settled = False
        for future in done:
            id_ = running.pop(future)
            try:
                future.result()
            except LimitReached as error:
                short_of_money.append(id_)
                limit = error
            else:
                progress.finished(id_)
                settled = True
        if short_of_money and not settled and not running:
            raise limit
        while short_of_money and settled:
            again = short_of_money.pop(0)
            running[pool.submit(take, again)] = again


def run(
    lab: Lab, provider: ImageProvider, generation_id: int, *, max_attempts: int, flight: Flight | None = None
) -> None:
    """Take one planned generation to its outcome, sending again what may be sent again unless the flight is stopping.

    Does nothing if somebody else has claimed it. Raises what `run_all` raises.
    """
    import stamina
    from stamina.instrumentation import set_on_retry_hooks

    set_on_retry_hooks([])  # the row says it; the log would say it twice
    flight = flight or Flight(provider)
    sent, ready_at = 0, 0.0
    for attempt in stamina.retry_context(on=_wait_of, attempts=None, timeout=None):
        with attempt:
            if flight.stopping.is_set():
                return
            if (left := ready_at - time.monotonic()) > 0:
                raise Postponed(min(left, _SLICE_SECONDS))
            job, sent = _load(lab, provider, generation_id), sent + 1
            if job is None:
                return
            try:
                _send(lab, flight, job, last=sent == max_attempts)
            except Postponed as postponed:
                ready_at = time.monotonic() + postponed.seconds
                raise Postponed(min(postponed.seconds, _SLICE_SECONDS)) from postponed


def _send(lab: Lab, flight: Flight, job: _Job, *, last: bool) -> None:
    provider = flight.provider
    attempt = _claim(lab, job)
    if attempt is None:
        return
    attempt_id, started = attempt.id or 0, time.monotonic()

    def elapsed() -> int:
        return round((time.monotonic() - started) * 1000)

    try:
        with flight.request(partial(_accept, lab, attempt_id)) as accepted:
            result = provider.generate(job.request, accepted=accepted)
    except ProviderUnavailable as error:
        _wait_or_give_up(lab, attempt, error, last=last, duration_ms=elapsed())
    except ProviderError as error:
        outcomes.end(lab, attempt_id, error, duration_ms=elapsed())
    except Withdrawn as withdrawn:
        outcomes.withdraw(lab, attempt_id, withdrawn.error, duration_ms=elapsed())
    except BaseException as error:
        kind = "interrupted" if isinstance(error, KeyboardInterrupt) else type(error).__name__
        unknown = OutcomeUnknown("Interrupted while the request was out.", kind=kind[:50])
        outcomes.end(lab, attempt_id, unknown, duration_ms=elapsed())
        raise
    else:
        receive(lab, attempt, priced(provider, job.request.model, result), duration_ms=elapsed())


def _wait_or_give_up(lab: Lab, attempt: Attempt, error: ProviderUnavailable, *, last: bool, duration_ms: int) -> None:
    """Record that the provider has no time now; raises Postponed where the request is to be sent again."""
    seconds = _wait_before_next(error, attempt.number)
    if last or seconds > LONGEST_WAIT_SECONDS:
        outcomes.end(lab, attempt.id or 0, _given_up(error, seconds, attempt.number), duration_ms=duration_ms)
        return
    outcomes.postpone(lab, attempt.id or 0, error, seconds=seconds, duration_ms=duration_ms)
    raise Postponed(seconds) from error


def _claim(lab: Lab, job: _Job) -> Attempt | None:
    """Set the price aside and move the row from planned to sending; None if somebody else was first."""
    with lab.database.transaction() as session:
        if not generations.claim(session, job.generation_id):
            return None
        if not batches.reserve(session, job.batch_id, usd=job.max_price_usd, images=job.request.count):
            raise LimitReached(
                f"The cost limit of batch {job.batch_id} leaves no room for another image "
                f"of up to ${job.max_price_usd:.4f}.",
                hint="What is left stays planned: `promptlab generation retry ID --max-cost USD` goes on with more.",
            )
        return attempts.add(
            session,
            lab.project_id,
            job.generation_id,
            batch_id=job.batch_id,
            owner=lab.owner.id,
            lease_until=lab.owner.lease_until(),
            reserved_usd=job.max_price_usd,
            reserved_images=job.request.count,
        )


def _load(lab: Lab, provider: ImageProvider, generation_id: int) -> _Job | None:
    """Return what is needed to send the generation, None where somebody has deleted it."""
    with lab.database.reading() as session:
        found = generations.by_ids(session, [generation_id])
        if not found:
            return None
        [generation] = found
        version = session.get_one(PromptVersion, generation.prompt_version_id)
        images = generations.inputs(session, [generation_id])
    request = _request(lab, generation, version, images)
    sendable = provider.capabilities(version.model).sendable(request.parameters, inputs=len(request.inputs))
    return _Job(
        generation_id=generation_id,
        batch_id=generation.batch_id,
        request=replace(request, parameters=sendable),
        max_price_usd=generation.max_price_usd or 0.0,
    )


def _request(
    lab: Lab, generation: Generation, version: PromptVersion, images: list[GenerationImageInput]
) -> ImageRequest:
    def read(role: ImageRole) -> list[InputImage]:
        wanted = [image for image in images if image.role is role]
        return [InputImage(data=lab.storage.read(image.url), media_type=image.media_type) for image in wanted]

    masks = read(ImageRole.MASK)
    return ImageRequest(
        model=version.model,
        system_prompt=generation.rendered_system_prompt,
        user_prompt=generation.rendered_user_prompt,
        inputs=tuple(read(ImageRole.INPUT)),
        mask=masks[0] if masks else None,
        count=generation.image_count,
        seed=generation.seed,
        parameters=generation.parameters,
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


def _given_up(error: ProviderUnavailable, seconds: float, number: int) -> ProviderFailed:
    tried = "after 1 attempt" if number == 1 else f"after {number} attempts"
    why = f": it asks to wait {seconds:.0f} s" if seconds > LONGEST_WAIT_SECONDS else f" {tried}"
    failed = ProviderFailed(
        f"{error.message} (given up{why})",
        kind=error.kind,
        http_status=error.http_status,
        request_id=error.request_id,
        details=error.details,
    )
    failed.cost_usd = error.cost_usd
    return failed


def close_batch(lab: Lab, batch_id: int, *, stopped: bool) -> None:
    """Write where the batch stands after a run: stopped by a limit, or done if nothing of it is left."""
    with lab.database.transaction() as session:
        left = batches.unfinished(session, batch_id)
        state = BatchState.DONE if not left else BatchState.STOPPED if stopped else BatchState.PLANNED
        batches.set_state(session, batch_id, state)
