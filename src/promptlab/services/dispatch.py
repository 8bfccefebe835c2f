"""Taking many generations to their outcomes: for each provider so many at a time, until something says stop."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from queue import SimpleQueue

from promptlab.db import batches
from promptlab.db.states import BatchState, GenerationState
from promptlab.errors import NotConfigured, PromptlabError, Unreachable
from promptlab.services.flight import FINISHING, Flight, flight_of
from promptlab.services.generation import NoRoom, ProviderAway, run
from promptlab.services.lab import Lab
from promptlab.services.outcomes import Ended

SAME_FOR_ALL = frozenset({"auth", "quota", "connection"})
"""Kinds of errors that every other request to the provider would end in as well."""


class FailedFast(Exception):
    """A generation failed, and the first failure was to stop everything."""


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Who wants to know: `finished(id)` after each generation, `stopping(sentence)` what Ctrl-C does first."""

    finished: Callable[[int], None]
    stopping: Callable[[str], None]


@dataclass(frozen=True)
class Item:
    """A planned generation, and the batch whose limits it is bought under."""

    generation_id: int
    batch_id: int


@dataclass(frozen=True, kw_only=True)
class Work:
    """What one provider has to do: `take` takes a generation to its outcome; `items` may be read as they are needed."""

    flight: Flight
    take: Callable[[int], Ended | None]
    items: Iterable[Item]
    concurrency: int


def work_of(
    lab: Lab,
    provider_name: str,
    items: Iterable[Item],
    *,
    max_retries: int | None = None,
) -> Work:
    """Return what a provider has to do.

    `max_retries` is how often what bought nothing is sent again; None: as the provider's settings say.
    """
    flight, limits = flight_of(lab, provider_name), lab.providers.limits(provider_name)
    max_attempts = limits.attempts if max_retries is None else max_retries + 1
    return Work(
        flight=flight,
        take=partial(run, lab, flight, max_attempts=max_attempts),
        items=items,
        concurrency=limits.concurrency,
    )


def dispatch(works: Sequence[Work], progress: Progress, *, fail_fast: bool = False, cancels: bool = True) -> None:
    """Take planned generations to their outcomes, for each provider `concurrency` at a time.

    On Ctrl-C nothing more is sent, with `cancels` jobs are cancelled where their service can do that, what is in
    flight is awaited, and KeyboardInterrupt is raised; Ctrl-C once more ends the waiting. The errors below leave the
    rest planned as well, and cancel nothing. The caller is `at_work` on them.

    Raises:
        LimitReached: the money, images or time of a batch are used up; what other batches have was done.
        Interrupted: the batch was paused or cancelled.
        NotConfigured: a provider refuses the key, or its quota is used up; what other providers have was done.
        Unreachable: a provider is away or cannot be reached, likewise; or database, storage or spool.
        FailedFast: a generation failed or is unknown, with `fail_fast`.
    """
    lanes = [_Lane(work) for work in works]
    try:
        _Dispatch(lanes, progress, fail_fast=fail_fast).run()
    except BaseException as error:
        for lane in lanes:
            lane.stop()
        if isinstance(error, KeyboardInterrupt):
            progress.stopping(_parting_words(lanes, cancels=cancels))
            for lane in lanes if cancels else ():
                lane.work.flight.cancel()
        for lane in lanes:
            lane.pool.shutdown()  # waits for what is in flight
        raise
    for lane in lanes:
        lane.pool.shutdown()


class _Lane:
    """The threads of one provider. `error` is why it sends nothing more."""

    def __init__(self, work: Work) -> None:
        self.work = work
        self.pool = ThreadPoolExecutor(work.concurrency)
        self.running = 0
        self.error: PromptlabError | None = None
        self._items = iter(work.items)

    @property
    def has_room(self) -> bool:
        return self.error is None and self.running < min(self.work.concurrency, self.work.flight.pace.allowed)

    @property
    def has_left(self) -> bool:
        """Say whether `error` has kept anything from being sent; takes one more item to find out."""
        return isinstance(self.error, ProviderAway) or self.next() is not None

    def next(self) -> Item | None:
        """Return what is to be taken next, None at the end."""
        return next(self._items, None)

    def stop(self) -> None:
        """Send nothing more; what is in flight goes on."""
        self.work.flight.stopping.set()
        self.pool.shutdown(wait=False, cancel_futures=True)


