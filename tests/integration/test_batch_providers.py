"""Batches of several providers: one that refuses or rests stops its own requests only; warnings and rates."""

import pytest
from tests.fixtures.batches import make_cases, make_version, prompts, rows, states, wanted
from tests.fixtures.command_line import Promptlab
from tests.fixtures.processes import Start, wait_until
from tests.openai_behaviour import Behaviour
from tests.openai_server import OpenAIServer

RUN = ("batch", "run", "--prompt-version", "p", "--prompt-version", "own", "--cases", "cases.csv")
RESUME = ("batch", "resume", 1)


@pytest.fixture
def azure(azure_environment: OpenAIServer) -> OpenAIServer:
    return azure_environment


@pytest.fixture(autouse=True)
def server(openai_environment: OpenAIServer, azure_environment: OpenAIServer, promptlab: Promptlab) -> OpenAIServer:
    """OpenAI, with a version of it and one of Azure's, and six cases."""
    make_version(promptlab)
    make_version(promptlab, "own", provider="azure", model="pictures")
    make_cases(6)
    return openai_environment


def test_a_refused_key_stops_the_requests_to_its_provider_only(
    promptlab: Promptlab, server: OpenAIServer, azure: OpenAIServer
) -> None:
    """What is left of that stays planned, and goes on once the key is right."""
    server.behave_always(Behaviour.unauthorized())
    stopped = promptlab(*RUN, "--concurrency", 2, code=4)
    assert "Incorrect API key provided" in stopped.err
    assert "What is left stays planned. Look with: promptlab provider check openai" in stopped.err
    view = promptlab("batch", "show", 1, "--json").json
    mine, other = view["versions"]
    assert states(other) == {"succeeded": 6}
    assert mine["planned"] + mine["failed"] == 6
    assert 1 <= mine["failed"] == len(server.asked) <= 3
    server.behave_always()
    assert states(promptlab(*RESUME, "--retry-failed", "--json").json) == {"succeeded": 12}
    assert prompts(azure) == wanted(["own"], 6)


def test_a_provider_that_asks_for_a_long_rest_is_left_alone(
    promptlab: Promptlab, server: OpenAIServer, azure: OpenAIServer
) -> None:
    server.behave(Behaviour.rate_limit(retry_after="600"))
    stopped = promptlab(*RUN, "--concurrency", 1, code=4)
    assert "It asks to wait 600 s." in stopped.err
    assert "Go on with: promptlab batch resume 1\n" in stopped.err
    mine, other = promptlab("batch", "show", 1, "--json").json["versions"]
    assert (states(mine), states(other)) == ({"planned": 6}, {"succeeded": 6})
    assert (len(server.asked), len(azure.asked)) == (1, 6)


def test_providers_are_asked_at_once(server: OpenAIServer, azure: OpenAIServer, start: Start) -> None:
    """Each so many requests, whatever the other does."""
    for each in (server, azure):
        each.behave_always(Behaviour.slow(30))
    process = start(*RUN, "--concurrency", 3)
    wait_until(lambda: len(server.asked) == len(azure.asked) == 3, "three requests to each")
    process.kill()


def test_a_batch_without_its_key_says_so_and_stands_still(
    promptlab: Promptlab, server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of it counts as running then."""
    promptlab(*RUN, "--max-images", 2, "--concurrency", 1, code=7)
    asked = len(server.asked)
    with monkeypatch.context() as patch:
        patch.delenv("OPENAI_API_KEY")
        said = promptlab(*RESUME, "--max-images", 12, code=4)
        assert "OPENAI_API_KEY" in said.err
        assert "promptlab batch resume 1" in said.err
        assert promptlab("batch", "show", 1, "--json").json["state"] == "planned"
        assert len(server.asked) == asked
    assert promptlab(*RESUME, "--json").json["state"] == "done"


def test_what_a_case_lacks_is_said_before_anything_is_spent(promptlab: Promptlab, server: OpenAIServer) -> None:
    """With version, case and column; for a dry run too, and of prompts without cases."""
    promptlab("prompt", "create", "q", "--user", "{{ subject }}, {{ mood }}, {{ light }}", "--provider", "openai")
    run = ("batch", "run", "--prompt-version", "p", "--prompt-version", "q", "--cases", "cases.csv")
    for flags in ([], ["--dry-run"]):
        error = promptlab(*run, *flags, "--json", code=2).error
        assert error["message"] == "q@1, case 1 (k1): The user prompt needs a value for light, mood."
        assert error["hint"] == "Give the cases the columns light, mood."
    error = promptlab("batch", "run", "--prompt-version", "p", "--json", code=2).error
    assert error["message"] == "p@1: The user prompt needs a value for subject."
    assert error["hint"] == "Name cases with a column subject: --cases FILE."
    assert (rows(promptlab), server.asked) == ([], [])


def test_a_warning_is_said_once_however_many_generations_it_is_about(promptlab: Promptlab) -> None:
    said = promptlab(*RUN, "--seed", 5, "--dry-run").err
    assert said.count("Nothing is known about the model") <= 1
    warnings = [line for line in said.splitlines() if line.startswith("Warning: ")]
    assert len(warnings) == len(set(warnings)) >= 1


def test_nothing_but_data_warnings_and_errors_is_said_quietly(promptlab: Promptlab) -> None:
    ran = promptlab("--quiet", *RUN, "--json")
    assert states(ran.json) == {"succeeded": 12}
    assert [line for line in ran.err.splitlines() if not line.startswith("Warning: ")] == []


def test_a_rate_holds_over_two_processes(promptlab: Promptlab, server: OpenAIServer, start: Start) -> None:
    """Of so few a minute that the test cannot meet the second: only one is sent, whoever asks."""
    limit = {"PROMPTLAB_OPENAI_REQUESTS_PER_MINUTE": "0.1"}
    run = ("batch", "run", "--prompt-version", "p", "--cases", "cases.csv")
    processes = [start(*run, **limit) for _ in range(2)]
    wait_until(lambda: any(row["state"] == "succeeded" for row in rows(promptlab)), "an image")
    for process in processes:
        process.interrupt()
    assert [process.wait()[0] for process in processes] == [130, 130]
    assert len(server.asked) == 1
    assert states(promptlab("batch", "show", 1, "--json").json) == {"succeeded": 1, "planned": 5}
