"""What the benchmarks of batches share: a lab against the loopback provider, and commands whose memory is counted."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.faulty_server import FaultyServer, serving

_UNIT = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss, in bytes


@dataclass(frozen=True)
class Child:
    """What a process took: wall clock, processor time, the most memory that it held; and what it printed."""

    seconds: float
    busy: float
    peak_mb: float
    out: str


def run(module: str, *arguments: str | int | Path, environment: Mapping[str, str]) -> Child:
    """Run a Python module in a process of its own."""
    with tempfile.TemporaryFile("w+") as output:
        start = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", module, *map(str, arguments)], stdout=output, stderr=output, env=dict(environment)
        )
        _pid, status, usage = os.wait4(process.pid, 0)
        process.returncode, seconds = os.waitstatus_to_exitcode(status), time.perf_counter() - start
        output.seek(0)
        out = output.read()
    if process.returncode:
        raise RuntimeError(f"{module} {' '.join(map(str, arguments))} ended with {process.returncode}:\n{out[-3000:]}")
    return Child(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * _UNIT / 1e6, out)


class Load:
    """A lab with one prompt version; each batch has cases that no other had, so all of it is made anew."""

    def __init__(self, folder: Path, server: FaultyServer) -> None:
        self._folder, self.server = folder, server
        self.environment = {**os.environ, **server.environment, "PROMPTLAB_HOME": str(folder / "home")}
        self._cases, self._batches = 0, 0
        self._promptlab("prompt", "create", "banner", "--user", "take {{ number }}", "--provider", "openai")

    def batch(self, count: int, *, concurrency: int) -> tuple[Child, Child]:
        """Run a batch of so many images; return what it took, and what the same took with nothing left to do."""
        command = (*self._command(count), "--concurrency", concurrency)
        done = self._promptlab(*command, "--json")
        return done, self._promptlab(*command, "--json")

    def detach(self, count: int) -> None:
        """Leave a batch of so many images to workers."""
        self._promptlab(*self._command(count), "--detach")

    def bare(self, count: int, *, concurrency: int) -> Child:
        """Do the same without promptlab."""
        self._batches += 1
        folder = self._folder / f"bare-{self._batches}"
        folder.mkdir()
        return run("bench._bare", self.server.base_url, count, concurrency, folder, environment=self.environment)

    def _command(self, count: int) -> tuple[str | Path, ...]:
        file = self._folder / f"cases-{self._cases}.csv"
        file.write_text("\n".join(["number", *map(str, range(self._cases, self._cases + count)), ""]))
        self._cases += count
        return ("batch", "run", "--prompt-version", "banner", "--cases", file)

    def _promptlab(self, *arguments: str | int | Path) -> Child:
        return run("promptlab", *arguments, environment=self.environment)


@contextmanager
def loaded(*, latency: float, size: int) -> Iterator[Load]:
    """Serve images of `size` bytes after `latency` seconds, from a process of its own, and set up a lab to ask it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with serving(folder / "requests.log", latency=latency, size=size) as server:
            yield Load(folder, server)