@dataclass(frozen=True)
class _Held:
    """What a limit leaves no room for just now: `after` is how many had ended when it was last tried."""

    lane: _Lane
    item: Item
    after: int


class _Dispatch:
    """One run. What the limit of its batch leaves no room for is held back until something has ended since.

    What is set aside for a request in flight is its highest price; what it really costs is most often far less.
    """

    def __init__(self, lanes: Sequence[_Lane], progress: Progress, *, fail_fast: bool) -> None:
        self._lanes = lanes
        self._progress = progress
        self._fail_fast = fail_fast
        self._ended: SimpleQueue[tuple[_Held, Future[Ended | None]]] = SimpleQueue()
        self._count = 0
        self._held: dict[int, list[_Held]] = defaultdict(list)
        self._limit: NoRoom | None = None

    def run(self) -> None:
        """Go on until nothing is left that may be sent; raises what `dispatch` raises."""
        while True:
            for lane in self._lanes:
                self._fill(lane)
            if not any(lane.running for lane in self._lanes) and not self._try_held():
                break
            self._note(*self._ended.get())
        errors = [lane.error for lane in self._lanes if lane.error and lane.has_left]
        if error := (errors[0] if errors else self._limit if any(self._held.values()) else None):
            raise error

    def _fill(self, lane: _Lane) -> None:
        while lane.has_room and (item := lane.next()) is not None:
            if self._held[item.batch_id]:
                self._held[item.batch_id].append(_Held(lane, item, after=-1))
            else:
                self._start(lane, item)

    def _start(self, lane: _Lane, item: Item) -> None:
        lane.running += 1
        tried = _Held(lane, item, after=self._count)
        future = lane.pool.submit(lane.work.take, item.generation_id)
        future.add_done_callback(lambda done: self._ended.put((tried, done)))

    def _try_held(self) -> bool:
        """Start one that was held back, for each batch where something has ended since; say whether there was any."""
        started = False
        for held in self._held.values():
            found = next((each for each in held if each.lane.has_room and each.after < self._count), None)
            if found is not None:
                held.remove(found)
                self._start(found.lane, found.item)
                started = True
        return started

    def _note(self, tried: _Held, future: "Future[Ended | None]") -> None:
        """Take note of how one ended; raises what ends all."""
        lane, item = tried.lane, tried.item
        lane.running -= 1
        try:
            ended = future.result()
        except NoRoom as error:
            self._held[item.batch_id].append(tried)
            self._limit = error
            return
        except ProviderAway as error:
            lane.error = lane.error or error
            return
        self._count += 1
        self._progress.finished(item.generation_id)
        if ended is not None:
            self._judge(lane, ended)
        self._try_held()

    def _judge(self, lane: _Lane, ended: Ended) -> None:
        """Draw conclusions for others from how one has ended."""
        if ended.error is None:
            return
        if ended.error.kind in SAME_FOR_ALL and ended.state is GenerationState.FAILED:
            kind = Unreachable if ended.error.kind == "connection" else NotConfigured
            name = lane.work.flight.provider.name
            hint = f"What is left stays planned. Look with: promptlab provider check {name}"
            lane.error = lane.error or kind(ended.error.message, hint=hint)
        if self._fail_fast and ended.state in {GenerationState.FAILED, GenerationState.UNKNOWN}:
            raise FailedFast


def _parting_words(lanes: Sequence[_Lane], *, cancels: bool) -> str:
    """Return what a person is told who stops the run."""
    words = [lane.work.flight.parting_words for lane in lanes if lane.running and cancels]
    return next((text for text in words if text != FINISHING), FINISHING)


def close_batch(lab: Lab, batch_id: int, *, stopped: bool) -> None:
    """Write where a batch stands after a run: stopped by a limit, or done if nothing of it is left."""
    with lab.database.transaction() as session:
        batches.close(session, batch_id, BatchState.STOPPED if stopped else BatchState.PLANNED)
