"""A service on loopback, for tests and for walks by hand: it answers in its vendor's words and misbehaves as told.

A vendor's module subclasses `LoopbackService`; `main` serves one until Ctrl-C.
"""

import argparse
import hashlib
import json
import os
import socket
import ssl
import struct
import sys
import threading
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from typing import Any, ClassVar, TypeVar

from PIL import Image, ImageDraw
from tests.openai_behaviour import Behaviour
from tests.openai_requests import Request, read

_NORMAL = Behaviour()


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What a service answers; a body that is no bytes goes out as JSON."""

    body: object = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def encoded(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


class Rejected(Exception):
    """The service does not take the request; `reply` is what it says."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


class LoopbackService:
    """One vendor's service: what it was asked, and what it is to do with the next requests of each kind.

    A vendor says of what kind a request is (`images`, the one that buys; `look`, `cancel`, `check`, `file`), and what
    it answers. It is as strict as the vendor: what that rejects is `Rejected`.
    """

    name: ClassVar[str]
    root: ClassVar[str] = ""
    """What the base URL ends in."""

    def __init__(self, base_url: str, elsewhere_url: str) -> None:
        self.base_url = base_url + self.root
        self.elsewhere_url = elsewhere_url
        self.requests: list[tuple[str, Request]] = []
        self.stopping = threading.Event()
        self._next: dict[str, deque[Behaviour]] = defaultdict(deque)
        self._always: dict[str, Behaviour] = {}
        self._files: dict[str, bytes] = {}
        self._lock = threading.Lock()

    def kind(self, request: Request) -> str:
        raise NotImplementedError

    def answer(self, kind: str, request: Request, number: int) -> Reply:
        """Answer the request, which is the `number`th of all; raises Rejected."""
        raise NotImplementedError

    def behave(self, *behaviours: Behaviour, at: str = "images") -> None:
        """Set what becomes of the next requests of a kind, one each; after them all is well again."""
        self._next[at].extend(behaviours)

    def behave_always(self, behaviour: Behaviour = _NORMAL, *, at: str = "images") -> None:
        """Set what becomes of every request of a kind for which nothing else is said."""
        self._always[at] = behaviour

    def asked(self, kind: str = "images") -> list[Request]:
        """The requests of a kind that have come."""
        return [request for each, request in self.requests if each == kind]

    def publish(self, image: bytes) -> str:
        """Return the URL, at another port than the service, under which the image can be fetched from now on."""
        with self._lock:
            path = f"/files/{len(self._files)}.png"
            self._files[path] = image
        return self.elsewhere_url + path

    def respond(self, request: Request) -> tuple[Behaviour, Reply]:
        """Take note of the request; return what is to become of it and what is answered."""
        kind = "file" if request.path in self._files else self.kind(request)
        with self._lock:
            self.requests.append((kind, request))
            number = len(self.requests)
            queue = self._next[kind]
            behaviour = queue.popleft() if queue else self._always.get(kind, _NORMAL)
        if behaviour.body is not None or behaviour.raw is not None:
            return behaviour, Reply(body=behaviour.body or b"", status=behaviour.status)
        try:
            file = self._files.get(request.path)
            return behaviour, Reply(body=file) if file is not None else self.answer(kind, request, number)
        except Rejected as error:
            return behaviour, error.reply


class JobService(LoopbackService):
    """A service that takes jobs: each is done after `pending` looks, and ends as told, in images unless told."""

    def __init__(self, base_url: str, elsewhere_url: str) -> None:
        super().__init__(base_url, elsewhere_url)
        self.pending = 0
        self.cancelled: list[str] = []
        """The jobs that were cancelled."""
        self._ends: deque[Reply] = deque()
        self._jobs: dict[str, tuple[Request, Reply | None]] = {}
        self._looks: dict[str, int] = defaultdict(int)

    def end_with(self, *replies: Reply) -> None:
        """Set what looks at the next jobs find at their end, one each; after them they end in images again."""
        self._ends.extend(replies)

    def take_job(self, request: Request) -> str:
        """Return the name of a new job."""
        with self._lock:
            name = f"job-{len(self._jobs) + 1}"
            self._jobs[name] = request, self._ends.popleft() if self._ends else None
        return name

    def look_at(self, name: str) -> tuple[Request, Reply | None] | None:
        """Return what was asked of a job that is done, and what it ends with instead of images; None while it runs.

        Raises KeyError where there is no such job.
        """
        found = self._jobs[name]
        with self._lock:
            self._looks[name] += 1
            return found if self._looks[name] > self.pending else None


class Listener(ThreadingHTTPServer):
    """Its threads are awaited, so nothing outlives a test."""

    daemon_threads = False
    request_queue_size = 128
    service: LoopbackService

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):  # whom we cut off may cut us off too
            super().handle_error(request, client_address)


