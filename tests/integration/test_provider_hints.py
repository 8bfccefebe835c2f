"""What the tool itself says to do next where a provider or a model is not right."""

import re
from pathlib import Path
from typing import Any

import pytest
from tests.fixtures.command_line import Promptlab
from tests.openai_behaviour import Behaviour
from tests.openai_server import OpenAIServer


def checked(promptlab: Promptlab, name: str) -> tuple[str, str]:
    """Return sentence and hint of `provider check`, which finds something."""
    [item] = promptlab("provider", "check", name, "--json", code=4).json["items"]
    return item["message"], item["hint"]


def examined(promptlab: Promptlab, name: str) -> tuple[str, str]:
    """Return sentence and hint of `doctor --online` about a provider."""
    items = promptlab("doctor", "--online", "--json", code=4).json["items"]
    return next((item["message"], item["hint"]) for item in items if item["name"] == name)


@pytest.mark.parametrize(
    ("behaviour", "advice"),
    [
        (Behaviour.unauthorized(), "and set OPENAI_API_KEY to it."),
        (Behaviour.no_json(b"<html>Welcome</html>"), "See whether OPENAI_BASE_URL is right."),
        (Behaviour.quota(), "See to the billing of your account with openai."),
    ],
    ids=["wrong key", "wrong base URL", "no money"],
)
def test_a_check_gives_the_same_advice_as_the_doctor(
    promptlab: Promptlab, openai_environment: OpenAIServer, behaviour: Behaviour, advice: str
) -> None:
    openai_environment.behave_at_models(behaviour, behaviour, behaviour)
    message, hint = checked(promptlab, "openai")
    assert hint.endswith(advice)
    assert (message, hint) == examined(promptlab, "openai")
    assert advice in " ".join(promptlab("provider", "check", "openai", code=4).out.split())


def test_advice_is_the_same_where_nobody_answers(promptlab: Promptlab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "any text")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")
    found = checked(promptlab, "openai")
    assert found[1] == "Is the server running, and are the network and OPENAI_BASE_URL right?"
    assert found == examined(promptlab, "openai")


