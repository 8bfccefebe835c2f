"""What becomes of a generation when the provider misbehaves: sent again, or refused, failed, unknown, each apart."""

import base64
import re
from pathlib import Path
from typing import Any

import pytest
from tests.fixtures.command_line import Promptlab, png
from tests.openai_behaviour import Behaviour
from tests.openai_server import OpenAIServer

from promptlab.services.id_ranges import as_ranges

UNPRICED = Behaviour.json_body({"data": [{"b64_json": base64.b64encode(png()).decode()}]})
"""An answer that says nothing of tokens."""
BUY = ("generate", "--prompt-version", "banner", "--json")


@pytest.fixture(autouse=True)
def banner(promptlab: Promptlab, openai_environment: OpenAIServer) -> None:
    promptlab("prompt", "create", "banner", "--user", "a fox", "--provider", "openai")


def buy(promptlab: Promptlab, *arguments: str | int, code: int) -> dict[str, Any]:
    [item] = promptlab(*BUY, *arguments, code=code).json["items"]
    view: dict[str, Any] = item
    return view


@pytest.mark.parametrize(
    "behaviour",
    [Behaviour.failing(500), Behaviour.failing(503), Behaviour.rate_limit(retry_after_ms="50")],
    ids=["500", "503", "429"],
)
def test_what_bought_nothing_is_sent_again(
    promptlab: Promptlab, openai_environment: OpenAIServer, behaviour: Behaviour
) -> None:
    """Each request is an attempt of the same generation."""
    openai_environment.behave(behaviour)
    made = buy(promptlab, code=0)
    assert (made["state"], made["error"]) == ("succeeded", None)
    assert [attempt["outcome"] for attempt in made["attempts"]] == ["retry", "succeeded"]
    assert len(openai_environment.asked) == 2


def test_attempts_are_used_up(
    promptlab: Promptlab, openai_environment: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROMPTLAB_OPENAI_ATTEMPTS", "2")
    openai_environment.behave_always(Behaviour.rate_limit(retry_after_ms="20"))
    made = buy(promptlab, code=5)
    assert (made["state"], made["error"]["http_status"]) == ("failed", 429)
    assert made["error"]["message"].endswith("(given up after 2 attempts)")
    assert len(openai_environment.asked) == 2


def test_a_provider_that_asks_for_hours_is_not_waited_for(
    promptlab: Promptlab, openai_environment: OpenAIServer
) -> None:
    """Nothing has failed: what is left stays planned, and nothing more is asked of it."""
    openai_environment.behave(*[Behaviour.rate_limit(retry_after="7200")] * 9)
    ran = promptlab(*BUY, "--draws", 9, code=4)
    assert "It asks to wait 7,200 s." in ran.err
    assert {item["state"] for item in ran.json["items"]} == {"planned"}
    assert len(openai_environment.asked) < 9


@pytest.mark.parametrize(
    "behaviour",
    [Behaviour.failing(502), Behaviour.failing(504), Behaviour.connection_reset(), Behaviour.cut_off()],
    ids=["502", "504", "reset", "cut off"],
)
def test_what_may_have_been_billed_is_unknown_and_never_sent_again_by_itself(
    promptlab: Promptlab, openai_environment: OpenAIServer, behaviour: Behaviour
) -> None:
    """Only on request, as a new attempt of the same row."""
    openai_environment.behave(behaviour)
    made = buy(promptlab, code=5)
    assert (made["state"], made["cost_usd"]) == ("unknown", None)
    assert len(openai_environment.asked) == 1
    promptlab("queue")
    assert len(openai_environment.asked) == 1
    again = promptlab("generation", "retry", made["id"], "--json").json["items"][0]
    assert (again["id"], again["state"]) == (made["id"], "succeeded")
    assert [attempt["outcome"] for attempt in again["attempts"]] == ["unknown", "succeeded"]


@pytest.mark.parametrize("stage", ["input", "output"])
def test_a_refusal_is_no_failure(promptlab: Promptlab, openai_environment: OpenAIServer, stage: str) -> None:
    """It has its own state, count and exit code, keeps the provider's categories, and is not sent again unasked."""
    openai_environment.behave(Behaviour.refusal(stage=stage, categories=["violence"]))
    made = buy(promptlab, code=6)
    assert (made["state"], made["error"]["kind"]) == ("refused", "content_policy")
    assert "violence" in str(made["error"]["details"])
    assert re.search(r"refused for +violence", promptlab("generation", "show", made["id"]).out)
    [row] = promptlab("stats", "--json").json["items"]
    assert (row["refused"], row["failed"], row["succeeded"]) == (1, 0, 0)
    assert len(openai_environment.asked) == 1


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        (Behaviour.quota(), "quota"),
        (Behaviour.unauthorized(), "auth"),
        (Behaviour.model_not_found(), "not_found"),
        (Behaviour.no_json(), "bad_answer"),
        (Behaviour.no_base64(), "bad_answer"),
        (Behaviour.garbage(), "unusable_image"),
        (Behaviour.truncated_images(), "unusable_image"),
    ],
)
def test_what_would_not_help_is_failed_at_once(
    promptlab: Promptlab, openai_environment: OpenAIServer, behaviour: Behaviour, kind: str
) -> None:
    openai_environment.behave(behaviour)
    made = buy(promptlab, code=5)
    assert (made["state"], made["error"]["kind"]) == ("failed", kind)
    assert made["outputs"] == []
    assert len(openai_environment.asked) == 1


