"""One request on the wire: how far it has come, and the end of its time."""

import socket
import threading
import time
from contextlib import suppress
from types import TracebackType
from typing import Any, Self


class Exchange:
    """Follows one request through httpx's `trace` extension and cuts its connection when its time is up.

    A read timeout alone would not do: it begins anew with every byte, so that a server which trickles is never late.
    The clock starts with the connection, not in the queue for one: a request must not lose the time it has waited.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._timer: threading.Timer | None = None
        self._stream: Any = None
        self._ends = float("inf")
        self.answered = False
        """Whether the status line and the headers have arrived."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()

    @property
    def late(self) -> bool:
        """Whether its time is up."""
        return time.monotonic() >= self._ends

    def follow(self, event: str, about: dict[str, Any]) -> None:
        """Take note of an event; what httpx calls as the `trace` extension of the request."""
        if event == "connection.connect_tcp.started" and self._timer is None:
            self._ends = time.monotonic() + self._seconds
            self._timer = threading.Timer(self._seconds, self._cut)
            self._timer.daemon = True
            self._timer.start()
        elif event == "http11.receive_response_headers.complete":
            self.answered = True
        stream = about.get("return_value")
        if hasattr(stream, "get_extra_info"):  # a new connection, or the encrypted one that takes its place
            self._stream = stream
            if self.late:
                self._cut()

    def _cut(self) -> None:
        connection = self._stream.get_extra_info("socket") if self._stream is not None else None
        if connection is None:
            return
        with suppress(OSError):  # which is raised where it is closed in the same moment
            # Not the method of SSLSocket, which would take the encryption away under the thread that is reading.
            socket.socket.shutdown(connection, socket.SHUT_RDWR)
