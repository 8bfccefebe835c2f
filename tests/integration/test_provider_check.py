"""`provider check`: what the cheapest call proves of key and network, and what it does not."""

import time

import pytest
from tests.fixtures.command_line import Promptlab
from tests.fixtures.openai import AZURE_VERSION, KEY
from tests.openai_behaviour import Behaviour
from tests.openai_dialects import LITELLM, LOCALAI, OLLAMA, OPENAI, SGLANG, VLLM_OMNI, Dialect
from tests.openai_server import OpenAIServer, serving

from promptlab.adapters.ai.protocol import (
    ImageProvider,
    ImageRequest,
    OutcomeUnknown,
    ProviderError,
    ProviderFailed,
    ProviderUnavailable,
)
from promptlab.adapters.ai.registry import open_provider
from promptlab.settings import load

SCOPES = "You have insufficient permissions for this operation. Missing scopes: api.model.read."


def wrong(provider: ImageProvider, server: OpenAIServer, behaviour: Behaviour) -> ProviderError:
    """Return the error that the check ends in."""
    server.behave_at_models(behaviour)
    with pytest.raises(ProviderError) as caught:
        provider.check()
    return caught.value


def test_a_key_that_is_taken_is_proved_by_the_list_of_models(
    openai_provider: ImageProvider, openai_environment: OpenAIServer
) -> None:
    assert openai_provider.check().endswith("lists 2 models with this key.")
    (asked,) = openai_environment.requests
    assert (asked.method, asked.path, asked.key) == ("GET", "/v1/models", KEY)


def test_a_check_makes_no_image(openai_provider: ImageProvider, openai_environment: OpenAIServer) -> None:
    openai_provider.check()
    assert openai_environment.asked == []


@pytest.mark.parametrize("behaviour", [Behaviour.unauthorized(), Behaviour.failing(403), Behaviour.no_json(b"", 401)])
def test_a_key_that_is_refused_is_said_to_be(
    openai_provider: ImageProvider, openai_environment: OpenAIServer, behaviour: Behaviour
) -> None:
    """Without showing it, though the service repeats it."""
    error = wrong(openai_provider, openai_environment, behaviour)
    assert error.kind == "auth"
    assert f"refuses this key with HTTP {behaviour.status}" in error.message
    assert KEY not in error.message


@pytest.mark.parametrize("status", [401, 403])
def test_a_key_that_may_not_list_models_is_known_all_the_same(
    openai_provider: ImageProvider, openai_environment: OpenAIServer, status: int
) -> None:
    """A restricted key may make images without it; that it does is not claimed."""
    openai_environment.behave_at_models(Behaviour.error(status, SCOPES))
    assert "knows this key, which may not list models" in openai_provider.check()


@pytest.mark.parametrize(
    ("behaviour", "said"),
    [
        (Behaviour.failing(404), "with HTTP 404 (The server had an error while processing your request)"),
        (Behaviour.no_json(b"", 405), "with HTTP 405"),
        (Behaviour.json_body([]), "with no list of models"),
        (Behaviour.json_body({"data": None}), "with no list of models"),
    ],
)
def test_a_server_without_a_list_of_models_proves_the_network_only(
    openai_provider: ImageProvider, openai_environment: OpenAIServer, behaviour: Behaviour, said: str
) -> None:
    openai_environment.behave_at_models(behaviour)
    sentence = openai_provider.check()
    assert said in sentence
    assert sentence.endswith("that proves the network, not the key.")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"<html>Welcome</html>", "The answer is a web page. Is the base URL that of an API?"),
        (b"\n<!doctype html>", "The answer is a web page. Is the base URL that of an API?"),
        (b"Welcome", "The answer is no JSON object."),
        (b"", "The answer is no JSON object."),
    ],
)
def test_a_server_that_answers_in_no_json_is_no_api(
    openai_provider: ImageProvider, openai_environment: OpenAIServer, body: bytes, said: str
) -> None:
    """Its 200 proves nothing, and buying would end in the same words."""
    error = wrong(openai_provider, openai_environment, Behaviour.no_json(body))
    assert (error.kind, error.message) == ("bad_answer", said)


