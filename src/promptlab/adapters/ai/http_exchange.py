"""One request on the wire: how far it has come, and the end of its time."""

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from math import inf
from types import TracebackType
from typing import Any, Self

_STARTS = frozenset({"connection.connect_tcp.started", "http11.send_request_headers.started"})


class Exchange:
    """Follows one request through httpx's `trace` extension and cuts its connection when its time is up.

    A read timeout alone would not do: it begins anew with every byte, so that a server which trickles is never late.
    The clock starts with the connection, not in the queue for one: a request must not lose the time it has waited.
    On a connection that an earlier request has left open it starts with the first byte, and only the timeout of each
    read cuts the headers; `adopt` brings the connection for the rest. `watch` hears of every event first.
    """

    def __init__(self, seconds: float, *, watch: Callable[[str, dict[str, Any]], None] | None = None) -> None:
        self._seconds = seconds
        self._watch = watch
        self._stream: Any = None
        self.ends = inf
        """When its time is up, on the monotonic clock, in seconds; infinity before it has begun."""
        self.answered = False
        """Whether the status line and the headers have arrived."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        _DEADLINES.remove(self)

    @property
    def late(self) -> bool:
        """Whether its time is up."""
        return time.monotonic() >= self.ends

    def follow(self, event: str, about: dict[str, Any]) -> None:
        """Take note of an event; what httpx calls as the `trace` extension of the request."""
        if self._watch is not None:
            self._watch(event, about)
        if event in _STARTS and self.ends == inf:
            self.ends = time.monotonic() + self._seconds
            _DEADLINES.add(self)
        elif event == "http11.receive_response_headers.complete":
            self.answered = True
        stream = about.get("return_value")
        if hasattr(stream, "get_extra_info"):  # a new connection, or the encrypted one that takes its place
            self.adopt(stream)

    def adopt(self, stream: Any) -> None:
        """Cut this connection when the time is up."""
        self._stream = stream
        if self.late:
            self.cut()

    def cut(self) -> None:
        """End its connection under whoever is reading from it."""
        connection = self._stream.get_extra_info("socket") if self._stream is not None else None
        if connection is None:
            return
        with suppress(OSError):  # which is raised where it is closed in the same moment
            # Not the method of SSLSocket, which would take the encryption away under the thread that is reading.
            socket.socket.shutdown(connection, socket.SHUT_RDWR)


class _Deadlines:
    """Cuts every exchange of this process that is late, in one thread: to start one for each request costs more."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._in_flight: set[Exchange] = set()
        self._wakes = inf
        self._thread: threading.Thread | None = None

    def add(self, exchange: Exchange) -> None:
        with self._changed:
            self._in_flight.add(exchange)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="promptlab-deadlines", daemon=True)
                self._thread.start()
            elif exchange.ends < self._wakes:
                self._changed.notify()

    def remove(self, exchange: Exchange) -> None:
        with self._changed:
            self._in_flight.discard(exchange)

    def _run(self) -> None:
        with self._changed:
            while True:
                late = {exchange for exchange in self._in_flight if exchange.late}
                self._in_flight -= late
                for exchange in late:
                    exchange.cut()
                self._wakes = min((exchange.ends for exchange in self._in_flight), default=inf)
                self._changed.wait(None if self._wakes == inf else max(0.0, self._wakes - time.monotonic()))


_DEADLINES = _Deadlines()
