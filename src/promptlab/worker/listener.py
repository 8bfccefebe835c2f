"""The port of a worker: whether it is well, and what it has done."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from promptlab.db.engine import Database
from promptlab.db.schema import current_revision
from promptlab.errors import InvalidInput, NotConfigured, PromptlabError

_LOOPBACK = "127.0.0.1"
_HIGHEST_PORT = 65_535

Answer = tuple[int, str, bytes]
"""Status, content type and body."""


def parse_address(text: str) -> tuple[str, int]:
    """Return host and port of `HOST:PORT`, `[IPv6]:PORT`, `:PORT` or `PORT`; without a host it is this machine only.

    Raises:
        InvalidInput: none of these.
    """
    host, _colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not (port.isascii() and port.isdigit() and int(port) <= _HIGHEST_PORT):
        raise InvalidInput(f"--listen {text!r} is no HOST:PORT.", hint="For example --listen 127.0.0.1:9100.")
    return host or _LOOPBACK, int(port)


def is_well(database: Database) -> Answer:
    """Say whether the worker can work: 200, or 503 while the database is away."""
    try:
        current_revision(database)
    except PromptlabError as error:
        return 503, "application/json", json.dumps({"status": error.code}).encode()
    return 200, "application/json", json.dumps({"status": "ok"}).encode()


@contextmanager
def listening(address: tuple[str, int] | None, pages: dict[str, Callable[[], Answer]]) -> Iterator[None]:
    """Serve pages while the block runs, if there is an address; raises NotConfigured if that cannot be had."""
    if address is None:
        yield
        return
    kind = type("Handler", (_Handler,), {"pages": pages})
    try:
        server = (_ServerOf6 if ":" in address[0] else _Server)(address, kind)
    except OSError as error:
        raise NotConfigured(
            f"--listen {address[0]}:{address[1]} cannot be had: {error.strerror or error}.",
            hint="Is another worker there already?",
        ) from error
    thread = threading.Thread(target=server.serve_forever, daemon=True, name="promptlab-listener")
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a client that went away."""


class _ServerOf6(_Server):
    address_family = socket.AF_INET6


class _Handler(BaseHTTPRequestHandler):
    pages: dict[str, Callable[[], Answer]]
    timeout = 10

    def do_GET(self) -> None:
        page = self.pages.get(self.path.partition("?")[0])
        known = " ".join(self.pages)
        status, kind, body = page() if page else (404, "text/plain; charset=utf-8", f"There are: {known}\n".encode())
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - http.server's own signature
        """Keep the worker's own lines readable."""
