"""Which draws and seeds a request gets, and that it says so: before it is sent, after, and for good."""

import re

import pytest
from tests.fixtures.command_line import Promptlab
from tests.openai_behaviour import Behaviour
from tests.openai_server import OpenAIServer

from promptlab.adapters.ai.capabilities import Capabilities
from promptlab.errors import InvalidInput
from promptlab.output.cells import money
from promptlab.output.sink import Output
from promptlab.runtime import Runtime
from promptlab.services import orders
from promptlab.services.dispatch import Progress
from promptlab.services.drafting import Terms
from promptlab.services.draws import first_draws
from promptlab.services.orders import Request

BUY = ("generate", "--prompt-version", "poster", "--var", "subject=fox")
SEED = (*BUY, "--seed", 7)


def shown(promptlab: Promptlab, what: str, id_: int) -> str:
    """Return a line of what a person is shown of a generation, empty where there is none."""
    found = re.search(rf"^{what}  +(.+)$", promptlab("generation", "show", id_).out, re.MULTILINE)
    return found[1] if found else ""


@pytest.mark.usefixtures("sketch_version")
def test_a_dry_run_shows_the_draws_and_seeds_that_are_used_then(promptlab: Promptlab) -> None:
    """Also where the request was made before; and looking changes nothing."""
    for first in (1, 3):
        for _ in range(2):
            dry = promptlab(*SEED, "--draws", 2, "--dry-run", "--json").json
            assert (dry["draws"], dry["seeds"]) == ([first, first + 1], [first + 6, first + 7])
        items = promptlab(*SEED, "--draws", 2, "--json").json["items"]
        assert [item["draw"] for item in items] == dry["draws"]
        assert [item["seed"] for item in items] == dry["seeds"]
    shown = promptlab(*SEED, "--draws", 2, "--dry-run").out
    assert re.search(r"^generations +2: draws 5 to 6$", shown, re.MULTILINE)
    assert re.search(r"^sent with +seeds 11 to 12$", shown, re.MULTILINE)


@pytest.mark.usefixtures("sketch_version")
def test_a_seed_that_was_used_before_is_said_to_be_another_now(promptlab: Promptlab) -> None:
    """By a dry run and by a real one; not the first time, and not of another seed."""
    again = "Seed 7 was used before with this request: "
    assert again not in promptlab(*SEED, "--dry-run").err
    assert again not in promptlab(*SEED).err
    assert f"{again}this is draw 2, with seed 8.\n" in promptlab(*SEED, "--dry-run").err
    assert f"{again}this is draw 2, with seed 8.\n" in promptlab(*SEED).err
    assert f"{again}these are draws 3 to 4, with seeds 9 to 10.\n" in promptlab(*SEED, "--draws", 2).err
    assert "was used before" not in promptlab(*BUY, "--seed", 8).err


@pytest.mark.usefixtures("sketch_version")
def test_what_somebody_else_bought_in_the_meantime_is_counted() -> None:
    """Draws are given out when they are planned; what was prepared before says those that it got."""
    runtime = Runtime({}, Output(quiet=True))
    request = Request(reference="poster", variables={"subject": "fox"}, terms=Terms(seed=7))
    try:
        drafts = [orders.prepare(runtime.lab, request) for _ in range(2)]
        progress = Progress(finished=lambda _id: None, stopping=lambda _sentence: None)
        placed = [orders.place(runtime.lab, draft, progress) for draft in drafts]
    finally:
        runtime.close()
    assert [each.draft.draws.seeds for each in drafts] == [[7], [7]]
    assert [each.draws.seeds for each in placed if each.draws] == [[7], [8]]


@pytest.mark.usefixtures("sketch_version")
def test_the_same_input_images_count_as_the_same_request(promptlab: Promptlab, picture: str) -> None:
    """A dry run finds them though it keeps no image; another image is another request."""
    promptlab(*SEED, "--input", picture)
    assert promptlab(*SEED, "--input", picture, "--dry-run", "--json").json["draws"] == [2]
    assert promptlab(*SEED, "--dry-run", "--json").json["draws"] == [1]
    assert "1: draw 2" in promptlab(*SEED, "--input", picture, "--dry-run").out
    assert "2: draws 1 to 2" in promptlab(*SEED, "--draws", 2, "--dry-run").out


@pytest.mark.usefixtures("sketch_version")
def test_a_generation_shows_how_its_seed_came_about(promptlab: Promptlab) -> None:
    first, second = promptlab(*SEED, "--draws", 2, "--json").json["items"]
    assert shown(promptlab, "seed", first["id"]) == "7"
    assert shown(promptlab, "seed", second["id"]) == "8 (asked for 7; this is draw 2)"
    assert (second["base_seed"], second["seed"]) == (7, 8)


