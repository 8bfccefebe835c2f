"""What one run has in flight at its provider, and how it is stopped."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

from promptlab.adapters.ai.protocol import CANCELLED, ImageProvider, ProviderError, ProviderFailed
from promptlab.adapters.ai.registry import provider_spec
from promptlab.services.lab import Lab
from promptlab.services.pace import Pace

FINISHING = "Finishing what is in flight; Ctrl-C again stops at once."

_CANCELS_AT_ONCE = 16


class Withdrawn(Exception):
    """A job ended without images because this run had it cancelled; `error` is how it ended."""

    def __init__(self, error: ProviderFailed) -> None:
        super().__init__(error.message)
        self.error = error


def flight_of(lab: Lab, provider_name: str, *, stopping: threading.Event | None = None) -> "Flight":
    """Return the flight of a run that is about to begin, at the pace that the provider's settings name."""
    pace = Pace(lab.database, lab.project_id, provider_name, limits=lab.providers.limits(provider_name))
    return Flight(lab.providers.open(provider_name), pace, stopping=stopping)


class Flight:
    """The requests that a provider works on for this run, at its pace.

    `stopping`: nothing more is to be sent. Several flights may share one; without any, it is the flight's own.
    """

    def __init__(self, provider: ImageProvider, pace: Pace, *, stopping: threading.Event | None = None) -> None:
        self.provider = provider
        self.pace = pace
        self.stopping = threading.Event() if stopping is None else stopping
        self._turn = threading.Lock()
        self._requests = 0
        self._handles: set[str] = set()
        self._withdrawn: set[str] = set()
        self._cancelled = False
        self._lock = threading.Lock()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Let one thread at a time pass where the pace makes them wait: they need not all ask whether it is time."""
        if not (self.pace.limited or self.pace.wait()):
            yield
            return
        with self._turn:
            yield

    @contextmanager
    def request(self, accepted: Callable[[str], None]) -> Iterator[Callable[[str], None]]:
        """Yield what a provider is to call with the handle of its job, which is forgotten at the end of the block.

        Raises:
            Withdrawn: `cancel` has ended the job. One that somebody else has cancelled is a ProviderFailed as ever.
        """
        handles: set[str] = set()

        def note(handle: str) -> None:
            accepted(handle)
            with self._lock:
                handles.add(handle)
                self._handles.add(handle)
                too_late = self._cancelled
            if too_late:
                self._cancel(handle)

        with self._lock:
            self._requests += 1
        try:
            yield note
        except ProviderFailed as error:
            if error.kind == CANCELLED and handles & self._withdrawn:
                raise Withdrawn(error) from error
            raise
        finally:
            with self._lock:
                self._requests -= 1
                self._handles -= handles

    @property
    def parting_words(self) -> str:
        """What a person is told who stops the run: what `cancel` is about to do."""
        count, name = self._requests, self.provider.name
        if not count or not provider_spec(name).cancels:
            return FINISHING
        jobs = "1 job" if count == 1 else f"{count} jobs"
        return f"Cancelling {jobs} at {name}; what is made already is kept. Ctrl-C again stops at once."

    def cancel(self) -> None:
        """Ask the provider to stop every job, also those that it accepts from now on, where it can do that."""
        if not provider_spec(self.provider.name).cancels:
            return
        with self._lock:
            self._cancelled = True
            handles = list(self._handles)
        pool = ThreadPoolExecutor(_CANCELS_AT_ONCE)
        try:
            list(pool.map(self._cancel, handles))
        finally:
            pool.shutdown(wait=False)  # after a second Ctrl-C nobody waits

    def _cancel(self, handle: str) -> None:
        with self._lock:
            self._withdrawn.add(handle)  # first: whoever waits for the job may hear of its end before we do
        with suppress(ProviderError):  # whoever waits for the job goes on waiting
            self.provider.cancel(handle)