def test_an_answer_without_a_usable_image_is_kept_aside(
    promptlab: Promptlab, openai_environment: OpenAIServer, tmp_path: Path
) -> None:
    """It was paid for, so its bytes stay, and its cost counts."""
    openai_environment.behave(Behaviour.garbage())
    made = buy(promptlab, code=5)
    [kept] = (tmp_path / "promptlab" / "spool").rglob("*.aside")
    assert kept.name == f"{made['id']}-1.aside"
    assert b"This is no image." in kept.read_bytes()
    assert made["cost_usd"] > 0


def test_a_generation_costs_what_all_its_attempts_cost(promptlab: Promptlab, openai_environment: OpenAIServer) -> None:
    openai_environment.behave(Behaviour.garbage())
    first = buy(promptlab, code=5)
    [again] = promptlab("generation", "retry", first["id"], "--json").json["items"]
    assert again["cost_usd"] == pytest.approx(2 * first["cost_usd"])


def test_fewer_images_than_asked_for_are_a_success_with_a_warning(
    promptlab: Promptlab, openai_environment: OpenAIServer
) -> None:
    openai_environment.behave(Behaviour.fewer_images())
    ran = promptlab("generate", "--prompt-version", "banner", "--count", 3)
    assert "2 of the 3 images asked for came" in ran.err


def test_the_worst_outcome_is_the_exit_code(promptlab: Promptlab, openai_environment: OpenAIServer) -> None:
    """Failed or unknown before refused; the others have succeeded all the same."""
    openai_environment.behave(Behaviour.refusal(), Behaviour.garbage())
    items = promptlab(*BUY, "--draws", 3, code=5).json["items"]
    assert sorted(item["state"] for item in items) == ["failed", "refused", "succeeded"]


def test_a_cost_limit_holds(promptlab: Promptlab, openai_environment: OpenAIServer) -> None:
    """The highest price of each request is set aside before it is sent, and what it really costs counts after it.

    A request that finds no room waits for those in flight; only what then is left stays planned, and can be resumed
    under a higher limit, which counts what was spent before.
    """
    bound, real = promptlab(*BUY, "--dry-run").json["max_cost_usd"], buy(promptlab, code=0)["cost_usd"]
    limit = bound + 2.5 * real
    ran = promptlab(*BUY, "--draws", 6, "--max-cost", limit, code=7)
    states = [item["state"] for item in ran.json["items"]]
    assert (states.count("succeeded"), states.count("planned")) == (3, 3)
    assert len(openai_environment.asked) == 1 + 3
    planned = [item["id"] for item in ran.json["items"] if item["state"] == "planned"]
    assert f"promptlab generation retry {as_ranges(planned)} --max-cost USD" in ran.err
    promptlab("generation", "retry", *planned, code=7)
    again = promptlab("generation", "retry", *planned, "--max-cost", limit + real, "--json", code=7).json["items"]
    assert len(openai_environment.asked) == 1 + 3 + 1
    left = [item["id"] for item in again if item["state"] == "planned"]
    promptlab("generation", "retry", *left, "--max-cost", limit + 10 * real)
    assert len(openai_environment.asked) == 1 + 6