def test_a_seed_that_is_not_sent_is_shown_as_that(promptlab: Promptlab, openai_environment: OpenAIServer) -> None:
    """The same request again says nothing of seeds that nobody uses."""
    promptlab("prompt", "create", "p", "--user", "a fox", "--provider", "openai")
    buy = ("generate", "--prompt-version", "p", "--seed", 3, "--json")
    [item] = promptlab(*buy).json["items"]
    assert "seed" not in openai_environment.requests[-1].fields
    assert (item["base_seed"], item["seed"]) == (3, None)
    assert shown(promptlab, "seed", item["id"]) == "none sent: the model takes none (asked for 3)"
    assert "was used before" not in promptlab(*buy).err


def test_what_was_sent_as_one_prompt_is_shown_as_it_was_sent(
    promptlab: Promptlab, openai_environment: OpenAIServer
) -> None:
    """Apart from what the service says it used; a dry run shows the same."""
    promptlab("prompt", "create", "p", "--user", "a fox", "--system", "Woodcuts.", "--provider", "openai")
    buy = ("generate", "--prompt-version", "p", "--json")
    dry, [item] = promptlab(*buy, "--dry-run").json, promptlab(*buy).json["items"]
    sent = openai_environment.requests[-1].fields["prompt"]
    assert (dry["combined_prompt"], item["combined_prompt"]) == (sent, sent)
    assert re.search(r"^sent as one +Woodcuts\.\n\n +a fox\n", promptlab("generation", "show", 1).out, re.MULTILINE)
    assert "system_prompt" not in shown(promptlab, "used", 1)
    assert "size=" in shown(promptlab, "used", 1)


@pytest.mark.usefixtures("openai_environment")
def test_a_prompt_without_a_system_prompt_was_not_put_together(promptlab: Promptlab) -> None:
    promptlab("prompt", "create", "p", "--user", "a fox", "--provider", "openai")
    assert promptlab("generate", "--prompt-version", "p", "--json").json["items"][0]["combined_prompt"] is None
    assert shown(promptlab, "sent as one", 1) == ""


def test_a_cost_that_is_not_known_is_shown_with_its_bound(
    promptlab: Promptlab, openai_environment: OpenAIServer
) -> None:
    """The bound holds for all attempts together: two of which nobody knows may both have been billed."""
    promptlab("prompt", "create", "p", "--user", "a fox", "--provider", "openai")
    bound = promptlab("generate", "--prompt-version", "p", "--dry-run", "--json").json["max_cost_usd"]
    openai_environment.behave(Behaviour.failing(502), Behaviour.failing(502))
    [item] = promptlab("generate", "--prompt-version", "p", "--json", code=5).json["items"]
    assert (item["cost_usd"], item["max_cost_usd"]) == (None, bound)
    assert shown(promptlab, "cost", 1) == f"not known, at most {money(bound)}"
    [item] = promptlab("generation", "retry", 1, "--json", code=5).json["items"]
    assert (item["cost_usd"], item["max_cost_usd"]) == (None, pytest.approx(2 * bound))


def test_a_cost_that_nobody_can_bound_is_shown_as_not_known(
    promptlab: Promptlab, openai_environment: OpenAIServer
) -> None:
    promptlab("prompt", "create", "p", "--user", "a fox", "--provider", "openai", "--model", "mine")
    openai_environment.behave(Behaviour.failing(502))
    [item] = promptlab("generate", "--prompt-version", "p", "--json", code=5).json["items"]
    assert (item["cost_usd"], item["max_cost_usd"]) == (None, None)
    assert shown(promptlab, "cost", 1) == "not known"


def test_no_draw_has_a_seed_above_the_highest() -> None:
    """Neither the last of the first draws, nor those that come later."""
    model = Capabilities(max_seed=10)
    draws = first_draws("m", model, seed=9, number=2, count=1)
    assert draws.seeds == [9, 10]
    with pytest.raises(InvalidInput, match="takes whole numbers from 0 to 10, and each draw one more"):
        first_draws("m", model, seed=10, number=2, count=1)
    with pytest.raises(InvalidInput, match=r"these are draws 2 to 3, with seeds 10 to 11; m takes none above 10\."):
        draws.starting_at(2)
    assert first_draws("m", Capabilities(seed=False), seed=99, number=2, count=1).starting_at(5).seeds == [None, None]
