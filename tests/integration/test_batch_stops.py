"""How a batch is stopped, by its own process or another, and how it goes on."""

import re
import shlex

import pytest
from tests.fixtures.batches import make_cases, make_version, prompts, rows, states, wanted
from tests.fixtures.command_line import Promptlab
from tests.fixtures.processes import Process, Start, wait_until
from tests.openai_behaviour import Behaviour
from tests.openai_server import OpenAIServer

RUN = ("batch", "run", "--prompt-version", "p", "--cases", "cases.csv")
RESUME = ("batch", "resume", 1)
LONG = 30.0


@pytest.fixture(autouse=True)
def server(openai_environment: OpenAIServer, promptlab: Promptlab) -> OpenAIServer:
    """The provider, with a version of it and six cases."""
    make_version(promptlab)
    make_cases(6)
    return openai_environment


def go_on(err: str) -> list[str]:
    """Return the arguments of the only command in what was said that goes on with what is planned."""
    [command] = re.findall(r"Go on with:\s+promptlab (.*)", err)
    return shlex.split(command)


def in_flight(server: OpenAIServer, start: Start, *flags: str, seconds: float = LONG) -> Process:
    """A run that has two requests in flight."""
    server.behave_always(Behaviour.slow(seconds))
    process = start(*RUN, "--concurrency", 2, *flags)
    wait_until(lambda: len(server.asked) == 2, "two requests")
    return process


def test_a_paused_batch_is_left_alone_until_it_is_resumed(promptlab: Promptlab, server: OpenAIServer) -> None:
    promptlab(*RUN, "--max-images", 2, code=7)
    promptlab("batch", "pause", 1)
    error = promptlab(*RUN, "--json", code=3).error
    assert (error["code"], error["message"]) == ("conflict", "Batch 1 is paused.")
    assert error["hint"] == "Go on with: promptlab batch resume 1"
    assert len(server.asked) == 2
    assert promptlab(*RESUME, "--max-images", 9, "--json").json["state"] == "done"
    assert prompts(server) == wanted("p", 6)


def test_retrying_one_generation_of_a_paused_batch_leaves_the_others_paused(promptlab: Promptlab) -> None:
    """Whoever names one asks for that one."""
    promptlab(*RUN, "--deadline", 0.001, code=7)
    promptlab("batch", "pause", 1)
    promptlab("generation", "retry", 3)
    view = promptlab("batch", "show", 1, "--json").json
    assert (view["state"], states(view)) == ("paused", {"succeeded": 1, "planned": 5})


def test_a_batch_buys_within_its_own_limits_what_another_has_planned(promptlab: Promptlab) -> None:
    """Neither takes away from the other, whichever planned a generation first."""
    promptlab(*RUN, "--max-images", 2, code=7)
    longer = promptlab(*RUN, "--draws", 2, "--max-images", 3, "--json", code=7).json
    assert (longer["id"], longer["succeeded"], longer["committed_images"]) == (2, 5, 3)
    first = promptlab("batch", "show", 1, "--json").json
    assert (first["state"], first["committed_images"], first["max_images"]) == ("stopped", 2, 2)
    promptlab("batch", "cancel", 2, "--yes")
    assert promptlab("batch", "resume", 1, "--max-images", 9, "--json").json["state"] == "done"


@pytest.mark.parametrize("command", [["pause"], ["cancel", "--yes"]])
def test_another_process_stops_a_running_batch(
    promptlab: Promptlab, server: OpenAIServer, start: Start, command: list[str]
) -> None:
    """What is in flight ends, nothing more is sent, and the run that was stopped says why."""
    process = in_flight(server, start, seconds=3.0)
    promptlab("batch", *command, 1)
    code, _out, err = process.wait()
    done = {"pause": "paused", "cancel": "cancelled"}[command[0]]
    assert (code, f"Error: Batch 1 was {done}.\n" in err) == (130, True), err
    view = promptlab("batch", "show", 1, "--json").json
    left = {"pause": "planned", "cancel": "cancelled"}[command[0]]
    assert (view["state"], states(view)) == (done, {"succeeded": 2, left: 4})
    assert len(server.asked) == 2


@pytest.mark.parametrize("flags", [[], ["--json"]])
def test_ctrl_c_finishes_what_is_in_flight_and_says_how_to_go_on(
    promptlab: Promptlab, server: OpenAIServer, start: Start, flags: list[str]
) -> None:
    process = in_flight(server, start, *flags, seconds=2.0)
    process.interrupt()
    code, _out, err = process.wait()
    assert code == 130
    assert "Finishing what is in flight; Ctrl-C again stops at once." in err
    assert states(promptlab("batch", "show", 1, "--json").json) == {"succeeded": 2, "planned": 4}
    server.behave_always()
    promptlab(*go_on(err))
    assert prompts(server) == wanted("p", 6)


def test_ctrl_c_twice_stops_at_once(promptlab: Promptlab, server: OpenAIServer, start: Start) -> None:
    """What was in flight is unknown then, and never sent again unasked."""
    process = in_flight(server, start)
    process.interrupt()
    process.hear("Ctrl-C again stops at once.")
    process.interrupt()
    code, _out, err = process.wait()
    assert code == 130
    server.behave_always()
    assert "In flight: 2. What no process waits for any more is settled by the next command." in err
    assert go_on(err) == ["batch", "resume", "1"]
    left = promptlab("batch", "show", 1, "--json").json
    assert (left["state"], states(left)) == ("planned", {"planned": 4, "unknown": 2})
    view = promptlab(*go_on(err), "--json", code=5).json
    assert states(view) == {"succeeded": 4, "unknown": 2}
    assert prompts(server) == wanted("p", 6)


def test_after_a_kill_the_next_command_says_once_what_goes_on(
    promptlab: Promptlab, server: OpenAIServer, start: Start
) -> None:
    in_flight(server, start).kill()
    said = promptlab("queue").err
    assert "Batch 1 has stopped, because its process ended; of its generations 4 are still planned." in said
    assert "Go on with" not in promptlab("queue").err
    server.behave_always()
    assert states(promptlab(*go_on(said), "--json", code=5).json) == {"succeeded": 4, "unknown": 2}
    assert sorted(row["state"] for row in rows(promptlab)) == ["succeeded"] * 4 + ["unknown"] * 2
    assert prompts(server) == wanted("p", 6)
