"""A batch against the faulty provider, and what its rows must have in common with the provider's own log."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.faulty_answers import Fault
from tests.faulty_server import FaultyServer, Logged
from tests.fixtures.command_line import Promptlab
from tests.fixtures.processes import Process, Start

from promptlab.adapters.storage.registry import open_storage
from promptlab.settings import load

Row = dict[str, Any]

FINAL = {"succeeded", "refused", "failed", "unknown"}
ASIDE = ".aside"

_OUTCOMES = {
    Fault.NONE: {"succeeded"},
    Fault.REFUSAL: {"refused"},
    # The last of the attempts that are allowed is a failure.
    **{fault: {"retry", "failed"} for fault in (Fault.RATE_LIMIT, Fault.RATE_LIMIT_HINT, Fault.SERVER_ERROR)},
}
_KINDS = {Fault.RESET: "connection_lost", Fault.CUT_OFF: "truncated"}


class FaultyBatch:
    """One batch of `count` generations, each with a prompt of its own, run and resumed by processes of their own."""

    def __init__(self, promptlab: Promptlab, start: Start, server: FaultyServer, home: Path, *, count: int) -> None:
        self._promptlab, self._start = promptlab, start
        self.server, self.count = server, count
        self._spool, self._cases = home / "spool", home.parent / "cases.csv"
        self._cases.write_text("\n".join(["number", *map(str, range(1, count + 1)), ""]))
        promptlab("prompt", "create", "banner", "--user", "a fox, take {{ number }}", "--provider", "openai")

    def run(self, **environment: str) -> Process:
        """Start it, or go on with it; `environment` is beside what the test's own process has."""
        what = ("--prompt-version", "banner", "--cases", self._cases)
        return self._start("batch", "run", *what, "--json", **environment)

    def resume(self, *again: str, **environment: str) -> Process:
        """Go on with it, also with what ended in one of the states `again`."""
        flags = [f"--retry-{state}" for state in again]
        return self._start("batch", "resume", 1, *flags, "--json", **environment)

    def rows(self) -> list[Row]:
        """Every generation, oldest first."""
        found: list[Row] = self._promptlab("generation", "list", "--limit", 1000, "--json").json["items"]
        return found[::-1]

    def spooled(self) -> dict[tuple[int, int], list[str]]:
        """Return which answers are complete on the disk: by generation and attempt, the sha256 of their images.

        Nobody may be writing: a file that a killed process has not renamed any more counts too, if it is whole.
        """
        files = self._spool.rglob("*") if self._spool.exists() else ()
        found = {}
        for path in files:
            name = path.name.lstrip(".").split(".")[0]
            if path.is_file() and path.suffix != ASIDE and (images := list(_images(path))):
                generation_id, number = map(int, name.split("-"))
                found[generation_id, number] = images
        return found

    def check_against_the_log(self, *, killed: bool = False) -> None:
        """Hold that the attempts recorded are the requests that the provider saw, and the images those that it sent.

        Where processes were `killed`, an attempt may be unknown whatever became of it, and may never have been sent.
        """
        rows = self.rows()
        assert len(rows) == self.count
        logged = defaultdict(list)
        for request in self.server.requests:
            logged[request.prompt].append(request)
        assert logged.keys() <= {row["rendered_user_prompt"] for row in rows}
        for row in rows:
            _check_row(row, logged[row["rendered_user_prompt"]], killed=killed)

    def check_images(self) -> None:
        """Hold that what is stored is what the provider sent, byte for byte."""
        sent = {request.sha256 for request in self.server.requests if request.fault is Fault.NONE}
        storage = open_storage(load())
        for row in self.rows():
            assert (row["state"] == "succeeded") == (len(row["outputs"]) == 1), row
            for output in row["outputs"]:
                assert output["sha256"] in sent
                assert hashlib.sha256(storage.read(output["url"])).hexdigest() == output["sha256"]


def _check_row(row: Row, requests: Sequence[Logged], *, killed: bool) -> None:
    answered = {attempt["request_id"]: attempt for attempt in row["attempts"] if attempt["request_id"]}
    lost = [attempt for attempt in row["attempts"] if not attempt["request_id"]]
    silent = []
    for request in requests:
        attempt = answered.pop(request.request_id, None)
        if attempt is None:
            silent.append(request)
        else:
            assert attempt["outcome"] in _OUTCOMES[request.fault], (row, request)
    assert answered == {}, f"recorded, and never asked: {answered}"
    assert {attempt["outcome"] for attempt in lost} <= {"unknown"}, row
    if killed:
        assert len(silent) <= len(lost), f"asked, and not recorded: {silent} {row}"
    else:
        assert [_KINDS.get(request.fault) for request in silent] == [attempt["error_kind"] for attempt in lost], row
    if row["state"] == "succeeded":
        images = [request.sha256 for request in requests if request.request_id == row["attempts"][-1]["request_id"]]
        assert [output["sha256"] for output in row["outputs"]] == images


def _images(path: Path) -> Iterator[str]:
    about, line_end, data = path.read_bytes().partition(b"\n")
    sizes = [size for size, _checksum in json.loads(about)["images"]] if line_end else []
    for size in sizes if len(data) == sum(sizes) else []:
        yield hashlib.sha256(data[:size]).hexdigest()
        data = data[size:]