def test_advice_is_the_same_where_there_is_no_key(promptlab: Promptlab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROMPTLAB_PROVIDER", "openai")
    error = promptlab("provider", "check", "openai", "--json", code=4).error
    assert "and set OPENAI_API_KEY to it." in error["hint"]
    assert (error["message"], error["hint"]) == examined(promptlab, "openai")


def test_without_a_name_a_check_tells_of_what_is_set_up_wrongly_as_the_doctor_does(
    promptlab: Promptlab, openai_environment: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has set something for a provider means to use it; those for which nothing is set are left out."""
    monkeypatch.setenv("PROMPTLAB_FAL_BASE_URL", "fal.example")
    monkeypatch.setenv("PROMPTLAB_BFL_TIMEOUT", "fast")
    items = promptlab("provider", "check", "--json", code=4).json["items"]
    assert [(item["name"], item["ok"]) for item in items] == [
        ("bfl", False), ("fal", False), ("openai", True), ("sketch", True),
    ]  # fmt: skip
    for item in items[:2]:
        assert (item["message"], item["hint"]) == examined(promptlab, item["name"])


def test_what_a_service_says_and_the_advice_are_two_sentences(
    promptlab: Promptlab, openai_environment: OpenAIServer
) -> None:
    openai_environment.behave_at_models(Behaviour.error(401, "No such key"))
    said = " ".join(promptlab("provider", "check", "openai", code=4).out.split())
    assert re.search(r"No such key\S*[.)] Get a key", said), said


def models(promptlab: Promptlab, *arguments: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = promptlab("provider", "list", "--models", "--json", *arguments).json["items"]
    return found


def test_the_list_can_be_of_one_provider(promptlab: Promptlab) -> None:
    assert {item["provider"] for item in models(promptlab, "--provider", "fal")} == {"fal"}
    [alone] = promptlab("provider", "list", "--provider", "fal", "--json").json["items"]
    assert alone["name"] == "fal"


def test_a_list_of_a_provider_that_is_misspelt_offers_the_nearest(promptlab: Promptlab) -> None:
    for flags in ((), ("--models",)):
        error = promptlab("provider", "list", *flags, "--provider", "opena", "--json", code=2).error
        assert error["message"] == "There is no provider 'opena'. Did you mean 'openai'?"


def test_a_misspelt_model_without_a_provider_offers_the_nearest_of_all(promptlab: Promptlab) -> None:
    create = ("prompt", "create", "p", "--user", "a fox", "--json", "--model")
    assert "Did you mean 'fal-ai/flux-2'?" in promptlab(*create, "fal-ai/flux_2", code=2).error["message"]
    assert "Did you mean" not in promptlab(*create, "nothing-like-it", code=2).error["message"]


def test_a_provider_without_listed_models_says_how_to_list_some(promptlab: Promptlab) -> None:
    ran = promptlab("provider", "list", "--models", "--provider", "azure")
    assert ran.out == ""
    assert "PROMPTLAB_MODELS_FILE" in ran.err


def test_a_list_marks_what_has_ended_and_what_ends_soon(
    promptlab: Promptlab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A date alone asks everybody to compare it with the day."""
    file = tmp_path / "models.toml"
    file.write_text('[openai.models."far"]\nlike = "gpt-image-2"\nretires = 2999-01-01\n')
    monkeypatch.setenv("PROMPTLAB_MODELS_FILE", str(file))
    found = {item["model"]: item["retirement"] for item in models(promptlab, "--provider", "openai")}
    assert (found["dall-e-3"], found["far"], found["gpt-image-2"]) == ("past", "later", None)
    assert "retired 2026-05-12" in promptlab("provider", "list", "--models", "--provider", "openai").out


def warnings_of(promptlab: Promptlab, provider: str, model: str) -> str:
    return promptlab("prompt", "create", "x", "--user", "x", "--provider", provider, "--model", model, "--force").err


def test_a_model_that_is_not_known_leads_to_those_that_are(promptlab: Promptlab) -> None:
    """To the nearest name, also where only its owner is missing or wrong; else to the list."""
    assert "Did you mean 'gpt-image-2.6-flare'?" in warnings_of(promptlab, "openai", "gpt-image-2.6-flair")
    assert "Did you mean 'fal-ai/flux-2-pro'?" in warnings_of(promptlab, "fal", "acme/flux-2-pro")
    said = warnings_of(promptlab, "openai", "zzz")
    assert "`promptlab provider list --models --provider openai` shows those that are." in said


def test_models_of_a_file_of_ones_own_are_offered_too(
    promptlab: Promptlab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "models.toml"
    file.write_text('[azure.models."our-pictures"]\nlike = "openai/gpt-image-2"\n')
    monkeypatch.setenv("PROMPTLAB_MODELS_FILE", str(file))
    assert "Did you mean 'our-pictures'?" in warnings_of(promptlab, "azure", "our-picture")


def test_a_name_that_no_model_can_have_is_refused(promptlab: Promptlab) -> None:
    """A version never changes: one with such a name could never be used."""
    create = ("prompt", "create", "x", "--user", "x", "--json")
    error = promptlab(*create, "--provider", "replicate", "--model", "flux-2-flexx", code=2).error
    assert (
        "expected is OWNER/NAME or OWNER/NAME:VERSION. Did you mean 'black-forest-labs/flux-2-flex'?"
        in error["message"]
    )
    assert "`promptlab provider list --models --provider replicate`" in error["hint"]
    assert (
        "expected is OWNER/NAME" in promptlab(*create, "--provider", "fal", "--model", "flux", code=2).error["message"]
    )
    assert promptlab("prompt", "list", "--json").json["items"] == []


def test_the_model_that_takes_the_inputs_of_another_can_be_named_itself(promptlab: Promptlab) -> None:
    made = promptlab("prompt", "create", "x", "--user", "x", "--model", "fal-ai/flux-2/edit", "--json")
    assert (made.json["provider"], "Nothing is known" in made.err) == ("fal", False)
    error = promptlab("generate", "--prompt-version", "x", "--dry-run", "--json", code=2).error
    assert "needs an input image" in error["message"]


def test_a_model_that_the_provider_does_not_know_leads_to_another_version(
    promptlab: Promptlab, openai_environment: OpenAIServer
) -> None:
    """To send the same again cannot help."""
    openai_environment.behave(Behaviour.error(404, "The model 'gpt-image-7' does not exist.", code="model_not_found"))
    promptlab("prompt", "create", "x", "--user", "x", "--provider", "openai", "--model", "gpt-image-7")
    said = promptlab("generate", "--prompt-version", "x", code=5).err
    assert "promptlab prompt create x --from x@1 --model MODEL" in said
    assert "promptlab provider list --models --provider openai" in said
    assert "generation retry" not in said


def test_a_system_prompt_that_is_not_taken_is_said_when_it_is_written(promptlab: Promptlab) -> None:
    create = ("prompt", "create", "x", "--user", "x", "--system", "Be brief.")
    said = promptlab(*create, "--provider", "openai").err
    assert "takes no system prompt: it is rendered into the user prompt." in said
    assert "system prompt" not in promptlab(*create, "--provider", "sketch").err


def test_a_file_that_should_be_json_and_is_not_names_the_place(promptlab: Promptlab, tmp_path: Path) -> None:
    file = tmp_path / "workflow.json"
    file.write_text('{\n  "1": {,\n}')
    create = ("prompt", "create", "x", "--user", "x", "--provider", "comfyui", "--json")
    error = promptlab(*create, "--param", f"workflow=@{file}", code=2).error
    assert f"{file} is no JSON" in error["message"]
    assert "line 2, column 9" in error["message"]


def test_a_provider_that_lets_nobody_in_leads_to_its_check(
    promptlab: Promptlab, openai_environment: OpenAIServer
) -> None:
    """That says how to mend it, whereas the answer of the service mostly does not."""
    openai_environment.behave(Behaviour.unauthorized())
    promptlab("prompt", "create", "x", "--user", "x", "--provider", "openai")
    assert (
        "Are key and address right? promptlab provider check openai"
        in promptlab("generate", "--prompt-version", "x", code=5).err
    )


def test_a_region_that_is_none_is_no_matter_of_credentials(
    promptlab: Promptlab, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "key", "AWS_REGION": "us west"}
    for name, value in aws.items():
        monkeypatch.setenv(name, value)
    message, hint = checked(promptlab, "bedrock")
    assert "region" in message
    assert "us west" in message
    assert "AWS_SECRET_ACCESS_KEY" not in hint


def test_what_gemini_would_not_take_is_refused_before_it_is_sent(promptlab: Promptlab) -> None:
    promptlab("prompt", "create", "x", "--user", "x", "--provider", "gemini")
    generate = ("generate", "--prompt-version", "x", "--dry-run", "--json")
    error = promptlab(*generate, "--param", "responseModalities=SOUND", code=2).error
    assert error["message"].endswith('["IMAGE"], ["TEXT", "IMAGE"] or ["IMAGE", "TEXT"] is.')
    assert promptlab(*generate, "--param", 'responseModalities=["TEXT", "IMAGE"]').json["generations"] == 1
    assert "from 0 to 2147483647" in promptlab(*generate, "--seed", "2147483648", code=2).error["message"]
