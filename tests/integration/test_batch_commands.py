"""`promptlab batch list`, `show`, `pause` and `cancel`."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import timedelta

import pytest
from sqlmodel import col, select
from tests.fixtures import factories
from tests.fixtures.command_line import Promptlab
from tests.fixtures.factories import DEFAULT_PROJECT, opening

from promptlab.db import batches, generations
from promptlab.db.columns import now
from promptlab.db.engine import Database
from promptlab.db.models import BatchItem, Generation
from promptlab.db.states import AttemptOutcome, BatchState, GenerationState

BATCH = 1
"""The id of the first batch in a new database."""


@pytest.fixture
def shared(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """The database that the commands of the test use."""
    monkeypatch.setenv("PROMPTLAB_DATABASE_URL", database_url)
    with opening(database_url) as database:
        yield database


def batch_of(
    database: Database, *states: GenerationState, batch_state: BatchState = BatchState.STOPPED, **columns: object
) -> list[int]:
    """Make a batch of one version with a generation in each state, and return their ids."""
    with database.transaction() as session:
        batch = factories.batch(session, state=batch_state, **columns)
        of_batch = {"batch_id": batch.id, "prompt_version_id": factories.version(session).id}
        return [factories.generation(session, **of_batch, state=state).id or 0 for state in states]


def states_of(database: Database) -> list[str]:
    with database.reading() as session:
        rows = session.exec(select(Generation).order_by(col(Generation.id)))
        return [row.state.value for row in rows]


PLANNED, FAILED, SUCCEEDED = GenerationState.PLANNED, GenerationState.FAILED, GenerationState.SUCCEEDED
KEYS = ["id", "state", "planned", "succeeded", "refused", "failed", "unknown", "cancelled", "cost_usd", "unpriced"]


def test_a_batch_has_the_keys_that_scripts_rely_on(promptlab: Promptlab, shared: Database) -> None:
    batch_of(shared, PLANNED, FAILED, SUCCEEDED, SUCCEEDED, max_cost_usd=5.0, committed_usd=0.5)
    shown = promptlab("batch", "show", BATCH, "--json").json
    counts = {"planned": 1, "sending": 0, "succeeded": 2, "refused": 0, "failed": 1, "unknown": 0, "cancelled": 0}
    assert [key for key in shown if key in KEYS] == KEYS
    assert {key: shown[key] for key in counts} == counts
    assert (shown["total"], shown["cost_usd"], shown["unpriced"], shown["elapsed_s"]) == (4, None, 3, None)
    assert (shown["max_cost_usd"], shown["committed_usd"], shown["max_images"]) == (5.0, 0.5, None)
    [version] = shown["versions"]
    assert (version["prompt"], version["version"], version["total"]) == ("poster", 1, 4)
    assert {key: version[key] for key in counts} == counts
    [listed] = promptlab("batch", "list", "--json").json["items"]
    assert listed == {key: value for key, value in shown.items() if key in listed}
    assert set(KEYS) <= set(listed)


def test_show_says_why_and_what_goes_on(promptlab: Promptlab, shared: Database) -> None:
    """Grouped by the kind of error, with the words of one of them and the commands that go on."""
    ids = batch_of(shared, FAILED, FAILED, GenerationState.REFUSED, GenerationState.UNKNOWN, PLANNED)
    kinds = ["rate_limit", "rate_limit", "content_policy", "process_died"]
    with shared.transaction() as session:
        for id_, kind in zip(ids, kinds, strict=False):
            row = session.get_one(Generation, id_)
            words = {"error_kind": kind, "http_status": 429, "error_message": f"the words of {id_}"}
            factories.attempt(session, row, outcome=AttemptOutcome(row.state.value), **words)
    first = promptlab("batch", "show", BATCH, "--json").json["errors"][0]
    example = {"generation_id": ids[0], "message": f"the words of {ids[0]}", "http_status": 429}
    assert first == {"state": "failed", "kind": "rate_limit", "count": 2, "example": example}
    shown = promptlab("batch", "show", BATCH)
    assert f"HTTP 429: the words of {ids[0]}" in shown.out
    for command in (
        f"promptlab generation show {ids[0]}",
        *(f"promptlab batch resume 1 {flag}" for flag in ("--retry-failed", "--retry-refused N", "--retry-unknown")),
    ):
        assert command in shown.err
    assert shown.err.endswith("Go on with: promptlab batch resume 1\n")


def test_what_was_asked_wrongly_leads_to_another_version(promptlab: Promptlab, shared: Database) -> None:
    """Sending the same again would fail again."""
    ids = batch_of(shared, FAILED, batch_state=BatchState.DONE)
    with shared.transaction() as session:
        row = session.get_one(Generation, ids[0])
        factories.attempt(session, row, outcome=AttemptOutcome.FAILED, error_kind="bad_request")
    said = promptlab("batch", "show", BATCH).err
    assert "promptlab prompt create" in said
    assert "--retry-failed" not in said


def test_no_batch_is_said_in_a_sentence(promptlab: Promptlab, shared: Database) -> None:
    assert "There is none." in promptlab("batch", "list").err
    assert promptlab("batch", "list", "--json").json == {"items": [], "next_cursor": None}
    for command in ("show", "pause", "cancel"):
        assert "There is no batch 7." in promptlab("batch", command, 7, code=3).err


@pytest.mark.parametrize("state", [BatchState.PLANNED, BatchState.RUNNING, BatchState.STOPPED, BatchState.PAUSED])
def test_a_paused_batch_has_room_for_nothing(promptlab: Promptlab, shared: Database, state: BatchState) -> None:
    """Whoever runs it sends nothing more; its plan stays as it is."""
    batch_of(shared, PLANNED, GenerationState.SENDING, batch_state=state)
    paused = promptlab("batch", "pause", BATCH)
    assert "paused" in paused.out
    assert "In flight: 1. That ends by itself; nothing more is sent." in paused.err
    assert "Go on with: promptlab batch resume 1" in paused.err
    assert promptlab("batch", "show", BATCH, "--json").json["state"] == "paused"
    assert states_of(shared) == ["planned", "sending"]
    with shared.transaction() as session:
        assert not batches.reserve(session, BATCH, usd=0.0, images=1)


@pytest.mark.parametrize("command", [["pause"], ["cancel", "--yes"]])
def test_the_time_of_a_batch_stands_still_once_it_is_stopped(
    promptlab: Promptlab, shared: Database, command: list[str]
) -> None:
    started = now() - timedelta(seconds=90)
    batch_of(shared, PLANNED, batch_state=BatchState.RUNNING, started_at=started)
    stopped = promptlab("batch", *command, BATCH, "--json").json
    assert stopped["finished_at"] is not None
    assert promptlab("batch", "show", BATCH, "--json").json["elapsed_s"] == stopped["elapsed_s"] >= 90


def test_a_limit_that_is_used_up_is_to_be_raised(promptlab: Promptlab, shared: Database) -> None:
    batch_of(shared, PLANNED, max_cost_usd=5.0, max_images=10, committed_images=10)
    said = promptlab("batch", "show", BATCH).err
    assert said.endswith("promptlab batch resume 1 --max-cost USD --max-images N\n")


def test_cancelling_gives_up_what_is_planned(promptlab: Promptlab, shared: Database) -> None:
    """What is in flight ends by itself, what is made stays; a batch beside it keeps what it wants as well."""
    ids = batch_of(shared, PLANNED, PLANNED, PLANNED, GenerationState.SENDING, SUCCEEDED)
    for generation_id, state in zip(ids, (BatchState.STOPPED, BatchState.CANCELLED, None), strict=False):
        if state is not None:
            with shared.transaction() as session:
                other = factories.batch(session, state=state).id or 0
                session.add(BatchItem(project_id=DEFAULT_PROJECT, batch_id=other, generation_id=generation_id))
    cancelled = promptlab("batch", "cancel", BATCH, "--yes", "--json").json
    assert states_of(shared) == ["planned", "cancelled", "cancelled", "sending", "succeeded"]
    assert (cancelled["state"], cancelled["cancelled"], cancelled["planned"]) == ("cancelled", 2, 1)


def test_a_batch_can_be_cancelled_while_others_send(promptlab: Promptlab, shared: Database) -> None:
    """Nobody waits for each other for ever: each generation is either on its way before, or cancelled."""
    ids = batch_of(shared, *[PLANNED] * 60, batch_state=BatchState.RUNNING)

    def claimed(generation_id: int) -> bool:
        with shared.transaction() as session:
            if not generations.claim(session, generation_id):
                return False
            if batches.reserve(session, BATCH, usd=0.0, images=1):
                return True
            session.rollback()
            return False

    with ThreadPoolExecutor(4) as pool:
        going = [pool.submit(claimed, id_) for id_ in reversed(ids)]
        wait(going[:5])
        promptlab("batch", "cancel", BATCH, "--yes")
        sent = [future.result() for future in reversed(going)]
    assert states_of(shared) == ["sending" if was_sent else "cancelled" for was_sent in sent]
    assert any(sent)


def test_nothing_is_cancelled_without_a_yes(promptlab: Promptlab, shared: Database) -> None:
    batch_of(shared, PLANNED)
    assert "--yes says yes." in promptlab("batch", "cancel", BATCH, code=2).err
    assert states_of(shared) == ["planned"]


@pytest.mark.parametrize("state", [BatchState.DONE, BatchState.CANCELLED])
@pytest.mark.parametrize("command", [["pause"], ["cancel"], ["cancel", "--yes"]])
def test_what_is_over_is_neither_paused_nor_cancelled(
    promptlab: Promptlab, shared: Database, state: BatchState, command: list[str]
) -> None:
    """Nobody is asked about it, either."""
    batch_of(shared, SUCCEEDED, batch_state=state)
    assert f"is {state.value}" in promptlab("batch", *command, BATCH, code=3).err
    assert promptlab("batch", "show", BATCH, "--json").json["state"] == state


def test_a_cancelled_batch_says_how_to_plan_it_anew(promptlab: Promptlab, shared: Database) -> None:
    batch_of(shared, PLANNED, request={"references": ["poster"]}, request_key="key")
    assert "The same `promptlab batch run` again plans anew" in promptlab("batch", "cancel", BATCH, "--yes").err
    batch_of(shared, PLANNED)
    assert "`promptlab generation retry ID...`" in promptlab("batch", "cancel", BATCH + 1, "--yes").err


def test_every_batch_of_generate_is_listed(promptlab: Promptlab, sketch_version: int) -> None:
    for _ in range(2):
        promptlab("generate", "--prompt-version", sketch_version, "--var", "subject=fox", "--draws", 2)
    page = promptlab("batch", "list", "--limit", 1, "--json").json
    assert [(item["id"], item["state"], item["succeeded"]) for item in page["items"]] == [(2, "done", 2)]
    rest = promptlab("batch", "list", "--cursor", page["next_cursor"], "--json").json
    assert [item["id"] for item in rest["items"]] == [1]
    assert promptlab("batch", "list").out.splitlines()[-1].split()[:5] == ["1", "done", "2", "of", "2"]