def test_a_limit_below_one_price_is_said_before_anything_is_planned(
    promptlab: Promptlab, openai_environment: OpenAIServer
) -> None:
    for arguments in ((), ("--dry-run",)):
        assert "more than --max-cost" in promptlab(*BUY, *arguments, "--max-cost", "0.0001", code=7).error["message"]
    assert promptlab("generation", "list", "--json").json["items"] == []
    assert openai_environment.requests == []


def test_a_limit_without_a_price_is_an_error_until_it_is_allowed(
    promptlab: Promptlab, openai_environment: OpenAIServer
) -> None:
    promptlab("prompt", "create", "own", "--user", "a fox", "--provider", "openai", "--model", "my-own-model")
    buy_own = ("generate", "--prompt-version", "own", "--max-cost", "1", "--json")
    assert "price of my-own-model is not known" in promptlab(*buy_own, code=2).error["message"]
    assert openai_environment.asked == []


def test_a_limit_on_a_retry_needs_a_price_as_well(promptlab: Promptlab, openai_environment: OpenAIServer) -> None:
    promptlab("prompt", "create", "own", "--user", "a fox", "--provider", "openai", "--model", "my-own-model")
    openai_environment.behave(Behaviour.garbage(), UNPRICED)
    [row] = promptlab("generate", "--prompt-version", "own", "--json", code=5).json["items"]
    retry = ("generation", "retry", row["id"], "--max-cost", "1", "--json")
    assert "cannot hold" in promptlab(*retry, code=2).error["message"]
    assert len(openai_environment.asked) == 1
    [row] = promptlab(*retry, "--allow-unpriced").json["items"]
    assert row["state"] == "succeeded"


def test_a_price_that_is_not_known_is_no_zero_after_a_free_failure(
    promptlab: Promptlab, openai_environment: OpenAIServer
) -> None:
    openai_environment.behave(Behaviour.model_not_found(), UNPRICED)
    promptlab("prompt", "create", "own", "--user", "a fox", "--provider", "openai", "--model", "my-own-model")
    [row] = promptlab("generate", "--prompt-version", "own", "--json", code=5).json["items"]
    assert row["cost_usd"] == 0
    [row] = promptlab("generation", "retry", row["id"], "--json").json["items"]
    assert (row["state"], row["cost_usd"]) == ("succeeded", None)
    assert promptlab("stats", "--name", "own", "--json").json["items"][0]["unpriced"] == 1


@pytest.mark.parametrize("behaviour", [Behaviour.garbage(), Behaviour.no_json(), Behaviour.no_base64()])
def test_an_answer_of_success_that_cannot_be_used_may_have_been_billed(
    promptlab: Promptlab, openai_environment: OpenAIServer, behaviour: Behaviour
) -> None:
    """What was set aside for it stays so: under a limit that leaves room for one, nothing more is sent."""
    bound = promptlab(*BUY, "--dry-run").json["max_cost_usd"]
    openai_environment.behave(behaviour)
    promptlab(*BUY, "--draws", "2", "--max-cost", bound, code=7)
    assert len(openai_environment.asked) == 1


def test_the_key_is_nowhere(promptlab: Promptlab, openai_environment: OpenAIServer, tmp_path: Path) -> None:
    """Not in the database, the spool, the output: also when the server repeats it."""
    openai_environment.behave(Behaviour.echo_of_the_key(), Behaviour.unauthorized())
    for _ in range(2):
        ran = promptlab(*BUY, code=5)
        assert "sk-test-0123456789abcdef" not in ran.out + ran.err
    held = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"sk-test-0123456789abcdef" not in held


