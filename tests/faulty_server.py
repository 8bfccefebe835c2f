"""OpenAI's Images API on loopback that goes wrong by chance, in a process of its own that outlives its clients.

`python -m tests.faulty_server --log FILE [--latency S] [--size BYTES] [--seed N] [--faults reset=0.03,…]` serves until
it is told to stop. Which request meets what follows from the seed and the request's number alone. Every request is a
line in the log before it is answered, and another once the last byte of the answer is on its way.
"""

import argparse
import asyncio
import json
import os
import socket
import struct
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.faulty_answers import SPOKEN, Fault, Paper, Weather
from tests.openai_behaviour import Behaviour

_ROOM = 1024


@dataclass(frozen=True, kw_only=True)
class Logged:
    """One request as the server saw it: what it asked for, what it met, and the image that was sent."""

    number: int
    prompt: str
    fault: Fault
    at: float
    """When it came, in seconds since the epoch."""
    sha256: str | None = None
    sent_at: float | None = None
    """When the last byte of the answer had left the server."""

    @property
    def request_id(self) -> str:
        """What the answer calls the request, where there is a whole one."""
        return f"req-{self.number}"


@dataclass(frozen=True)
class FaultyServer:
    """The running process, as a test sees it."""

    base_url: str
    log: Path
    process: "subprocess.Popen[str]" = field(repr=False)

    @property
    def environment(self) -> dict[str, str]:
        """What to set for promptlab to ask this server."""
        return {"OPENAI_API_KEY": "sk-test-0123456789abcdef", "OPENAI_BASE_URL": self.base_url}

    @property
    def requests(self) -> list[Logged]:
        """Every request so far, in the order in which they came."""
        lines = [json.loads(line) for line in self.log.read_text().splitlines()] if self.log.exists() else []
        sent = {line["sent"]: line["at"] for line in lines if "sent" in line}
        asked = [line for line in lines if "number" in line]
        return [Logged(**{**line, "fault": Fault(line["fault"])}, sent_at=sent.get(line["number"])) for line in asked]

    @property
    def busy_seconds(self) -> float:
        """How much processor time the server has taken so far."""
        with urllib.request.urlopen(f"{self.base_url}/seconds") as answer:
            return float(answer.read())


@contextmanager
def serving(
    log: Path,
    *,
    latency: float = 0.0,
    size: int = 2_000,
    seed: int = 0,
    faults: Mapping[Fault, float] | None = None,
) -> Iterator[FaultyServer]:
    """Serve in a process of its own until the block ends."""
    shares = ",".join(f"{fault}={share}" for fault, share in (faults or {}).items())
    options = {"log": log, "latency": latency, "size": size, "seed": seed, "faults": shares}
    command = [sys.executable, "-m", "tests.faulty_server", *(f"--{name}={value}" for name, value in options.items())]
    root = Path(__file__).parents[1]
    process = subprocess.Popen(
        command, cwd=root, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        assert process.stdout is not None
        yield FaultyServer(process.stdout.readline().strip(), log, process)
    finally:
        process.terminate()
        process.communicate()


class _Service:
    """What all connections share: the weather, the paper, and the log."""

    def __init__(self, weather: Weather, paper: Paper, *, latency: float, log: Path) -> None:
        self._weather, self._paper, self._latency = weather, paper, latency
        self._log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._count = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until one of both ends it."""
        writer.transport.set_write_buffer_limits(0)  # so that drained means: with the kernel
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while await self._answer_next(reader, writer):
                pass
        writer.close()

    async def _answer_next(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        if head.startswith(b"GET"):
            await _send(writer, 200, [str(time.process_time()).encode()])
            return True
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        wanted = json.loads(await reader.readexactly(length))
        self._count += 1
        number, fault = self._count, self._weather.fault(self._count)
        parts, sha256 = self._paper.answer(f"{number} {wanted['prompt']}")
        about = {"sha256": sha256} if fault is Fault.NONE else {}
        self._note(number=number, prompt=wanted["prompt"], fault=fault, **about)
        await asyncio.sleep(self._latency)
        await self._send(writer, number, fault, parts)
        return fault not in {Fault.RESET, Fault.CUT_OFF}

    async def _send(self, writer: asyncio.StreamWriter, number: int, fault: Fault, parts: list[bytes]) -> None:
        headers = {"x-request-id": f"req-{number}"}
        if fault is Fault.RESET:
            # Lingering for no time at all turns the close into a reset.
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
            return
        if fault is Fault.CUT_OFF:
            whole = b"".join(parts)
            await _send(writer, 200, [whole[: len(whole) // 2]], headers, length=len(whole))
            return
        said = SPOKEN.get(fault, Behaviour())
        await _send(writer, said.status, parts if said.body is None else [said.body], {**headers, **said.headers})
        self._note(sent=number)

    def _note(self, **about: object) -> None:
        line = json.dumps({"at": time.time(), **about})
        os.write(self._log, f"{line}\n".encode())  # one write: a line is there whole or not at all


async def _send(
    writer: asyncio.StreamWriter,
    status: int,
    parts: list[bytes],
    headers: Mapping[str, str] | None = None,
    *,
    length: int | None = None,
) -> None:
    length = sum(map(len, parts)) if length is None else length
    every = {"content-type": "application/json", "content-length": str(length), **(headers or {})}
    lines = [f"HTTP/1.1 {status} Answer", *(f"{name}: {value}" for name, value in every.items())]
    for part in ["\r\n".join([*lines, "", ""]).encode(), *parts]:
        writer.write(part)
        await writer.drain()


def _read_shares(text: str) -> dict[Fault, float]:
    pairs = (pair.split("=") for pair in text.split(",") if pair)
    return {Fault(name): float(share) for name, share in pairs}


async def _serve(given: Any) -> None:
    weather = Weather(seed=given.seed, shares=_read_shares(given.faults))
    service = _Service(weather, Paper(given.size), latency=given.latency, log=given.log)
    server = await asyncio.start_server(service.serve, "127.0.0.1", given.port, backlog=_ROOM)
    sys.stdout.write(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1\n")
    sys.stdout.flush()
    await server.serve_forever()


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(description="OpenAI's Images API on loopback, going wrong by chance.")
    parser.add_argument("--port", type=int, default=0, help="any free one unless given")
    parser.add_argument("--log", type=Path, required=True, help="the file that gets a line for every request")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before the answer")
    parser.add_argument("--size", type=int, default=2_000, help="bytes of an image, about")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--faults", default="", help="such as reset=0.03,cut_off=0.02")
    with suppress(KeyboardInterrupt):
        asyncio.run(_serve(parser.parse_args()))


if __name__ == "__main__":
    main()
