"""Workers: processes on any number of machines that take the generations of detached batches."""

import json
import socket
import urllib.error
import urllib.request
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest
from psycopg.sql import SQL, Identifier
from sqlalchemy import make_url
from sqlmodel import col, select
from tests.fixtures import factories
from tests.fixtures.command_line import Promptlab
from tests.fixtures.postgres import PostgresServer
from tests.fixtures.processes import Process, Start, wait_until
from tests.fixtures.workers import attempts_of, detach, state_of, states
from tests.openai_behaviour import Behaviour
from tests.openai_server import OpenAIServer

from promptlab.db.engine import Database
from promptlab.db.models import Batch, BatchItem

WORK = ("worker", "--provider", "openai", "--concurrency", 4)
LONG = 30.0  # seconds; nobody waits for it


@pytest.fixture
def version(shared: Database, promptlab: Promptlab, openai_environment: OpenAIServer) -> int:
    made = promptlab("prompt", "create", "banner", "--user", "a fox", "--provider", "openai", "--json")
    return int(made.json["id"])


def started(start: Start, *more: str | int, **environment: str) -> Process:
    worker = start(*WORK, *more, **environment)
    worker.hear("Worker started")
    return worker


def test_a_worker_takes_a_batch_to_its_end_and_stops_when_told(
    shared: Database, version: int, start: Start, openai_environment: OpenAIServer
) -> None:
    """It says so at its start and its end, and once of each kind of failure."""
    openai_environment.behave(Behaviour.refusal(), Behaviour.refusal())
    batch_id = detach(shared, version, 10)
    worker = started(start)
    wait_until(lambda: state_of(shared, batch_id) == "done", "the end of the batch")
    worker.terminate()
    code, out, err = worker.wait()
    assert (code, out) == (0, "")
    assert err.count("refused: ") == 1
    assert "Worker stopped after 10 generations: 2 refused, 8 succeeded." in err
    assert states(shared) == {"succeeded": 8, "refused": 2}
    assert len(openai_environment.asked) == 10


def test_quiet_leaves_only_what_must_not_be_missed(
    shared: Database, version: int, start: Start, openai_environment: OpenAIServer
) -> None:
    openai_environment.behave(Behaviour.refusal())
    batch_id = detach(shared, version, 2)
    worker = start("--quiet", *WORK)
    wait_until(lambda: state_of(shared, batch_id) == "done", "the end of the batch")
    worker.terminate()
    code, _out, err = worker.wait()
    assert code == 0
    assert err.startswith("Warning: openai: generation ")
    assert "Worker" not in err


@pytest.mark.parametrize(
    ("server", "where"),
    [("PostgreSQL", "this machine"), ("PostgreSQL", "another machine"), ("PgBouncer", "this machine")],
)
def test_a_worker_that_is_killed_is_replaced_by_the_others(
    shared: Database,
    version: int,
    start: Start,
    openai_environment: OpenAIServer,
    server: str,
    where: str,
    request: pytest.FixtureRequest,
    tmp_path: Path,
) -> None:
    """Nothing is bought twice: the provider was asked once for each attempt, and what was out is unknown.

    Another machine, which sees neither lock nor spool of the dead one, knows it by its lease.
    """
    url = request.getfixturevalue("pooled_url" if server == "PgBouncer" else "postgres_url")
    homes = [tmp_path / "one", tmp_path / ("one" if where == "this machine" else "two")]
    storage = (tmp_path / "images").as_uri()
    openai_environment.behave_always(Behaviour.slow(0.2))
    batch_id = detach(shared, version, 30)
    first, second = (
        started(start, PROMPTLAB_DATABASE_URL=url, PROMPTLAB_HOME=str(home), PROMPTLAB_STORAGE_URL=storage)
        for home in homes
    )
    wait_until(lambda: len(openai_environment.asked) >= 10, "a third of the requests")
    first.kill()
    wait_until(lambda: state_of(shared, batch_id) == "done", "the end of the batch")
    second.terminate()
    assert second.wait()[0] == 0
    found = states(shared)
    assert sum(found.values()) == found["succeeded"] + found.get("unknown", 0) == 30
    assert found.get("unknown", 0) <= 4
    with shared.reading() as session:
        attempts = attempts_of(session)
    assert max(Counter(attempt.generation_id for attempt in attempts).values()) == 1
    assert len(attempts) == 30
    assert 30 - found.get("unknown", 0) <= len(openai_environment.asked) <= 30


def test_sigterm_finishes_what_is_in_flight_and_another_worker_goes_on(
    shared: Database, version: int, start: Start, openai_environment: OpenAIServer
) -> None:
    openai_environment.behave_always(Behaviour.slow(1.0))
    batch_id = detach(shared, version, 12)
    worker = started(start)
    wait_until(lambda: len(openai_environment.asked) >= 2, "requests")
    worker.terminate()
    code, _out, err = worker.wait()
    asked = len(openai_environment.asked)
    assert code == 0, err
    assert states(shared) == {"succeeded": asked, "planned": 12 - asked}
    assert asked < 12
    openai_environment.behave_always()
    started(start)
    wait_until(lambda: state_of(shared, batch_id) == "done", "the end of the batch")
    assert states(shared) == {"succeeded": 12}
    assert len(openai_environment.asked) == 12


