"""What waiting for jobs costs: the time that looking adds to a job of ten seconds, and the work of 64 jobs at once."""

import multiprocessing
import os
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from multiprocessing.connection import Connection

from tests.loopback import Reply, serving_service
from tests.openai_requests import Request
from tests.vendors.bfl import VENDOR, BflService

from promptlab.adapters.ai.protocol import ImageRequest
from promptlab.adapters.ai.registry import open_provider
from promptlab.settings import load

JOB_SECONDS, JOBS = 10.0, 64
ALLOWED_TIME, ALLOWED_CORE = 1.10, 0.15


class _Timed(BflService):
    """Its jobs take ten seconds each, however often it is asked."""

    def __init__(self, base_url: str, elsewhere_url: str) -> None:
        super().__init__(base_url, elsewhere_url)
        self._started: dict[str, float] = {}
        self.looked: dict[str, list[float]] = {}

    def take_job(self, request: Request) -> str:
        name = super().take_job(request)
        self._started[name] = time.monotonic()
        return name

    def look_at(self, name: str) -> tuple[Request, Reply | None] | None:
        self.looked.setdefault(name, []).append(time.monotonic())
        found = super().look_at(name)
        return found if time.monotonic() - self._started[name] >= JOB_SECONDS else None


def _serve(pipe: Connection) -> None:
    """Serve in a process of its own, whose work is not counted; says where, and at the end the shortest pause."""
    with serving_service(_Timed) as service:
        pipe.send(service.base_url)
        pipe.recv()
        pauses = [late - soon for looks in service.looked.values() for soon, late in pairwise(looks)]
        pipe.send(min(pauses))


def main() -> None:
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs,))
    server.start()
    os.environ |= {**VENDOR.environment(ours.recv()), "PROMPTLAB_BFL_CONCURRENCY": str(JOBS)}
    provider = open_provider(VENDOR.name, load())
    request = ImageRequest(model=VENDOR.model, user_prompt="a fox", parameters=VENDOR.parameters)

    def draw(_number: int) -> float:
        start = time.monotonic()
        provider.generate(request, accepted=lambda _handle: None)
        return time.monotonic() - start

    alone = draw(0)
    start, work = time.monotonic(), time.process_time()
    with ThreadPoolExecutor(JOBS) as pool:
        list(pool.map(draw, range(JOBS)))
    core = (time.process_time() - work) / (time.monotonic() - start)
    provider.close()
    ours.send(None)
    pause = ours.recv()
    server.join()
    print(f"a job of {JOB_SECONDS:g} s with looking / without: {alone / JOB_SECONDS:.3f} (allowed {ALLOWED_TIME})")
    print(f"{JOBS} jobs at once: {core:.1%} of a core (allowed {ALLOWED_CORE:.0%})")
    print(f"shortest time between two looks at a job: {pause:.2f} s (allowed 1)")
    if alone / JOB_SECONDS > ALLOWED_TIME or core > ALLOWED_CORE or pause < 0.99:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
