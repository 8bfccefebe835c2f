"""A wire to a server that a test can cut and mend: a TCP proxy on loopback."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_PIECE = 65536


class Wire:
    """Carries bytes both ways until it is cut; then connections are reset and new ones end at once."""

    def __init__(self, host: str, port: int) -> None:
        self._target = host, port
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        self._whole = threading.Event()
        self._whole.set()
        self._flowing = threading.Event()
        self._flowing.set()
        self._ends: set[socket.socket] = set()
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """End every connection, and each new one, until `mend`."""
        self._whole.clear()
        self._end_all()

    def freeze(self) -> None:
        """Let nothing through until `mend`; connections stay, as with a server that has been stopped."""
        self._flowing.clear()

    def mend(self) -> None:
        """Carry bytes again."""
        self._whole.set()
        self._flowing.set()

    def close(self) -> None:
        """End everything for good."""
        self.cut()
        self._flowing.set()
        self._listener.close()

    def _end_all(self) -> None:
        with self._lock:
            for end in self._ends:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _address = self._listener.accept()
                self._flowing.wait()
                threading.Thread(target=self._connect, args=(near,), daemon=True).start()

    def _connect(self, near: socket.socket) -> None:
        with near, suppress(OSError):
            if not self._whole.is_set():
                return
            with socket.create_connection(self._target) as far:
                with self._lock:
                    self._ends |= {near, far}
                back = threading.Thread(target=self._carry, args=(far, near), daemon=True)
                back.start()
                self._carry(near, far)
                back.join()
                with self._lock:
                    self._ends -= {near, far}

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while piece := source.recv(_PIECE):
                self._flowing.wait()
                target.sendall(piece)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@contextmanager
def wired(host: str, port: int) -> Iterator[Wire]:
    """Lead to a server by a wire until the block ends."""
    wire = Wire(host, port)
    try:
        yield wire
    finally:
        wire.close()
