"""OpenAI's Images API on loopback: strict in what it takes, and misbehaving as told.

`python -m tests.openai_server [--port N] [--dialect NAME]` serves until Ctrl-C, for walks by hand: set OPENAI_BASE_URL
to what it prints and OPENAI_API_KEY to any text, or, for `--dialect azure`, AZURE_OPENAI_ENDPOINT and
AZURE_OPENAI_API_KEY.
"""

import argparse
import base64
import json
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

from tests.loopback import Listener, Reply, received, send
from tests.openai_behaviour import Behaviour, Links
from tests.openai_dialects import DIALECTS, OPENAI, Dialect
from tests.openai_pictures import drawn
from tests.openai_requests import Request, WireError

_NORMAL = Behaviour()


@dataclass
class OpenAIServer:
    """A running server: what it was asked, and what it is to do with the next requests."""

    base_url: str
    elsewhere_url: str
    dialect: Dialect = OPENAI
    requests: list[Request] = field(default_factory=list)
    """Every request in the order in which they came, downloads and lists of models too."""
    stopping: threading.Event = field(default_factory=threading.Event, repr=False)
    _next: deque[Behaviour] = field(default_factory=deque, repr=False)
    _always: Behaviour = _NORMAL
    _files: dict[str, bytes] = field(default_factory=dict, repr=False)
    _file_behaviour: deque[Behaviour] = field(default_factory=deque, repr=False)
    _models_behaviour: deque[Behaviour] = field(default_factory=deque, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def behave(self, *behaviours: Behaviour) -> None:
        """Set what becomes of the next requests for images, one each; after them all is well again."""
        self._next.extend(behaviours)

    def behave_always(self, behaviour: Behaviour = _NORMAL) -> None:
        """Set what becomes of every request for images for which nothing else is said."""
        self._always = behaviour

    def behave_at_downloads(self, *behaviours: Behaviour) -> None:
        """Set what becomes of the next downloads, one each."""
        self._file_behaviour.extend(behaviours)

    def behave_at_models(self, *behaviours: Behaviour) -> None:
        """Set what becomes of the next requests for the list of models, one each."""
        self._models_behaviour.extend(behaviours)

    @property
    def asked(self) -> list[Request]:
        """The requests for images, without the downloads and lists."""
        return [request for request in self.requests if request.method == "POST"]

    @property
    def downloads(self) -> list[Request]:
        return [request for request in self.requests if request.method == "GET" and not self.lists_models(request)]

    def lists_models(self, request: Request) -> bool:
        return request.method == "GET" and request.path in self.dialect.lists

    def take(self, request: Request) -> tuple[Behaviour, int]:
        """Note the request; return what is to become of it, and its number."""
        with self._lock:
            self.requests.append(request)
            queue, otherwise = self._next, self._always
            if request.method == "GET":
                queue = self._models_behaviour if self.lists_models(request) else self._file_behaviour
                otherwise = _NORMAL
            return queue.popleft() if queue else otherwise, len(self.requests)

    def publish(self, image: bytes, links: Links) -> str:
        """Return the URL under which the image can be fetched from now on."""
        if links is Links.DATA:
            return f"data:image/png;base64,{base64.b64encode(image).decode()}"
        with self._lock:
            path = self.dialect.file_path(len(self._files))
            self._files[path] = image
        start = {Links.ABSOLUTE: self.base_url.removesuffix(self.dialect.root), Links.RELATIVE: ""}.get(
            links, self.elsewhere_url
        )
        return start + path

    def file(self, path: str) -> bytes | None:
        return self._files.get(path)


class _Listener(Listener):
    """Shares one `OpenAIServer` with the other listener."""

    state: OpenAIServer


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Listener

    def do_POST(self) -> None:
        request, behaviour, number = self._taken()
        self._send_made(request, behaviour, lambda: self._answer(request, behaviour, number))

    def do_GET(self) -> None:
        request, behaviour, _number = self._taken()
        if self.server.state.lists_models(request):
            self._send_made(request, behaviour, lambda: self.server.state.dialect.models(request))
            return
        found = self.server.state.file(request.path)
        if found is None:
            behaviour = Behaviour.error(404, f"Invalid URL (GET {self.path})", type="invalid_request_error")
        self._send(behaviour, behaviour.body if behaviour.body is not None else found or b"", request)

    def _send_made(self, request: Request, behaviour: Behaviour, make: Callable[[], object]) -> None:
        """Send what is made, or the dialect's complaint; a behaviour that brings its own body goes before both."""
        try:
            body = behaviour.body if behaviour.body is not None else _encoded(make())
        except WireError as error:
            status, complaint = self.server.state.dialect.complaint(error)
            behaviour, body = Behaviour(status=status), _encoded(complaint)
        self._send(behaviour, body, request)

    def _taken(self) -> tuple[Request, Behaviour, int]:
        request = received(self)
        return request, *self.server.state.take(request)

    def _answer(self, request: Request, behaviour: Behaviour, number: int) -> object:
        dialect = self.server.state.dialect
        request = dialect.understood(request)
        count = dialect.count(request)
        images = behaviour.images([drawn(request, number * 10 + index) for index in range(count)])
        answer = dialect.answer(request, [self._item(request, image, behaviour) for image in images])
        return {**answer, **behaviour.extra}

    def _item(self, request: Request, image: bytes, behaviour: Behaviour) -> dict[str, str]:
        links = behaviour.links or self.server.state.dialect.links(request)
        if links is not None:
            return {"url": self.server.state.publish(image, links)}
        return {"b64_json": behaviour.spelled(image)}

    def _send(self, behaviour: Behaviour, body: bytes, request: Request) -> None:
        headers = {"x-request-id": "req_test", "openai-processing-ms": "12"}
        reply = Reply(body=body, status=behaviour.status, headers=headers)
        send(self, behaviour, reply, request, stopping=self.server.state.stopping)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's own signature
        """Keep the test's output clean."""


def _encoded(answer: object) -> bytes:
    return answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()


@contextmanager
def serving(port: int = 0, dialect: Dialect = OPENAI) -> Iterator[OpenAIServer]:
    """Serve until the block ends; port 0 is any free one."""
    with _Listener(("127.0.0.1", port), _Handler) as listener, _Listener(("127.0.0.1", 0), _Handler) as elsewhere:
        base, other = (f"http://127.0.0.1:{each.server_port}" for each in (listener, elsewhere))
        state = OpenAIServer(base_url=f"{base}{dialect.root}", elsewhere_url=other, dialect=dialect)
        threads = []
        for each in (listener, elsewhere):
            each.state = state
            threads.append(threading.Thread(target=each.serve_forever, kwargs={"poll_interval": 0.01}))
            threads[-1].start()
        try:
            yield state
        finally:
            state.stopping.set()
            for each in (listener, elsewhere):
                each.shutdown()
            for thread in threads:
                thread.join()


def main() -> None:
    """Serve until Ctrl-C."""
    parser = argparse.ArgumentParser(description="OpenAI's Images API on loopback, for trying things out.")
    parser.add_argument("--port", type=int, default=0, help="any free one unless given")
    parser.add_argument("--dialect", choices=sorted(DIALECTS), default="openai", help="whose ways the server has")
    given = parser.parse_args()
    with serving(given.port, DIALECTS[given.dialect]) as server, suppress(KeyboardInterrupt):
        sys.stdout.write(f"{server.base_url}\n")
        sys.stdout.flush()
        threading.Event().wait()


if __name__ == "__main__":
    main()
