"""What stops a batch before all is made: money, images, time, retries, the first failure. The rest stays planned."""

import pytest
from tests.fixtures.batches import make_cases, make_version, prompts, rows, states, wanted
from tests.fixtures.command_line import Promptlab
from tests.fixtures.processes import Start, wait_until
from tests.openai_behaviour import Behaviour
from tests.openai_server import OpenAIServer

RUN = ("batch", "run", "--prompt-version", "p", "--cases", "cases.csv")
RESUME = ("batch", "resume", 1)
PRICE = 0.80
"""A little less than one generation of the default model may cost."""


@pytest.fixture(autouse=True)
def server(openai_environment: OpenAIServer, promptlab: Promptlab) -> OpenAIServer:
    """The provider, with a version of it and six cases."""
    make_version(promptlab)
    make_cases(6)
    return openai_environment


def without_usage() -> Behaviour:
    """An answer that does not say what it cost: it counts as the most that it may have."""
    return Behaviour(extra={"usage": None})


def test_a_cost_limit_counts_what_was_spent_before(promptlab: Promptlab, server: OpenAIServer) -> None:
    """Raised, it goes on from there; count and price are said before anything is sent."""
    server.behave_always(without_usage())
    stopped = promptlab(*RUN, "--max-cost", 2.5 * PRICE, code=7)
    assert "Batch 1: 6 of 6 generations to send, for at most $4.80" in stopped.err
    assert "promptlab batch resume 1 --max-cost USD" in stopped.err
    assert "The cost limit of batch 1 leaves no room for another image" in stopped.err
    view = promptlab("batch", "show", 1, "--json").json
    assert (view["state"], states(view)) == ("stopped", {"planned": 4, "succeeded": 2})
    assert len(server.asked) == 2
    assert states(promptlab(*RESUME, "--json", code=7).json) == states(view)
    again = promptlab(*RESUME, "--max-cost", 4.5 * PRICE, code=7)
    assert "Batch 1: 4 of 6 generations to send, for at most $3.20" in again.err
    assert len(server.asked) == 4
    assert promptlab(*RESUME, "--max-cost", 7 * PRICE, "--json").json["state"] == "done"
    assert prompts(server) == wanted("p", 6)


def test_one_that_costs_more_than_the_limit_is_said_before_anything_is_planned(promptlab: Promptlab) -> None:
    error = promptlab(*RUN, "--max-cost", 0.1, "--json", code=7).error
    assert error["message"].startswith("p@1, case 1 (k1): One generation may cost up to $0.80")
    assert rows(promptlab) == []


def test_an_image_limit_holds_over_all_runs(promptlab: Promptlab, server: OpenAIServer) -> None:
    stopped = promptlab(*RUN, "--max-images", 2, code=7)
    assert "The limit of batch 1 is reached: 2 of 2 images." in stopped.err
    assert "promptlab batch resume 1 --max-images N" in stopped.err
    promptlab(*RESUME, code=7)
    assert len(server.asked) == 2
    promptlab(*RESUME, "--max-images", 5, code=7)
    assert len(server.asked) == 5
    assert promptlab(*RUN, "--json").json["state"] == "done", "the limits are those that were given last"
    assert prompts(server) == wanted("p", 6)


def test_a_stopped_batch_of_which_others_have_bought_the_rest_is_done(promptlab: Promptlab) -> None:
    promptlab(*RUN, "--max-images", 2, code=7)
    make_cases(7)
    promptlab(*RUN)
    assert [batch["state"] for batch in promptlab("batch", "list", "--json").json["items"]] == ["done", "done"]
    assert promptlab("batch", "show", 1, "--json").json["state"] == "done"


def test_after_a_deadline_nothing_is_sent(promptlab: Promptlab, server: OpenAIServer) -> None:
    """Nor counts it for the next run."""
    stopped = promptlab(*RUN, "--deadline", "0.000001", code=7)
    assert "The deadline of batch 1 has passed." in stopped.err
    assert stopped.err.count("promptlab batch resume 1\n") == 1
    view = promptlab("batch", "show", 1, "--json").json
    assert (view["state"], states(view), len(server.asked)) == ("stopped", {"planned": 6}, 0)
    assert promptlab(*RESUME, "--json").json["state"] == "done"


