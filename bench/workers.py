"""How much more two workers do than one, where waiting for the provider is what takes the time."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.faulty_server import FaultyServer, serving
from tests.fixtures.postgres_launch import launch

from bench._load import Load
from bench._measure import report_least
from promptlab.db.migrate import upgrade

COUNT, SIZE, LATENCY, CONCURRENCY = 320, 10_000, 1.0, 8
LEAST = 1.9
_SOON = 0.05


def rate(load: Load, workers: int) -> float:
    """Leave a batch to that many workers, and return the images a second while all of them are at work.

    The first and the last tenth do not count: workers start one after the other, and run out of work so.
    """
    before = len(load.server.requests)
    load.detach(COUNT)
    command = [sys.executable, "-m", "promptlab", "worker", "--concurrency", str(CONCURRENCY)]
    running = [
        subprocess.Popen(command, env=load.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(workers)
    ]
    while len(answered(load.server)) < before + COUNT:
        if any(process.poll() is not None for process in running):
            raise RuntimeError("A worker ended by itself.")
        time.sleep(_SOON)
    for process in running:
        process.terminate()
    for process in running:
        process.wait()
    times = sorted(answered(load.server))[before:]
    tenth = COUNT // 10
    return (COUNT - 2 * tenth) / (times[-tenth - 1] - times[tenth - 1])


def answered(server: FaultyServer) -> list[float]:
    return [request.sent_at for request in server.requests if request.sent_at is not None]


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        url, hold = launch(folder)
        try:
            upgrade(url)
            os.environ["PROMPTLAB_DATABASE_URL"] = url
            with serving(folder / "requests.log", latency=LATENCY, size=SIZE) as server:
                load = Load(folder, server)
                one, two = rate(load, 1), rate(load, 2)
        finally:
            os.close(hold)
    print(f"{COUNT} images, {LATENCY:g} s each, {CONCURRENCY} at once a worker: {one:.1f} a second, two {two:.1f}")
    report_least("two workers / one", two / one, LEAST)


if __name__ == "__main__":
    main()