def test_what_waits_to_be_sent_again_is_planned_when_a_worker_stops(
    shared: Database, version: int, start: Start, openai_environment: OpenAIServer
) -> None:
    openai_environment.behave_always(Behaviour.rate_limit(retry_after="60"))
    detach(shared, version, 2)
    worker = started(start)
    wait_until(lambda: openai_environment.asked and states(shared) == {"planned": 2}, "the wait")
    worker.interrupt()
    assert worker.wait()[0] == 0
    assert states(shared) == {"planned": 2}


def test_told_twice_it_stops_at_once(
    shared: Database, version: int, start: Start, openai_environment: OpenAIServer, promptlab: Promptlab
) -> None:
    """What was in flight is settled by the next command, as after any death."""
    openai_environment.behave_always(Behaviour.slow(LONG))
    detach(shared, version, 2)
    worker = started(start)
    wait_until(lambda: len(openai_environment.asked) == 2, "both requests")
    worker.interrupt()
    worker.hear("Stopping")
    worker.interrupt()
    assert worker.wait()[0] == 130
    promptlab("generation", "list")
    assert states(shared) == {"unknown": 2}


def test_a_provider_that_refuses_the_key_is_left_alone(
    shared: Database, version: int, start: Start, openai_environment: OpenAIServer
) -> None:
    """By this worker, which ends if it has no other; what is left stays planned."""
    openai_environment.behave_always(Behaviour.unauthorized())
    detach(shared, version, 40)
    code, _out, err = start(*WORK).wait()
    assert code == 4
    assert "promptlab provider check openai" in err
    assert states(shared)["planned"] >= 40 - 8


def test_a_provider_that_cannot_be_reached_is_waited_for(
    shared: Database, version: int, start: Start, openai_environment: OpenAIServer
) -> None:
    """Nothing of the batch fails for that; what was tried is recorded."""
    batch_id = detach(shared, version, 3)
    worker = started(start, OPENAI_BASE_URL=f"http://127.0.0.1:{free_port()}/v1", PROMPTLAB_OPENAI_ATTEMPTS="1")
    worker.hear("openai: ")
    worker.terminate()
    assert worker.wait()[0] == 0
    assert states(shared) == {"planned": 3}
    started(start)
    wait_until(lambda: state_of(shared, batch_id) == "done", "the end of the batch")
    assert states(shared) == {"succeeded": 3}


def test_a_storage_that_goes_away_is_waited_for_and_nothing_more_is_bought_meanwhile(
    shared: Database, version: int, start: Start, openai_environment: OpenAIServer, tmp_path: Path
) -> None:
    """What arrives meanwhile waits in the spool, and the worker brings it home itself."""
    openai_environment.behave_always(Behaviour.slow(0.5))
    batch_id = detach(shared, version, 40)
    images, away = tmp_path / "promptlab" / "images", tmp_path / "away"
    started(start)
    wait_until(lambda: states(shared).get("succeeded", 0) >= 4, "the first images")
    images.rename(away)
    images.write_text("in the way")
    wait_until(lambda: list((tmp_path / "promptlab" / "spool").rglob("*-1*")), "an answer in the spool")
    asked = len(openai_environment.asked)
    images.unlink()
    away.rename(images)
    wait_until(lambda: state_of(shared, batch_id) == "done", "the end of the batch")
    assert asked < 40
    assert states(shared) == {"succeeded": 40}
    assert len(openai_environment.asked) == 40


def test_what_is_left_to_workers_on_the_command_line_is_taken(
    shared: Database, version: int, start: Start, promptlab: Promptlab, openai_environment: OpenAIServer
) -> None:
    """By whoever is there, in any project; `batch show` says how it ended."""
    worker = started(start)
    batch = promptlab("batch", "run", "--prompt-version", "banner", "--draws", 4, "--detach", "--json").json
    wait_until(lambda: state_of(shared, batch["id"]) == "done", "the end of the batch")
    worker.terminate()
    assert "4 succeeded" in worker.wait()[2]
    assert promptlab("batch", "show", batch["id"], "--json").json["state"] == "done"


def test_a_batch_that_is_paused_goes_on_where_it_was_when_it_is_resumed(
    shared: Database, version: int, start: Start, promptlab: Promptlab, openai_environment: OpenAIServer
) -> None:
    openai_environment.behave_always(Behaviour.slow(0.3))
    batch_id = detach(shared, version, 16)
    started(start)
    wait_until(lambda: states(shared).get("succeeded"), "the first image")
    promptlab("batch", "pause", batch_id)
    wait_until(lambda: "sending" not in states(shared), "the end of what is in flight")
    assert states(shared)["planned"] > 0
    promptlab("batch", "resume", batch_id, "--detach")
    wait_until(lambda: state_of(shared, batch_id) == "done", "the end of the batch")
    assert states(shared) == {"succeeded": 16}
    assert len(openai_environment.asked) == 16


