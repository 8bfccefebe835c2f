"""What `generate` adds of its own to the provider's time, for one image of 1 MB, start-up apart."""

import base64
import json
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path

from promptlab.db import generations
from promptlab.output import Output
from promptlab.runtime import Runtime
from promptlab.services import authoring, orders
from promptlab.services.dispatch import Progress

ROUNDS, ALLOWED_MS = 40, 60.0


def picture() -> bytes:
    """Return a PNG of 1 MB."""
    from PIL import Image

    buffer = BytesIO()
    Image.effect_noise((1024, 1024), 60).save(buffer, "PNG")
    return buffer.getvalue()


@contextmanager
def serving(answer: bytes) -> Iterator[str]:
    """Serve one ready answer on loopback, so that the provider's time is the wire's alone."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_arguments: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()


def main() -> None:
    data = picture()
    answer = json.dumps({"data": [{"b64_json": base64.b64encode(data).decode()}]}).encode()
    with tempfile.TemporaryDirectory() as home, serving(answer) as url:
        os.environ |= {"PROMPTLAB_HOME": str(Path(home)), "OPENAI_BASE_URL": url, "OPENAI_API_KEY": "none"}
        runtime = Runtime({}, Output(quiet=True))
        wanted = authoring.Wanted(name="poster", user_prompt="a fox", provider="openai")
        with runtime.writing(new_project=True) as (session, project_id):
            authoring.create(session, project_id, wanted, settings=runtime.settings, providers=runtime.providers)
        own = []
        for round_ in range(ROUNDS + 1):
            start = time.perf_counter()
            placed = orders.place(
                runtime.lab,
                orders.prepare(runtime.lab, orders.Request(reference="poster")),
                Progress(finished=lambda _id: None, stopping=lambda _sentence: None),
            )
            taken = (time.perf_counter() - start) * 1000
            with runtime.reading() as (session, project_id):
                inside = generations.get(session, project_id, placed.generation_ids[0]).execution_time or 0
            if round_:
                own.append(taken - inside)
        runtime.close()
    median = statistics.median(own)
    verdict = "ok" if median <= ALLOWED_MS else "TOO SLOW"
    size = f"{len(data) / 1e6:.1f} MB"
    print(f"generate adds {median:.0f} ms to the provider's time for {size} (allowed {ALLOWED_MS:.0f}) {verdict}")


if __name__ == "__main__":
    main()
