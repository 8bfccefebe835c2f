"""Things made ahead, one after the other in a thread of their own, so that nobody waits for them."""

import threading
from collections.abc import Callable, Hashable, Mapping
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Generic, TypeVar

Made = TypeVar("Made")
Make = Callable[[], Made]


class Ahead(Generic[Made]):
    """Makes what will be wanted next, and forgets what will not. Nothing waits for it at the end of the process."""

    def __init__(self) -> None:
        self._orders: SimpleQueue[tuple[Future[Made], Make[Made]]] = SimpleQueue()
        self._kept: dict[Hashable, Future[Made]] = {}
        threading.Thread(target=self._work, daemon=True, name="promptlab-ahead").start()

    def expect(self, wanted: Mapping[Hashable, Make[Made]]) -> None:
        """Have these made, the first of them first; what is not among them any more is let go."""
        for key in self._kept.keys() - wanted.keys():
            self._kept.pop(key).cancel()
        for key, make in wanted.items():
            if key not in self._kept:
                self._kept[key] = Future()
                self._orders.put((self._kept[key], make))

    def take(self, key: Hashable, make: Make[Made]) -> Made:
        """Return what was made, or make it now; raises what making it raises."""
        found = self._kept.get(key)
        return make() if found is None or found.cancel() else found.result()

    def _work(self) -> None:
        while True:
            found, make = self._orders.get()
            if found.set_running_or_notify_cancel():
                try:
                    found.set_result(make())
                except BaseException as error:  # noqa: BLE001 - whoever takes it meets the error there
                    found.set_exception(error)