@pytest.mark.parametrize("path", ["/images/generations", "/images/edits/", "/models"])
def test_a_base_url_that_goes_too_far_is_not_ok(
    openai_environment: OpenAIServer, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """It is the address of one call; the check and buying both say before what it should end."""
    monkeypatch.setenv("OPENAI_BASE_URL", f"{openai_environment.base_url}{path}")
    provider = open_provider("openai", load())
    advice = f"The base URL should end before {path}"
    with pytest.raises(ProviderFailed, match=advice) as checked:
        provider.check()
    with pytest.raises(ProviderFailed, match=advice) as bought:
        provider.generate(ImageRequest(model="any", user_prompt="a fox"), accepted=lambda _: None)
    assert (checked.value.kind, bought.value.kind) == ("not_found", "not_found")


def test_https_to_a_server_of_plain_http_is_told_in_plain_words(
    openai_environment: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", openai_environment.base_url.replace("http://", "https://"))
    with pytest.raises(ProviderUnavailable, match="The server seems to speak plain http") as caught:
        open_provider("openai", load()).check()
    assert caught.value.kind == "connection"


@pytest.mark.parametrize("dialect", [OPENAI, OLLAMA], ids=lambda dialect: type(dialect).__name__)
def test_a_base_url_that_lacks_its_version_is_not_ok(dialect: Dialect, monkeypatch: pytest.MonkeyPatch) -> None:
    """Buying would fail there, so the check does too, and both say what is missing."""
    with serving(dialect=dialect) as server:
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url.removesuffix("/v1"))
        provider = open_provider("openai", load())
        with pytest.raises(ProviderFailed, match="The base URL probably lacks /v1 at its end") as checked:
            provider.check()
        with pytest.raises(ProviderFailed, match="The base URL probably lacks /v1 at its end") as bought:
            provider.generate(ImageRequest(model="any", user_prompt="a fox"), accepted=lambda _: None)
    assert (checked.value.kind, bought.value.kind) == ("not_found", "not_found")


def test_a_model_that_is_not_found_is_not_blamed_on_the_base_url(
    openai_environment: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    openai_environment.behave(Behaviour.model_not_found(), Behaviour.model_not_found())
    for base_url in (openai_environment.base_url, openai_environment.base_url.removesuffix("/v1")):
        monkeypatch.setenv("OPENAI_BASE_URL", base_url)
        with pytest.raises(ProviderFailed) as caught:
            open_provider("openai", load()).generate(
                ImageRequest(model="any", user_prompt="a fox"), accepted=lambda _: None
            )
        assert "/v1" not in caught.value.message


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        (Behaviour.failing(500), "server_error"),
        (Behaviour.failing(503), "overloaded"),
        (Behaviour.failing(502), "gateway"),
        (Behaviour.rate_limit(), "rate_limit"),
        (Behaviour.connection_reset(), "connection_lost"),
        (Behaviour.cut_off(), "truncated"),
        (Behaviour.azure_block(), "blocked"),
    ],
)
def test_a_service_that_is_not_well_is_not_ok(
    openai_provider: ImageProvider, openai_environment: OpenAIServer, behaviour: Behaviour, kind: str
) -> None:
    assert wrong(openai_provider, openai_environment, behaviour).kind == kind


