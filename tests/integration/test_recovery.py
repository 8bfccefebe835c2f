"""Nothing paid for is lost and nothing is bought twice unnoticed: processes are killed at every step of the walk."""

import json
import random
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.fixtures.command_line import Promptlab
from tests.fixtures.processes import Start, wait_until
from tests.openai_behaviour import Behaviour
from tests.openai_server import OpenAIServer

from promptlab.services.recovery import Recovered

BUY = ("generate", "--prompt-version", "banner", "--json")
LONG = 30.0  # seconds; killed long before


@pytest.fixture(autouse=True)
def banner(promptlab: Promptlab, openai_environment: OpenAIServer) -> None:
    promptlab("prompt", "create", "banner", "--user", "a fox", "--provider", "openai")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "promptlab"


def items(promptlab: Promptlab) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = promptlab("generation", "list", "--limit", 1000, "--json").json["items"]
    return found


def spooled(home: Path) -> list[Path]:
    return [path for path in (home / "spool").rglob("*") if path.is_file() and not path.name.startswith(".")]


@contextmanager
def locked(home: Path) -> Iterator[None]:
    """Hold the database, so that nobody else can write."""
    with closing(sqlite3.connect(home / "promptlab.db", isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


class _Stuck(BaseHTTPRequestHandler):
    """An S3 that takes the first object, which only tries whether it can be written, and then nothing any more."""

    release: threading.Event
    status: int

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        first = self.path.endswith(".writable")
        if not first and self.status == 0:
            self.release.wait()
        self.send_response(200 if first else self.status or 500)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None: ...  # noqa: A002 - the parent's own name


@contextmanager
def stuck_storage(status: int) -> Iterator[dict[str, str]]:
    """Serve an S3 that answers uploads of images with `status`, or never with 0; yields the environment to use it."""
    release = threading.Event()
    handler = type("Handler", (_Stuck,), {"release": release, "status": status})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield {
                "PROMPTLAB_STORAGE_URL": "s3://bucket",
                "PROMPTLAB_STORAGE_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}",
                "AWS_ACCESS_KEY_ID": "a",
                "AWS_SECRET_ACCESS_KEY": "b",
                "AWS_REGION": "us-east-1",
            }
        finally:
            release.set()
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("what", ["kept", "unknown", "waiting", "running"])
def test_what_was_settled_is_a_sentence_with_a_way_on(what: str) -> None:
    """Of one and of several, with no number that could be an id, and a command to look at them."""
    found: list[dict[str, Any]] = [{what: 1}, {what: 4}]
    [one], [four] = (Recovered(**each).sentences for each in found)
    assert "1 earlier generation " in one
    assert "4 earlier generations " in four
    assert "`promptlab " in one
    assert one.count("`") == four.count("`") == 2
    assert Recovered().sentences == []


def test_killed_while_the_request_is_out(promptlab: Promptlab, openai_environment: OpenAIServer, start: Start) -> None:
    """The next command says at once that nobody knows what became of it; it is bought again only on request."""
    openai_environment.behave(Behaviour.slow(LONG))
    process = start(*BUY)
    wait_until(lambda: openai_environment.asked, "the request")
    [row] = items(promptlab)
    assert row["state"] == "sending"
    process.kill()
    [row] = items(promptlab)
    assert (row["state"], row["error"]["kind"]) == ("unknown", "process_died")
    assert len(openai_environment.asked) == 1
    [row] = promptlab("generation", "retry", row["id"], "--json").json["items"]
    assert [attempt["outcome"] for attempt in row["attempts"]] == ["unknown", "succeeded"]


def test_killed_while_the_image_is_being_stored(
    promptlab: Promptlab, openai_environment: OpenAIServer, start: Start, home: Path
) -> None:
    """The answer lies in the spool, and the next command stores it: nothing is bought again."""
    with stuck_storage(0) as environment:
        process = start(*BUY, **environment)
        wait_until(lambda: spooled(home), "the answer in the spool")
        process.kill()
    assert "1 earlier generation is settled now: its process had ended before." in promptlab("queue").err
    [row] = items(promptlab)
    assert (row["state"], row["outputs"][0]["url"][:8]) == ("succeeded", "file:///")
    assert row["cost_usd"] > 0
    assert [attempt["outcome"] for attempt in row["attempts"]] == ["succeeded"]
    assert len(openai_environment.asked) == 1
    assert spooled(home) == []


def test_killed_while_the_outcome_is_being_recorded(
    promptlab: Promptlab, openai_environment: OpenAIServer, start: Start, home: Path
) -> None:
    openai_environment.behave(Behaviour.slow(0.5))
    process = start(*BUY)
    wait_until(lambda: openai_environment.asked, "the request")
    with locked(home):
        wait_until(lambda: list((home / "images").rglob("*.png")), "the image in the storage")
        process.kill()
    [row] = items(promptlab)
    assert (row["state"], len(row["attempts"])) == ("succeeded", 1)
    assert len(openai_environment.asked) == 1
    assert spooled(home) == []


def test_killed_before_the_spool_was_cleared(
    promptlab: Promptlab, openai_environment: OpenAIServer, home: Path, start: Start
) -> None:
    """What is recorded already is recorded once, and its entry goes."""
    with stuck_storage(0) as environment:
        process = start(*BUY, **environment)
        wait_until(lambda: spooled(home), "the answer in the spool")
        process.kill()
    [entry] = spooled(home)
    answer = entry.read_bytes()
    before = items(promptlab)
    entry.write_bytes(answer)
    assert items(promptlab) == before
    assert spooled(home) == []


def test_killed_while_a_finished_image_is_fetched(
    promptlab: Promptlab, openai_environment: OpenAIServer, start: Start
) -> None:
    """The handle is kept before the first byte is fetched, so the image is fetched again and not bought again."""
    openai_environment.behave(Behaviour.linked())
    openai_environment.behave_at_downloads(Behaviour.slow(LONG))
    process = start(*BUY)
    wait_until(lambda: openai_environment.downloads, "the download")
    process.kill()
    [row] = items(promptlab)
    assert (row["state"], len(row["attempts"])) == ("succeeded", 1)
    assert (len(openai_environment.asked), len(openai_environment.downloads)) == (1, 2)


@pytest.mark.parametrize("status", [403, 507])
def test_the_storage_goes_away(
    promptlab: Promptlab, openai_environment: OpenAIServer, start: Start, home: Path, status: int
) -> None:
    """The command ends with a sentence, the image waits in the spool, and comes home when the storage is back."""
    with stuck_storage(status) as environment:
        code, out, err = start(*BUY, **environment).wait()
    assert code == 4, err
    assert json.loads(out)["items"][0]["state"] == "sending"
    assert "bucket" in err
    assert len(spooled(home)) == 1
    [row] = items(promptlab)
    assert row["state"] == "succeeded"
    assert len(openai_environment.asked) == 1


def test_a_storage_that_stays_away_is_tried_again_by_every_command(
    promptlab: Promptlab, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Commands that meet it away leave the answer in the spool, and the first one that does not brings it home."""
    with stuck_storage(403) as environment:
        assert start(*BUY, **environment).wait()[0] == 4
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        assert "waits in the spool" in promptlab("queue").err
        assert "waits in the spool" in promptlab("generation", "list").err
    for name in environment:
        monkeypatch.delenv(name)
    assert [row["state"] for row in items(promptlab)] == ["succeeded"]


def test_the_database_goes_away(
    promptlab: Promptlab, openai_environment: OpenAIServer, start: Start, home: Path
) -> None:
    openai_environment.behave(Behaviour.slow(0.5))
    process = start(*BUY, PROMPTLAB_DATABASE_URL=f"sqlite:///{home / 'promptlab.db'}?timeout=1")
    wait_until(lambda: openai_environment.asked, "the request")
    with locked(home):
        code, _out, err = process.wait()
    assert code == 4, err
    assert "locked" in err
    [row] = items(promptlab)
    assert row["state"] == "succeeded"
    assert len(openai_environment.asked) == 1


def test_the_database_is_away_while_an_answer_names_its_images(
    promptlab: Promptlab, openai_environment: OpenAIServer, start: Start, home: Path
) -> None:
    """They are fetched and spooled all the same: the handle would only have been for the case of a crash."""
    openai_environment.behave(replace(Behaviour.linked(), delay=0.5))
    process = start(*BUY, PROMPTLAB_DATABASE_URL=f"sqlite:///{home / 'promptlab.db'}?timeout=1")
    wait_until(lambda: openai_environment.asked, "the request")
    with locked(home):
        assert process.wait()[0] == 4
    assert [row["state"] for row in items(promptlab)] == ["succeeded"]
    assert len(openai_environment.asked) == 1


def test_a_late_answer_while_it_is_bought_again_is_not_lost_and_leaves_nothing_open(
    promptlab: Promptlab, openai_environment: OpenAIServer, start: Start, home: Path
) -> None:
    """The first answer to be recorded is the generation's; the other's bytes are set aside and its cost is counted.

    What came late is a success without an error, and said to be recovered.
    """
    with stuck_storage(0) as environment:
        first = start(*BUY, **environment)
        wait_until(lambda: spooled(home), "the answer in the spool")
        first.kill()
    [entry] = spooled(home)
    answer = entry.read_bytes()
    entry.unlink()  # as if it lay on another machine
    [row] = items(promptlab)
    assert row["state"] == "unknown"
    openai_environment.behave(Behaviour.slow(1.5))
    again = start("generation", "retry", row["id"], "--json")
    wait_until(lambda: len(openai_environment.asked) == 2, "the second request")
    entry.write_bytes(answer)
    late = items(promptlab)[0]
    assert (late["state"], again.wait()[0]) == ("succeeded", 0)
    [row] = items(promptlab)
    assert [attempt["outcome"] for attempt in row["attempts"]] == ["succeeded", "succeeded"]
    assert row["cost_usd"] == pytest.approx(2 * late["cost_usd"])
    assert row["outputs"] == late["outputs"]
    assert [(attempt["error_kind"], attempt["recovered"]) for attempt in late["attempts"]][:1] == [(None, True)]
    assert "1. succeeded, HTTP 200, recovered" in promptlab("generation", "show", row["id"]).out
    assert [path.name for path in spooled(home)] == [f"{row['id']}-2.aside"]


def test_interrupting_does_not_wait_for_a_retry_that_is_far_away(
    promptlab: Promptlab, openai_environment: OpenAIServer, start: Start
) -> None:
    openai_environment.behave_always(Behaviour.rate_limit(retry_after="60"))
    process = start(*BUY)
    wait_until(lambda: [row["not_before"] for row in items(promptlab) if row["not_before"]], "the wait")
    process.interrupt()
    began = time.monotonic()
    assert process.wait()[0] == 130
    assert time.monotonic() - began < 30
    assert [row["state"] for row in items(promptlab)] == ["planned"]


def test_a_process_that_lives_is_left_alone(
    promptlab: Promptlab, openai_environment: OpenAIServer, start: Start
) -> None:
    """Other commands neither call its request unknown nor send it again."""
    openai_environment.behave(Behaviour.slow(1.5))
    process = start(*BUY)
    wait_until(lambda: openai_environment.asked, "the request")
    [row] = items(promptlab)
    assert row["state"] == "sending"
    promptlab("generation", "retry", row["id"], code=3)
    promptlab("generation", "delete", row["id"], "--yes", code=3)
    code, out, _err = process.wait()
    assert (code, json.loads(out)["items"][0]["state"]) == (0, "succeeded")


def test_interrupted_once_finishes_what_is_in_flight(
    promptlab: Promptlab, openai_environment: OpenAIServer, start: Start
) -> None:
    """The rest stays planned, nothing more is sent, and the way to go on is said."""
    openai_environment.behave_always(Behaviour.slow(1.0))
    process = start(*BUY, "--draws", 12)
    wait_until(lambda: openai_environment.asked, "the first request")
    process.interrupt()
    code, out, err = process.wait()
    assert code == 130, err
    states = [item["state"] for item in json.loads(out)["items"]]
    assert set(states) == {"succeeded", "planned"}
    assert states.count("succeeded") == len(openai_environment.asked) <= 4
    assert "promptlab generation retry" in err
    openai_environment.behave_always()
    planned = [item["id"] for item in json.loads(out)["items"] if item["state"] == "planned"]
    promptlab("generation", "retry", *planned)
    assert {row["state"] for row in items(promptlab)} == {"succeeded"}
    assert len(openai_environment.asked) == 12


def test_interrupted_twice_stops_at_once(promptlab: Promptlab, openai_environment: OpenAIServer, start: Start) -> None:
    """What was in flight is unknown then, and nobody is told to buy it again."""
    openai_environment.behave_always(Behaviour.slow(LONG))
    process = start(*BUY, "--draws", 2)
    wait_until(lambda: len(openai_environment.asked) == 2, "both requests")
    process.interrupt()

    def ended() -> bool:
        process.interrupt()
        return not process.runs

    wait_until(ended, "the end")
    code, _out, err = process.wait()
    assert code == 130
    assert "generation retry" not in err
    assert {row["state"] for row in items(promptlab)} == {"unknown"}


def test_killed_at_any_moment(promptlab: Promptlab, openai_environment: OpenAIServer, start: Start, home: Path) -> None:
    """Each row ends in a state that is true: its attempts are the requests that the provider saw, no more."""
    openai_environment.behave_always(Behaviour.slow(0.05))
    chance, planned = random.Random(7), 0
    for _ in range(6):
        process = start(*BUY, "--draws", 8)
        wait_until(lambda: len(items(promptlab)) > planned, "the plan")  # noqa: B023 - called in this round
        planned += 8
        threading.Event().wait(chance.random() * 0.5)
        # Of an answer that the kill cut off only a part is on the disk, which the next command sets aside.
        received = {path.name for path in spooled(home) if path.suffix != ".aside"}
        process.kill()
        rows = {f"{row['id']}-{len(row['attempts'])}": row["state"] for row in items(promptlab)}
        assert {rows[name] for name in received} <= {"succeeded"}
    rest = items(promptlab)
    assert {row["state"] for row in rest} <= {"planned", "succeeded", "unknown"}
    assert sum(len(row["attempts"]) for row in rest) == pytest.approx(len(openai_environment.asked), abs=4 * 6)
    assert len(openai_environment.asked) <= sum(len(row["attempts"]) for row in rest)
    left = [row["id"] for row in rest if row["state"] != "succeeded"]
    if left:
        promptlab("generation", "retry", *left)
    assert {row["state"] for row in items(promptlab)} == {"succeeded"}
    assert {path.suffix for path in spooled(home)} <= {".aside"}