def test_a_server_that_answers_with_addresses_is_fetched_from(
    promptlab: Promptlab, openai_environment: OpenAIServer
) -> None:
    openai_environment.behave(Behaviour.linked())
    assert buy(promptlab, code=0)["outputs"][0]["media_type"] == "image/png"


def test_inputs_and_a_mask_are_sent(
    promptlab: Promptlab, openai_environment: OpenAIServer, picture: Path, tmp_path: Path
) -> None:
    mask = tmp_path / "mask.png"
    mask.write_bytes(png(mode="RGBA"))
    made = buy(promptlab, "--input", str(picture), "--input", str(picture), "--mask", str(mask), code=0)
    assert [(image["role"], image["position"]) for image in made["inputs"]] == [("input", 0), ("input", 1), ("mask", 0)]
    [request] = openai_environment.asked
    assert request.path == "/v1/images/edits"


def test_an_input_that_the_model_does_not_take_is_not_sent(
    promptlab: Promptlab, openai_environment: OpenAIServer, tmp_path: Path, picture: Path
) -> None:
    """Neither a format nor a number of them."""
    from tests.unit.test_images import encoded

    (tmp_path / "a.gif").write_bytes(encoded("GIF"))
    assert "takes no image/gif" in promptlab(*BUY, "--input", "a.gif", code=2).error["message"]
    too_many = [argument for _ in range(17) for argument in ("--input", picture)]
    assert "at most 16 input images, not 17" in promptlab(*BUY, *too_many, code=2).error["message"]
    assert openai_environment.requests == []


@pytest.mark.parametrize(
    ("behaviour", "code", "says"),
    [
        (Behaviour.garbage(), 5, ["Failed", "promptlab generation retry 1"]),
        (Behaviour.cut_off(), 5, ["Unknown", "may buy it twice", "generation show 1", "promptlab generation retry 1"]),
        (Behaviour.refusal(), 6, ["Refused", "promptlab generation show 1"]),
    ],
)
def test_what_to_do_next_is_said(
    promptlab: Promptlab, openai_environment: OpenAIServer, behaviour: Behaviour, code: int, says: list[str]
) -> None:
    """Each outcome without images has its own way on; what the content policy refused is not offered once more."""
    openai_environment.behave(behaviour)
    said = promptlab("generate", "--prompt-version", "banner", code=code).err
    assert all(part in said for part in says)
    assert ("generation retry" in said) == (code == 5)


def test_a_retry_leaves_alone_what_is_done(promptlab: Promptlab, openai_environment: OpenAIServer) -> None:
    """It says so and goes on with the others; where all are done there is nothing to go on with."""
    openai_environment.behave(Behaviour.garbage())
    broken, done = buy(promptlab, code=5), buy(promptlab, code=0)
    ran = promptlab("generation", "retry", done["id"], broken["id"], "--json")
    assert [(row["id"], row["state"]) for row in ran.json["items"]] == [(broken["id"], "succeeded")]
    assert ran.err == f"There are images already of generation {done['id']}.\n"
    assert len(openai_environment.asked) == 3
    again = promptlab("generation", "retry", done["id"], broken["id"], "--json", code=3)
    assert again.error["message"] == f"There are images already of generation {broken['id']}, {done['id']}."


def test_stats_count_what_a_limit_left_planned(promptlab: Promptlab, openai_environment: OpenAIServer) -> None:
    """Nobody looks for it where it is not shown."""
    bound = promptlab(*BUY, "--dry-run").json["max_cost_usd"]
    promptlab(*BUY, "--draws", 3, "--max-cost", bound, code=7)
    [row] = promptlab("stats", "--json").json["items"]
    assert (row["generations"], row["succeeded"], row["planned"]) == (3, 1, 2)
    assert "2 planned" in promptlab("stats").out