def test_where_nobody_answers_the_connection_is_to_blame(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")
    with pytest.raises(ProviderUnavailable, match=r"cannot be reached at 127\.0\.0\.1:1: ") as caught:
        open_provider("openai", load()).check()
    assert caught.value.kind == "connection"


def test_a_silent_server_is_waited_for_no_longer_than_the_settings_say(
    openai_environment: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROMPTLAB_OPENAI_TIMEOUT", "0.3")
    openai_environment.behave_at_models(Behaviour.slow(5))
    started = time.monotonic()
    with pytest.raises(OutcomeUnknown, match="in time"):
        open_provider("openai", load()).check()
    assert time.monotonic() - started < 1.5


def test_the_end_of_the_model_that_is_used_by_default_is_told(
    openai_provider: ImageProvider, openai_environment: OpenAIServer
) -> None:
    """Of others it is not: most of the list makes no images."""
    models = [
        {"id": "gpt-image-2.6-sunburst", "shutdown_date": "2027-06-01"},
        {"id": "b", "shutdown_date": "2027-01-01"},
    ]
    openai_environment.behave_at_models(Behaviour.json_body({"data": models}))
    sentence = openai_provider.check()
    assert "gpt-image-2.6-sunburst, which is used where none is named, ends on 2027-06-01." in sentence
    assert "2027-01-01" not in sentence


@pytest.mark.parametrize(
    ("version", "path"), [(None, "/openai/v1/models"), (AZURE_VERSION, "/openai/models")], ids=["v1", "deployments"]
)
def test_azure_is_asked_on_the_surface_that_is_used(
    azure_environment: OpenAIServer, monkeypatch: pytest.MonkeyPatch, version: str | None, path: str
) -> None:
    monkeypatch.setenv("OPENAI_API_VERSION", version or "")
    assert "lists 2 models with this key" in open_provider("azure", load()).check()
    assert azure_environment.requests[0].path == path
    error = wrong(open_provider("azure", load()), azure_environment, Behaviour.error(401, "Access denied.", code="401"))
    assert error.message.endswith("refuses this key with HTTP 401: Access denied.")


@pytest.mark.parametrize(
    "dialect", [LITELLM, LOCALAI, SGLANG, VLLM_OMNI, OLLAMA], ids=lambda dialect: type(dialect).__name__
)
def test_compatible_servers_list_their_models(dialect: Dialect, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(dialect=dialect) as server:
        monkeypatch.setenv("OPENAI_API_KEY", "any text")
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        assert f"lists {len(dialect.listed)} model" in open_provider("openai", load()).check()


def test_the_offline_provider_draws_to_prove_itself() -> None:
    assert "needs neither key nor network" in open_provider("sketch", load()).check()


def test_one_provider_is_checked_by_its_name(promptlab: Promptlab, openai_environment: OpenAIServer) -> None:
    ran = promptlab("provider", "check", "openai")
    assert "openai" in ran.out
    assert "lists 2 models" in ran.out
    assert "sketch" not in ran.out


def test_without_a_name_each_that_is_ready_is_checked(promptlab: Promptlab, openai_environment: OpenAIServer) -> None:
    """Those that are not set up are left out: nobody asked for them."""
    found = promptlab("provider", "check", "--json").json
    assert [(item["name"], item["ok"]) for item in found["items"]] == [("openai", True), ("sketch", True)]
    assert set(found["items"][0]) == {"name", "ok", "message", "hint"}
    assert found["next_cursor"] is None


def test_one_that_is_not_ok_ends_in_exit_4_and_leaves_the_others_alone(
    promptlab: Promptlab, openai_environment: OpenAIServer
) -> None:
    openai_environment.behave_at_models(Behaviour.unauthorized(), Behaviour.unauthorized())
    ran = promptlab("provider", "check", code=4)
    assert "refuses this key" in ran.out
    assert "neither key nor network" in ran.out
    items = promptlab("provider", "check", "--json", code=4).json["items"]
    assert [item["ok"] for item in items] == [False, True]
    assert KEY not in ran.out + ran.err


def test_an_unknown_name_ends_in_exit_2_with_the_nearest(promptlab: Promptlab) -> None:
    assert "Did you mean 'openai'?" in promptlab("provider", "check", "opena", code=2).err


@pytest.mark.parametrize(("name", "variable"), [("openai", "OPENAI_API_KEY"), ("azure", "AZURE_OPENAI_API_KEY")])
def test_a_missing_key_ends_in_exit_4_and_names_its_variable(
    promptlab: Promptlab, monkeypatch: pytest.MonkeyPatch, name: str, variable: str
) -> None:
    monkeypatch.delenv("AZURE_OPENAI_API_KEY", raising=False)
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", "https://lab.openai.azure.com")
    ran = promptlab("provider", "check", name, "--json", code=4)
    assert f"{variable} is not set" in ran.error["message"]
    assert ran.out == ""


def test_models_are_listed_with_what_they_take_and_cost(promptlab: Promptlab) -> None:
    """No key is needed to look; a retirement is a date, and a slip in a model's name is answered with the nearest."""
    rows = {item["model"]: item for item in promptlab("provider", "list", "--models", "--json").json["items"]}
    flare = rows["gpt-image-2.6-flare"]
    assert (flare["provider"], flare["seed"], flare["max_inputs"]) == ("openai", False, 16)
    assert flare["max_price_usd"] > 0
    assert rows["gpt-image-1.5"]["retires"] == "2026-12-01"
    assert rows["sketch-1"]["max_price_usd"] == 0
    assert "gpt-image-2.6-flare" in promptlab("provider", "list", "--models").out
    made = promptlab("prompt", "create", "x", "--user", "x", "--provider", "openai", "--model", "gpt-image-2.6-flair")
    assert "Did you mean 'gpt-image-2.6-flare'?" in made.err
