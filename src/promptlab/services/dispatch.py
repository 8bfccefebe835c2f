"""Taking many generations to their outcomes: for each provider so many at a time, until something says stop."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue

from promptlab.db.states import GenerationState
from promptlab.errors import NotConfigured, PromptlabError, Unreachable
from promptlab.services.flight import FINISHING, Flight, flight_of
from promptlab.services.generation import NoRoom, ProviderAway, run
from promptlab.services.lab import Lab
from promptlab.services.outcomes import Ended

MOST_KEPT_AT_ONCE = 16
"""Answers that are checked, stored and recorded while other requests are in flight; more would only fill memory."""

_HEARD_WITHIN_SECONDS = 0.5

_SAME_FOR_ALL = frozenset({"auth", "quota", "connection"})
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
    """What one provider has to do; `items` may be read as they are needed."""

    flight: Flight
    take: Callable[[Item, Callable[[], None]], Ended | None]
    """Takes a generation to its outcome; calls what it is given once its answer is here and only to be kept."""
    items: Iterable[Item]
    concurrency: int
    """How many requests may be in flight."""
    batch_id: int | None = None
    """The batch that all items are of, where they are of one: its limits stop all of them."""


def work_of(
    lab: Lab,
    provider_name: str,
    items: Iterable[Item],
    *,
    batch_id: int | None = None,
    max_retries: int | None = None,
    in_spite: bool = False,
) -> Work:
    """Return what a provider has to do.

    `max_retries` is how often what bought nothing is sent again; None: as the provider's settings say. `in_spite` of
    what keeps a batch from being sent is sent what somebody asks for by itself.
    """
    flight, limits = flight_of(lab, provider_name), lab.providers.limits(provider_name)
    max_attempts = limits.attempts_with(max_retries)

    def take(item: Item, answered: Callable[[], None]) -> Ended | None:
        return run(
            *(lab, flight, item.generation_id),
            max_attempts=max_attempts,
            batch_id=item.batch_id,
            in_spite=in_spite,
            answered=answered,
        )

    return Work(flight=flight, take=take, items=items, concurrency=limits.concurrency, batch_id=batch_id)


def dispatch(works: Sequence[Work], progress: Progress, *, fail_fast: bool = False, cancels: bool = True) -> None:
    """Take planned generations to their outcomes, for each provider with `concurrency` requests in flight.

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


def closes_provider(name: str, ended: Ended) -> PromptlabError | None:
    """Return why nothing more is to be sent to a provider after this end, None where others may do better."""
    if ended.error is None or ended.state is not GenerationState.FAILED or ended.error.kind not in _SAME_FOR_ALL:
        return None
    kind = Unreachable if ended.error.kind == "connection" else NotConfigured
    hint = f"What is left stays planned. Look with: promptlab provider check {name}"
    return kind(ended.error.message, hint=hint)


class _Lane:
    """The threads of one provider. `error` is why it sends nothing more."""

    def __init__(self, work: Work) -> None:
        self.work = work
        self.pool = ThreadPoolExecutor(work.concurrency + MOST_KEPT_AT_ONCE)
        self.in_flight = 0
        self.keeping = 0
        """How many have their answer, which is being kept."""
        self.error: PromptlabError | None = None
        self.held = 0
        """How many of its items wait for room in the limits of their batch."""
        self._items = iter(work.items)

    @property
    def is_busy(self) -> bool:
        return self.in_flight + self.keeping > 0

    @property
    def has_room(self) -> bool:
        allowed = min(self.work.concurrency, self.work.flight.pace.allowed)
        return self.error is None and self.in_flight < allowed and self.keeping < MOST_KEPT_AT_ONCE

    @property
    def has_left(self) -> bool:
        """Say whether `error` has kept anything from being sent; takes one more item to find out."""
        return isinstance(self.error, ProviderAway) or self.held > 0 or self.next() is not None

    def next(self) -> Item | None:
        """Return what is to be taken next, None at the end."""
        return next(self._items, None)

    def stop(self) -> None:
        """Send nothing more; what is in flight goes on."""
        self.work.flight.stopping.set()
        self.pool.shutdown(wait=False, cancel_futures=True)


