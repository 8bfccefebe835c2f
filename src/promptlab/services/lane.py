"""A provider as a worker has it: what is in flight there, how many at once, and how long it is left alone."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from promptlab.errors import PromptlabError
from promptlab.services.flight import Flight, flight_of
from promptlab.services.lab import Lab
from promptlab.settings import ProviderSettings

_FIRST_REST_SECONDS, _LONGEST_REST_SECONDS = 1.0, 30.0
_SLICE_SECONDS = 0.5
"""How long one waits for a place without looking whether everything is to stop."""


class Lane:
    """What a worker sends to one provider. `closed_by` is why it sends nothing more there.

    All its flights share its `stopping`, also those of desks that were left while somebody still used them.
    """

    def __init__(self, name: str, limits: ProviderSettings) -> None:
        self.name = name
        self.limits = limits
        self.closed_by: PromptlabError | None = None
        self.on_close: Callable[[], None] = lambda: None
        self.stopping = threading.Event()
        self._flights: dict[int, tuple[Lab, Flight]] = {}
        self._running = 0
        self._lock = threading.Lock()
        self._has_place = threading.Condition(self._lock)
        self._rests_until, self._next_rest = 0.0, _FIRST_REST_SECONDS

    def is_ready(self) -> bool:
        """Wait as long as the provider is left alone; return False where nothing more is to be sent there."""
        while not self.stopping.is_set():
            left = self._rests_until - time.monotonic()
            if left <= 0 or self.stopping.wait(left):
                break
        return not self.stopping.is_set()

    @contextmanager
    def place(self, lab: Lab) -> Iterator[Flight]:
        """Yield the flight at a lab once there is a place in it: the provider's pace may allow fewer than we could."""
        flight = self._flight(lab)
        with self._has_place:
            while self._running >= flight.pace.allowed and not self.stopping.is_set():
                self._has_place.wait(_SLICE_SECONDS)
            self._running += 1
        try:
            yield flight
        finally:
            with self._has_place:
                self._running -= 1
                self._has_place.notify()

    def rest(self, seconds: float | None = None) -> None:
        """Send nothing for a while: `seconds`, or longer each time that something goes wrong again."""
        with self._lock:
            time_now = time.monotonic()
            if self._rests_until > time_now:  # of several that fail at once one counts
                return
            self._rests_until = time_now + (self._next_rest if seconds is None else seconds)
            self._next_rest = min(_LONGEST_REST_SECONDS, 2 * self._next_rest)

    def went_well(self) -> None:
        """Take note that a request went through."""
        self._next_rest = _FIRST_REST_SECONDS

    def close(self, error: PromptlabError | None = None) -> None:
        """Send nothing more; what is in flight goes on."""
        self.stopping.set()
        with self._lock:
            self.closed_by = self.closed_by or error
        if error is not None:
            self.on_close()

    def _flight(self, lab: Lab) -> Flight:
        with self._lock:
            known, flight = self._flights.get(lab.project_id, (None, None))
            if flight is None or known is not lab:
                flight = flight_of(lab, self.name, stopping=self.stopping)
                self._flights[lab.project_id] = lab, flight
            return flight