def test_what_a_batch_that_rests_has_planned_is_bought_by_the_one_that_workers_are_to_go_on_with(
    shared: Database, version: int, start: Start, openai_environment: OpenAIServer
) -> None:
    """Under its limits and on its account; the other one stays as it is, and has spent nothing."""
    resting = detach(shared, version, 3, state="paused")
    with shared.transaction() as session:
        buying = factories.batch(session, detached=True, max_images=2).id or 0
        for item in session.exec(select(BatchItem).where(col(BatchItem.batch_id) == resting)).all():
            row = {"project_id": item.project_id, "generation_id": item.generation_id}
            session.add(BatchItem(batch_id=buying, **row))
    started(start)
    wait_until(lambda: state_of(shared, buying) == "stopped", "the limit")
    assert states(shared) == {"succeeded": 2, "planned": 1}
    with shared.reading() as session:
        assert {attempt.batch_id for attempt in attempts_of(session)} == {buying}
        assert session.get_one(Batch, resting).committed_images == 0
    assert state_of(shared, resting) == "paused"


def test_a_limit_holds_over_all_workers_and_stops_the_batch(
    shared: Database, version: int, start: Start, openai_environment: OpenAIServer
) -> None:
    batch_id = detach(shared, version, 12, max_images=5)
    for _number in range(2):
        started(start)
    wait_until(lambda: state_of(shared, batch_id) == "stopped", "the limit")
    assert states(shared) == {"succeeded": 5, "planned": 7}
    assert len(openai_environment.asked) == 5


def test_the_first_failure_stops_a_batch_that_is_to_fail_fast(
    shared: Database, version: int, start: Start, openai_environment: OpenAIServer
) -> None:
    openai_environment.behave_always(Behaviour.model_not_found())
    batch_id = detach(shared, version, 40, fail_fast=True)
    started(start)
    wait_until(lambda: state_of(shared, batch_id) == "stopped", "the stop")
    wait_until(lambda: "sending" not in states(shared), "the end of what is in flight")
    assert 1 <= states(shared)["failed"] <= 8


def test_a_database_that_goes_away_is_waited_for(
    shared: Database,
    postgres_server: PostgresServer,
    postgres_url: str,
    version: int,
    start: Start,
    openai_environment: OpenAIServer,
) -> None:
    """The worker goes on when it is back, with what it had in flight and with the rest; the port tells both."""
    openai_environment.behave_always(Behaviour.slow(0.3))
    batch_id = detach(shared, version, 30)
    port = free_port()
    worker = started(start, "--listen", f"127.0.0.1:{port}")
    wait_until(lambda: len(openai_environment.asked) >= 6, "some requests")
    name = Identifier(make_url(postgres_url).database or "")
    allow, go = SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}"), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    postgres_server.connection.execute(allow.format(name, SQL("false")))
    postgres_server.connection.execute(f"{go} WHERE datname = %s", [make_url(postgres_url).database])
    assert answer(port, "/health") == (503, {"status": "database_unavailable"})
    postgres_server.connection.execute(allow.format(name, SQL("true")))
    wait_until(lambda: state_of(shared, batch_id) == "done", "the end of the batch")
    assert answer(port, "/health") == (200, {"status": "ok"})
    worker.terminate()
    assert worker.wait()[0] == 0
    assert states(shared) == {"succeeded": 30}
    assert len(openai_environment.asked) == 30


def test_the_port_tells_prometheus_what_was_done(
    shared: Database, version: int, start: Start, openai_environment: OpenAIServer
) -> None:
    openai_environment.behave(Behaviour.refusal())
    batch_id = detach(shared, version, 3)
    detach(shared, version, 2, provider="elsewhere")
    port = free_port()
    started(start, "--listen", f":{port}")
    wait_until(lambda: state_of(shared, batch_id) == "done", "the end of the batch")
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as reply:
        lines = reply.read().decode().splitlines()
    assert 'promptlab_generations_total{outcome="succeeded",provider="openai"} 2.0' in lines
    assert 'promptlab_generations_total{outcome="refused",provider="openai"} 1.0' in lines
    assert 'promptlab_in_flight{provider="openai"} 0.0' in lines
    assert 'promptlab_queue_length{provider="elsewhere"} 2.0' in lines
    assert 'promptlab_provider_seconds_count{provider="openai"} 3.0' in lines


def test_on_sqlite_a_sentence_says_what_a_worker_needs(promptlab: Promptlab) -> None:
    ran = promptlab("worker", code=4)
    assert "Workers share a PostgreSQL database" in ran.err
    assert "PROMPTLAB_DATABASE_URL" in ran.err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--listen", "somewhere"), 2, "is no HOST:PORT"),
        (("--listen", "127.0.0.1:70000"), 2, "is no HOST:PORT"),
        (("--provider", "openia"), 2, "openai"),
        (("--provider", "openai"), 4, "OPENAI_API_KEY"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_taken(
    shared: Database, promptlab: Promptlab, arguments: tuple[str, ...], code: int, said: str
) -> None:
    assert said in promptlab("worker", *arguments, code=code).err


def answer(port: int, path: str) -> tuple[int, dict[str, str]]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as reply:
            return reply.status, json.load(reply)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
