"""What one run has in flight at its provider, and how it is stopped."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

from promptlab.adapters.ai.protocol import ImageProvider, ProviderError

_CANCELS_AT_ONCE = 16


class Flight:
    """The jobs that a provider works on for this run. `stopping` says that nothing more is to be sent."""

    def __init__(self, provider: ImageProvider) -> None:
        self.provider = provider
        self.stopping = threading.Event()
        self._handles: set[str] = set()
        self._cancelled = False
        self._lock = threading.Lock()

    @contextmanager
    def request(self, accepted: Callable[[str], None]) -> Iterator[Callable[[str], None]]:
        """Yield what a provider is to call with the handle of its job, which is forgotten at the end of the block."""
        handles: set[str] = set()

        def note(handle: str) -> None:
            accepted(handle)
            with self._lock:
                handles.add(handle)
                self._handles.add(handle)
                too_late = self._cancelled
            if too_late:
                self._cancel(handle)

        try:
            yield note
        finally:
            with self._lock:
                self._handles -= handles

    def cancel(self) -> None:
        """Ask the provider to stop every job, also those that it accepts from now on."""
        with self._lock:
            self._cancelled = True
            handles = list(self._handles)
        with ThreadPoolExecutor(_CANCELS_AT_ONCE) as pool:
            list(pool.map(self._cancel, handles))

    def _cancel(self, handle: str) -> None:
        with suppress(ProviderError):  # whoever waits for the job goes on waiting
            self.provider.cancel(handle)