@dataclass
class _Tried:
    """An item and its lane; `after` is how many had ended when it was tried."""

    lane: _Lane
    item: Item
    after: int
    answered: bool = False


class _Dispatch:
    """One run. What the limit of its batch leaves no room for is held back until something has ended since.

    What is set aside for a request in flight is its highest price; what it really costs is most often far less.
    """

    def __init__(self, lanes: Sequence[_Lane], progress: Progress, *, fail_fast: bool) -> None:
        self._lanes = lanes
        self._progress = progress
        self._fail_fast = fail_fast
        self._news: SimpleQueue[tuple[_Tried, Future[Ended | None] | None]] = SimpleQueue()
        """What has ended, and without a future what was answered."""
        self._count = 0
        self._held: dict[int, list[_Tried]] = defaultdict(list)
        self._limit: NoRoom | None = None

    def run(self) -> None:
        """Go on until nothing is left that may be sent; raises what `dispatch` raises."""
        while True:
            for lane in self._lanes:
                self._fill(lane)
            if not any(lane.is_busy for lane in self._lanes) and not self._try_held():
                break
            tried, ended = self._next_news()
            self._note_answer(tried) if ended is None else self._note_end(tried, ended)
        errors = [lane.error for lane in self._lanes if lane.error and lane.has_left]
        if error := (errors[0] if errors else self._limit if any(self._held.values()) else None):
            raise error

    def _next_news(self) -> "tuple[_Tried, Future[Ended | None] | None]":
        """Wait for news. Not in one go: a Ctrl-C just before the waiting begins is heard only when it ends."""
        while True:
            with suppress(Empty):
                return self._news.get(timeout=_HEARD_WITHIN_SECONDS)

    def _fill(self, lane: _Lane) -> None:
        while lane.has_room and not (lane.work.batch_id and self._held[lane.work.batch_id]):
            item = lane.next()
            if item is None:
                return
            if self._held[item.batch_id]:
                self._hold(_Tried(lane, item, after=-1))
            else:
                self._start(lane, item)

    def _hold(self, tried: _Tried) -> None:
        self._held[tried.item.batch_id].append(tried)
        tried.lane.held += 1

    def _start(self, lane: _Lane, item: Item) -> None:
        lane.in_flight += 1
        tried = _Tried(lane, item, after=self._count)
        future = lane.pool.submit(lane.work.take, item, lambda: self._news.put((tried, None)))
        future.add_done_callback(lambda done: self._news.put((tried, done)))

    def _try_held(self) -> bool:
        """Start some that were held back, for each batch where something has ended since; say whether there were any.

        Two for one that has ended: so that as many as may be are in flight again soon, should there be room.
        """
        started = False
        for held in self._held.values():
            for _time in range(2):
                found = next((each for each in held if each.lane.has_room and each.after < self._count), None)
                if found is None:
                    break
                held.remove(found)
                found.lane.held -= 1
                self._start(found.lane, found.item)
                started = True
        return started

    def _note_answer(self, tried: _Tried) -> None:
        """Take note that another request may be sent, though this one has not ended."""
        tried.answered = True
        tried.lane.in_flight -= 1
        tried.lane.keeping += 1

    def _note_end(self, tried: _Tried, future: "Future[Ended | None]") -> None:
        """Take note of how one ended; raises what ends all."""
        lane, item = tried.lane, tried.item
        if tried.answered:
            lane.keeping -= 1
        else:
            lane.in_flight -= 1
        try:
            ended = future.result()
        except NoRoom as error:
            self._hold(tried)
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
        lane.error = lane.error or closes_provider(lane.work.flight.provider.name, ended)
        if self._fail_fast and ended.state in {GenerationState.FAILED, GenerationState.UNKNOWN}:
            raise FailedFast


def _parting_words(lanes: Sequence[_Lane], *, cancels: bool) -> str:
    """Return what a person is told who stops the run."""
    words = [lane.work.flight.parting_words for lane in lanes if lane.is_busy and cancels]
    return next((text for text in words if text != FINISHING), FINISHING)
