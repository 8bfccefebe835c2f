"""`promptlab batch run` again: the same request is the same batch, and only what is missing is bought."""

import json
from collections import Counter

import pytest
from tests.fixtures import factories
from tests.fixtures.batches import make_cases, make_version, prompts, rows, states, wanted
from tests.fixtures.command_line import Promptlab
from tests.fixtures.factories import opening
from tests.fixtures.processes import Start, wait_until
from tests.openai_behaviour import Behaviour
from tests.openai_server import OpenAIServer

from promptlab.db.columns import now
from promptlab.db.states import GenerationState

RUN = ("batch", "run", "--prompt-version", "p", "--cases", "cases.csv")
BOTH = ("batch", "run", "--prompt-version", "p", "--prompt-version", "q", "--cases", "cases.csv")


@pytest.fixture(autouse=True)
def server(openai_environment: OpenAIServer, database_url: str, monkeypatch: pytest.MonkeyPatch) -> OpenAIServer:
    """The provider; every test runs once on SQLite and once on PostgreSQL."""
    monkeypatch.setenv("PROMPTLAB_DATABASE_URL", database_url)
    return openai_environment


@pytest.fixture(autouse=True)
def _versions(promptlab: Promptlab, server: OpenAIServer) -> None:
    for name in ("p", "q"):
        make_version(promptlab, name)
    make_cases(3)


def test_the_same_request_is_the_same_batch(promptlab: Promptlab, server: OpenAIServer) -> None:
    """Whatever the order of the versions and cases, however the versions are called, whether a case set or a file."""
    first = promptlab(*BOTH, "--json").json
    assert states(first) == {"succeeded": 6}
    lines = make_cases(3).read_text().splitlines()
    make_cases(3).write_text("\n".join([lines[0], *lines[:0:-1]]) + "\n")
    promptlab("cases", "import", "things", "cases.csv")
    named = ("--prompt-version", "q@1", "--prompt-version", "p", "--prompt-version", "p@1", "--cases")
    for cases in ("cases.csv", "things"):
        again = promptlab("batch", "run", *named, cases, "--json").json
        assert again == first, "also the time that it took"
    assert prompts(server) == wanted("pq", 3)
    assert len(promptlab("batch", "list", "--json").json["items"]) == 1


@pytest.mark.parametrize("other", [("--seed", 7), ("--param", "quality=low"), ("--draws", 2)])
def test_another_request_is_another_batch(promptlab: Promptlab, other: tuple[str, ...]) -> None:
    assert promptlab(*RUN, "--json").json["id"] == 1
    assert promptlab(*RUN, *other, "--json").json["id"] == 2
    assert promptlab(*RUN, *other, "--json").json["id"] == 2


def test_a_third_draw_is_bought_after_two(promptlab: Promptlab, server: OpenAIServer) -> None:
    promptlab(*RUN, "--draws", 2)
    said = promptlab(*RUN, "--draws", 3)
    assert "Batch 2: 3 of 9 generations to send, for at most $2.40" in said.err
    assert prompts(server) == wanted("p", 3, draws=3)
    assert sorted((row["case"], row["draw"]) for row in rows(promptlab)) == [
        (f"k{case}", draw) for case in (1, 2, 3) for draw in (1, 2, 3)
    ]


def test_a_longer_file_of_cases_buys_its_new_rows(promptlab: Promptlab, server: OpenAIServer) -> None:
    promptlab(*RUN)
    make_cases(5)
    assert states(promptlab(*RUN, "--json").json) == {"succeeded": 5}
    assert prompts(server) == wanted("p", 5)


def test_what_generate_has_bought_counts(promptlab: Promptlab, server: OpenAIServer) -> None:
    promptlab("generate", "--prompt-version", "p", "--var", "subject=thing 2", "--draws", 2)
    assert states(promptlab(*RUN, "--draws", 2, "--json").json) == {"succeeded": 6}
    assert prompts(server) == wanted("p", 3, draws=2)


def test_a_deleted_generation_is_bought_again(promptlab: Promptlab, server: OpenAIServer) -> None:
    promptlab(*RUN)
    gone = rows(promptlab)[1]
    promptlab("generation", "delete", gone["id"], "--yes")
    assert promptlab(*RUN, "--json").json["id"] == 1
    assert prompts(server) == wanted("p", 3) + Counter([gone["rendered_user_prompt"]])
    assert [row["state"] for row in rows(promptlab)] == ["succeeded"] * 3


def test_two_processes_that_start_the_same_batch_buy_it_once(
    promptlab: Promptlab, server: OpenAIServer, start: Start
) -> None:
    make_cases(12)
    server.behave_always(Behaviour.slow(0.1))
    processes = [start(*BOTH, "--draws", 2, "--concurrency", 3, "--json") for _ in range(2)]
    ended = [process.wait() for process in processes]
    assert [code for code, _out, _err in ended] == [0, 0], ended
    assert [json.loads(out)["id"] for _code, out, _err in ended] == [1, 1]
    assert prompts(server) == wanted("pq", 12, draws=2)
    assert states(promptlab("batch", "show", 1, "--json").json) == {"succeeded": 48}


