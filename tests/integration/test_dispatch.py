"""Many generations at once: what a limit leaves no room for, and what is done about the rest."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from promptlab.adapters.ai.registry import open_provider
from promptlab.db.engine import Database
from promptlab.db.states import GenerationState
from promptlab.services.dispatch import MOST_KEPT_AT_ONCE, Item, Progress, Work, dispatch
from promptlab.services.flight import Flight
from promptlab.services.generation import NoRoom
from promptlab.services.outcomes import Ended
from promptlab.services.pace import Pace
from promptlab.settings import ProviderSettings, load

CONCURRENCY = 8
DONE = Ended(state=GenerationState.SUCCEEDED)
QUIET = Progress(finished=lambda _id: None, stopping=lambda _sentence: None)

MakeWork = Callable[[Callable[[Item], Ended | None], Iterator[Item]], Work]


@pytest.fixture
def make_work(database: Database) -> MakeWork:
    def make(take: Callable[[Item], Ended | None], items: Iterator[Item]) -> Work:
        limits = ProviderSettings(concurrency=CONCURRENCY)
        flight = Flight(open_provider("sketch", load()), Pace(database, 1, "sketch", limits=limits))

        def once_answered(item: Item, answered: Callable[[], None]) -> Ended | None:
            ended = take(item)
            answered()
            return ended

        return Work(flight=flight, take=once_answered, items=items, concurrency=CONCURRENCY, batch_id=1)

    return make


class Budget:
    """Room for so many; each takes up `held` while it is in flight and 1 when it has ended."""

    def __init__(self, room: int, *, held: int) -> None:
        self.left, self.held = room, held
        self.tries = self.ended = self.most = self.running = 0
        self.lock = threading.Lock()

    def take(self, _item: Item) -> Ended:
        with self.lock:
            self.tries += 1
            if self.left < self.held:
                raise NoRoom("There is no room.")
            self.left -= self.held
            self.running += 1
            self.most = max(self.most, self.running)
        threading.Event().wait(0.002)
        with self.lock:
            self.left += self.held - 1
            self.running -= 1
            self.ended += 1
        return DONE


def test_a_limit_that_is_reached_is_not_tried_with_everything_that_is_left(make_work: MakeWork) -> None:
    """Nor is what is left read: it may be long."""
    budget, read = Budget(10, held=1), []

    def items() -> Iterator[Item]:
        for number in range(1, 5001):
            read.append(number)
            yield Item(number, 1)

    with pytest.raises(NoRoom):
        dispatch([make_work(budget.take, items())], QUIET)
    assert budget.ended == 10
    assert budget.tries < 10 + 8 * CONCURRENCY
    assert len(read) < 10 + 4 * CONCURRENCY


def test_what_had_no_room_is_tried_again_until_all_that_fits_is_made(make_work: MakeWork) -> None:
    """What is set aside for a request in flight is more than it costs."""
    budget = Budget(40, held=10)
    with pytest.raises(NoRoom):
        dispatch([make_work(budget.take, iter([Item(number, 1) for number in range(1, 200)]))], QUIET)
    assert budget.ended == 31  # the last leaves 9, one too few for another


def test_as_many_are_in_flight_again_once_there_is_room(make_work: MakeWork) -> None:
    budget = Budget(1000, held=1)
    lack = iter([True] * (CONCURRENCY - 1))

    def take(item: Item) -> Ended:
        if next(lack, False):
            raise NoRoom("There is no room just now.")
        return budget.take(item)

    dispatch([make_work(take, iter([Item(number, 1) for number in range(1, 101)]))], QUIET)
    assert budget.ended == 100
    assert budget.most > CONCURRENCY // 2


def test_requests_go_out_while_earlier_answers_are_kept(make_work: MakeWork) -> None:
    """As many requests are in flight as may be, and no more answers are kept at once than memory is meant for."""
    lock, counts, most = threading.Lock(), {"asked": 0, "kept": 0}, {"asked": 0, "kept": 0}

    def count(what: str, change: int) -> None:
        with lock:
            counts[what] += change
            most[what] = max(most[what], counts[what])

    def take(_item: Item, answered: Callable[[], None]) -> Ended:
        count("asked", 1)
        threading.Event().wait(0.002)
        count("asked", -1)
        count("kept", 1)
        answered()
        threading.Event().wait(0.05)
        count("kept", -1)
        return DONE

    work = replace(make_work(lambda _item: DONE, iter([Item(number, 1) for number in range(1, 201)])), take=take)
    dispatch([work], QUIET)
    assert most["asked"] <= CONCURRENCY
    assert CONCURRENCY < most["kept"] <= MOST_KEPT_AT_ONCE + CONCURRENCY
