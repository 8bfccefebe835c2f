"""What a second worker brings: images a second of two workers against one, where only the provider takes time."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path

import psycopg
from sqlalchemy import make_url
from tests.fixtures.factories import opening
from tests.fixtures.postgres_launch import launch
from tests.fixtures.workers import detach
from tests.openai_behaviour import Behaviour
from tests.openai_server import serving

from bench._measure import report
from promptlab.db.migrate import upgrade

LATENCY, CONCURRENCY, GENERATIONS = 2.0, 8, 128
ALLOWED = 1 / 1.9
WARM = 3 * CONCURRENCY
"""Requests at either end that are not timed: workers do not begin at the same moment, nor end."""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        url, hold = launch(Path(folder))
        try:
            one, two = (_images_a_second(url, Path(folder), workers) for workers in (1, 2))
        finally:
            os.close(hold)
    print(f"one worker: {one:.1f} images/s, two: {two:.1f} (latency {LATENCY} s, {CONCURRENCY} at once each)")
    report("seconds an image of two workers / one", one / two, ALLOWED)


def _images_a_second(server_url: str, folder: Path, workers: int) -> float:
    with ExitStack() as stack:
        provider = stack.enter_context(serving())
        provider.behave_always(Behaviour.slow(LATENCY))
        environment = {
            **os.environ,
            "PROMPTLAB_HOME": str(folder / f"home{workers}"),
            "PROMPTLAB_DATABASE_URL": _new_database(server_url, f"workers{workers}"),
            "OPENAI_API_KEY": "sk-test",
            "OPENAI_BASE_URL": provider.base_url,
        }
        _promptlab(environment, "prompt", "create", "banner", "--user", "a fox", "--provider", "openai").wait()
        for _number in range(workers):
            worker = _promptlab(environment, "worker", "--provider", "openai", "--concurrency", str(CONCURRENCY))
            stack.callback(worker.wait)
            stack.callback(worker.terminate)
            assert worker.stderr is not None
            worker.stderr.readline()  # that it has started
        with opening(environment["PROMPTLAB_DATABASE_URL"]) as database:
            detach(database, 1, GENERATIONS)
        began = _reached(lambda: len(provider.asked), WARM)
        ended = _reached(lambda: len(provider.asked), GENERATIONS - WARM)
        _reached(lambda: len(provider.asked), GENERATIONS)
    return (GENERATIONS - 2 * WARM) / (ended - began)


def _promptlab(environment: dict[str, str], *arguments: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "promptlab", *arguments]
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def _new_database(server_url: str, name: str) -> str:
    with closing(psycopg.connect(server_url, autocommit=True)) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    url = make_url(server_url).set(database=name).render_as_string(hide_password=False)
    upgrade(url)
    return url


def _reached(count: Callable[[], int], wanted: int) -> float:
    """Wait until so many requests have come, and return the time."""
    while count() < wanted:
        time.sleep(0.005)
    return time.monotonic()


if __name__ == "__main__":
    main()