def test_each_of_two_processes_ends_when_the_batch_does(
    promptlab: Promptlab, server: OpenAIServer, start: Start
) -> None:
    """One that has nothing left to send waits for what the other has in flight, and both say what became of it."""
    make_cases(2)
    server.behave_always(Behaviour.slow(2.5))
    first = start(*RUN, "--json")
    wait_until(lambda: len(server.asked) == 2, "both requests")
    second = promptlab(*RUN, "--json").json
    assert (second["state"], second["succeeded"], second["sending"]) == ("done", 2, 0)
    code, out, err = first.wait()
    assert (code, json.loads(out)["state"]) == (0, "done"), err
    assert len(server.asked) == 2


def test_what_a_dead_process_has_left_of_another_batch_does_not_end_the_waiting(
    promptlab: Promptlab, server: OpenAIServer, start: Start, database_url: str
) -> None:
    """As many jobs as the other has requests in flight, about which nobody can be asked; that is told once."""
    make_cases(2)
    server.behave_always(Behaviour.slow(3.5))
    first = start(*RUN, "--json")
    wait_until(lambda: len(server.asked) == 2, "both requests")
    with opening(database_url) as database, database.transaction() as session:
        for _job in range(2):
            version = factories.version(session, provider="bfl", model="flux-2-pro")
            row = factories.generation(session, prompt_version_id=version.id, state=GenerationState.SENDING)
            factories.attempt(session, row, outcome=None, owner="gone", lease_until=now(), handle="a job")
    second = promptlab(*RUN, "--json")
    assert (second.json["state"], second.json["succeeded"], second.json["sending"]) == ("done", 2, 0)
    assert second.err.count("2 earlier generations cannot be asked about") <= 2, "by the command, and by the run"
    code, _out, err = first.wait()
    assert code == 0, err


def test_everything_is_planned_before_the_first_request(
    promptlab: Promptlab, server: OpenAIServer, start: Start
) -> None:
    """In an order that tells nothing: versions, cases and draws come mixed."""
    server.behave_always(Behaviour.slow(30))
    process = start(*BOTH, "--draws", 4, "--concurrency", 1)
    wait_until(lambda: server.asked, "a request")
    found = rows(promptlab)
    process.kill()
    assert sorted(row["state"] for row in found) == ["planned"] * 23 + ["sending"]
    order = [(row["prompt"], row["case"], row["draw"]) for row in found]
    assert len(set(order)) == 24
    in_order = sorted(order)
    assert order != in_order
    assert sum(order[place] == each for place, each in enumerate(in_order)) < 12


def test_a_dry_run_writes_and_spends_nothing(promptlab: Promptlab, server: OpenAIServer) -> None:
    """And shows how much there is, what would be sent and may cost; that needs no key."""
    looked = promptlab(*BOTH, "--draws", 2, "--dry-run", "--json").json
    assert (looked["generations"], looked["missing"], looked["to_send"]) == (12, 12, 12)
    assert looked["max_cost_usd"] == pytest.approx(12 * 0.80, abs=0.01)
    for command in (("batch", "list"), ("generation", "list"), ("cases", "list")):
        assert promptlab(*command, "--json").json["items"] == []
    assert not server.asked


def test_a_dry_run_counts_what_is_left_of_an_earlier_run(promptlab: Promptlab, server: OpenAIServer) -> None:
    """What a limit has left planned and what was cancelled would be sent as well, so it has its price."""
    promptlab(*RUN, "--draws", 2, "--max-images", 2, code=7)
    looked = promptlab(*RUN, "--draws", 3, "--dry-run", "--json").json
    assert (looked["existing"]["planned"], looked["existing"]["succeeded"]) == (4, 2)
    assert (looked["missing"], looked["to_send"]) == (3, 7)
    assert looked["max_cost_usd"] == pytest.approx(7 * 0.80, abs=0.01)
    promptlab("batch", "cancel", 1, "--yes")
    shown = promptlab(*RUN, "--draws", 3, "--dry-run").out.splitlines()
    assert [line.split() for line in shown if line.startswith(("there", "to send", "costs"))] == [
        ["there", "already", "2", "succeeded,", "4", "cancelled"],
        ["to", "send", "7"],
        ["costs", "at", "most", "$5.6003"],
    ]
    assert len(server.asked) == 2


def test_a_cancelled_batch_is_planned_anew_by_the_same_command(promptlab: Promptlab, server: OpenAIServer) -> None:
    promptlab(*RUN, "--max-images", 1, code=7)
    promptlab("batch", "cancel", 1, "--yes")
    error = promptlab("batch", "resume", 1, "--json", code=3).error
    assert error["message"] == "Batch 1 was cancelled."
    assert "The same `promptlab batch run` again" in error["hint"]
    again = promptlab(*RUN, "--json").json
    assert (again["id"], states(again)) == (1, {"succeeded": 3})
    assert prompts(server) == wanted("p", 3)


def test_a_cancelled_batch_stays_as_it_is_whatever_is_to_be_sent_again(
    promptlab: Promptlab, server: OpenAIServer
) -> None:
    """That of `generate` has no `batch run` to be planned anew by."""
    server.behave(Behaviour.failing(400), Behaviour.refusal(), Behaviour.rate_limit(retry_after="600"))
    promptlab("generate", "--prompt-version", "p", "--var", "subject=owl", "--draws", 3, code=4)
    promptlab("batch", "cancel", 1, "--yes")
    before = promptlab("batch", "show", 1, "--json").json
    tried = promptlab("batch", "resume", 1, "--retry-failed", "--retry-refused", 3, "--json", code=3).error
    assert "promptlab generation retry ID..." in tried["hint"]
    assert promptlab("batch", "show", 1, "--json").json == before