def test_what_bought_nothing_is_sent_again_so_often(promptlab: Promptlab, server: OpenAIServer) -> None:
    server.behave_always(Behaviour.failing(503, retry_after="0"))
    assert states(promptlab(*RUN, "--max-retries", 0, "--json", code=5).json) == {"failed": 6}
    assert prompts(server) == wanted("p", 6)
    promptlab(*RESUME, "--max-retries", 2, "--retry-failed", code=5)
    assert prompts(server) == wanted("p", 6, draws=1 + 3)


def test_the_first_failure_stops_all(promptlab: Promptlab, server: OpenAIServer) -> None:
    """What was refused does not."""
    server.behave(Behaviour.refusal(), Behaviour.failing(400))
    stopped = promptlab(*RUN, "--fail-fast", "--concurrency", 1, "--json", code=5)
    assert (stopped.json["state"], states(stopped.json)) == ("stopped", {"planned": 4, "refused": 1, "failed": 1})
    assert "promptlab batch resume 1\n" in stopped.err
    assert states(promptlab(*RESUME, "--json", code=5).json) == {"succeeded": 4, "refused": 1, "failed": 1}


@pytest.mark.parametrize("flag", [["--allow-unpriced"], ["--assume-cost", "0.50"]])
def test_a_limit_needs_a_price_or_leave_to_go_on_without(
    promptlab: Promptlab, azure_environment: OpenAIServer, flag: list[str]
) -> None:
    """What one is assumed to cost at most holds as if it were the price."""
    make_version(promptlab, "own", provider="azure", model="pictures")
    run = ("batch", "run", "--prompt-version", "own", "--cases", "cases.csv", "--max-cost", 1.2)
    error = promptlab(*run, code=2).err
    assert "own@1, case 1 (k1): The price of pictures is not known, so --max-cost cannot hold." in error
    assert "--assume-cost USD says what one may cost, --allow-unpriced goes on" in " ".join(error.split())
    assert rows(promptlab) == []
    sent = 2 if flag[0] == "--assume-cost" else 6
    ran = promptlab(*run, *flag, code=7 if sent == 2 else 0)
    assert ("at most $3.00" if sent == 2 else "6 of 6 generations to send, at a price that nobody knows") in ran.err
    assert len(azure_environment.asked) == sent


def test_a_limit_that_comes_later_needs_a_price_as_well(promptlab: Promptlab, azure_environment: OpenAIServer) -> None:
    """Refused, it changes nothing: neither the limits nor what is to be sent again."""
    make_version(promptlab, "own", provider="azure", model="pictures")
    azure_environment.behave(Behaviour.failing(400))
    run = ("batch", "run", "--prompt-version", "own", "--cases", "cases.csv", "--concurrency", 1)
    promptlab(*run, "--fail-fast", code=5)
    before = promptlab("batch", "show", 1, "--json").json
    error = promptlab(*RESUME, "--max-cost", 1.2, "--retry-failed", code=2).err
    assert "The price of 6 generations of batch 1 is not known, so --max-cost cannot hold." in error
    assert promptlab("batch", "show", 1, "--json").json == before
    assert states(promptlab(*RESUME, "--max-cost", 1.2, "--assume-cost", 0.5, "--json", code=7).json)["succeeded"] == 2


def test_so_many_requests_as_asked_for_are_in_flight(server: OpenAIServer, start: Start) -> None:
    """Also more than the settings say."""
    server.behave_always(Behaviour.slow(30))
    process = start(*RUN, "--draws", 3, "--concurrency", 18, PROMPTLAB_OPENAI_CONCURRENCY="2")
    wait_until(lambda: len(server.asked) == 18, "all requests at once")
    process.kill()


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        *[("--max-cost", value) for value in ("-1", "nan", "inf")],
        *[("--max-images", value) for value in ("-1", "9999999999")],
        *[("--deadline", value) for value in ("0", "-5", "nan")],
        *[("--draws", value) for value in ("0", "-3", "10001")],
        ("--concurrency", "0"),
    ],
)
def test_a_limit_that_is_none_is_named(promptlab: Promptlab, flag: str, value: str) -> None:
    said = promptlab(*RUN, flag, value, code=2).err
    assert flag in said
    assert "case 1" not in said
    assert rows(promptlab) == []