def received(handler: BaseHTTPRequestHandler) -> Request:
    """Return the request that has come, the last on its connection; raises ConnectionError where half of it came."""
    handler.close_connection = True
    headers = {name.lower(): value for name, value in handler.headers.items()}
    length = int(headers.get("content-length", 0))
    body = handler.rfile.read(length)
    if len(body) < length:
        raise ConnectionError("The client is gone.")
    return read(handler.command, handler.path, headers, body)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Listener

    def _serve(self) -> None:
        request = received(self)
        behaviour, reply = self.server.service.respond(request)
        send(self, behaviour, reply, request, stopping=self.server.service.stopping)

    do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815 - the names that http.server calls

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's own signature
        """Keep the test's output clean."""


def send(
    handler: BaseHTTPRequestHandler, behaviour: Behaviour, reply: Reply, request: Request, *, stopping: threading.Event
) -> None:
    """Send a reply as the behaviour has it: late, slowly, cut off, or not at all."""
    if stopping.wait(behaviour.delay):
        return
    if behaviour.reset:
        # Lingering for no time at all turns the close into a reset.
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(handler.connection.detach())
        return
    key = (request.key or "").encode()
    body = reply.encoded.replace(b"{key}", key)
    head = _head(behaviour, reply, len(body)) if behaviour.raw is None else behaviour.raw
    sent = body[: len(body) - behaviour.missing_bytes]
    _write(handler, behaviour, head.replace(b"{key}", key), sent, stopping=stopping)


def _head(behaviour: Behaviour, reply: Reply, length: int) -> bytes:
    headers = {
        "content-type": "application/json",
        "content-length": str(length),
        "connection": "close",
        **reply.headers,
        **behaviour.headers,
    }
    status = behaviour.status if behaviour.status != _NORMAL.status else reply.status
    lines = [f"HTTP/1.1 {status} Answer", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode()


def _write(
    handler: BaseHTTPRequestHandler, behaviour: Behaviour, head: bytes, body: bytes, *, stopping: threading.Event
) -> None:
    at_once, slowly = (b"", head + body) if behaviour.trickle_headers else (head, body)
    if not behaviour.trickle:
        at_once, slowly = head + body, b""
    with suppress(ConnectionError):
        handler.wfile.write(at_once)
        for position in range(len(slowly)):
            if stopping.wait(behaviour.trickle):
                return
            handler.wfile.write(slowly[position : position + 1])


_Service = TypeVar("_Service", bound=LoopbackService)


@contextmanager
def serving_service(kind: type[_Service], port: int = 0, *, tls: ssl.SSLContext | None = None) -> Iterator[_Service]:
    """Serve until the block ends, the images at a second port; port 0 is any free one."""
    with Listener(("127.0.0.1", port), _Handler) as listener, Listener(("127.0.0.1", 0), _Handler) as elsewhere:
        listeners = (listener, elsewhere)
        scheme = "https" if tls else "http"
        service = kind(*(f"{scheme}://127.0.0.1:{each.server_port}" for each in listeners))
        threads = []
        for each in listeners:
            each.service = service
            each.socket = tls.wrap_socket(each.socket, server_side=True) if tls else each.socket
            threads.append(threading.Thread(target=each.serve_forever, kwargs={"poll_interval": 0.01}))
            threads[-1].start()
        try:
            yield service
        finally:
            service.stopping.set()
            for each in listeners:
                each.shutdown()
            for thread in threads:
                thread.join()


def painted(
    prompt: str, *, size: tuple[int, int], seed: object, inputs: Sequence[bytes] = (), form: str = "PNG"
) -> bytes:
    """Return an image that follows from prompt and seed: stripes, and the inputs before them.

    Raises:
        PIL.UnidentifiedImageError: an input is no image.
    """
    width, height = size
    digest = hashlib.sha256(f"{prompt}\0{seed}".encode()).digest()
    image = Image.new("RGB", size, tuple(digest[:3]))
    pen = ImageDraw.Draw(image)
    for stripe in range(6):
        top = height * digest[3 + stripe] // 256
        pen.rectangle((0, top, width, top + height // 12), fill=tuple(digest[9 + 3 * stripe : 12 + 3 * stripe]))
    for position, data in enumerate(inputs):
        with Image.open(BytesIO(data)) as given:
            image.paste(given.convert("RGB").resize((width // 4, height // 4)), (position * width // 4, height // 3))
    out = BytesIO()
    image.save(out, form, **({"compress_level": 1} if form == "PNG" else {}))
    return out.getvalue()


def json_error(status: int, body: object, **headers: str) -> Behaviour:
    """Return an error with that JSON body; headers are spelled `retry_after="2"`."""
    spelled = {name.replace("_", "-"): value for name, value in headers.items()}
    return Behaviour(status=status, headers=spelled, body=json.dumps(body).encode())


def main(kind: type[LoopbackService]) -> None:
    """Serve until Ctrl-C, and say where."""
    parser = argparse.ArgumentParser(description=f"The service {kind.name} on loopback, for trying things out.")
    parser.add_argument("--port", type=int, default=0, help="any free one unless given")
    given = parser.parse_args()
    with serving_service(kind, given.port) as service, suppress(KeyboardInterrupt):
        sys.stdout.write(f"{service.base_url}\n")
        sys.stdout.flush()
        threading.Event().wait()
