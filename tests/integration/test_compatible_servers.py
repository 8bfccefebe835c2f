"""Servers that speak OpenAI's Images API in their own way: what each asks for, answers and refuses."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from typing import Any

import pytest
from tests.fixtures.command_line import Promptlab
from tests.fixtures.openai import KEY
from tests.integration.test_openai_wire import REQUEST
from tests.integration.test_openai_wire import ask as ask_openai
from tests.openai_behaviour import Behaviour
from tests.openai_dialects import LITELLM, LOCALAI, OLLAMA, SGLANG, VLLM_OMNI, Dialect
from tests.openai_server import OpenAIServer, serving
from tests.pictures import picture

from promptlab.adapters.ai.protocol import ImageProvider, ImageResult, ProviderFailed, ProviderUnavailable, Refused
from promptlab.adapters.ai.registry import open_provider
from promptlab.settings import load

Opened = Callable[[Dialect], tuple[ImageProvider, OpenAIServer]]
ALL = [LITELLM, LOCALAI, SGLANG, VLLM_OMNI, OLLAMA]
BASE64 = {"response_format": "b64_json"}


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Dialect], OpenAIServer]]:
    """Starts a server with the ways that are named, and sets promptlab up to use it."""
    with ExitStack() as stack:

        def start(dialect: Dialect) -> OpenAIServer:
            server = stack.enter_context(serving(dialect=dialect))
            monkeypatch.setenv("OPENAI_API_KEY", KEY)
            monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
            return server

        yield start


@pytest.fixture
def opened(serve: Callable[[Dialect], OpenAIServer]) -> Iterator[Opened]:
    """Starts a server, and opens the adapter that talks to it."""
    with ExitStack() as stack:

        def start(dialect: Dialect) -> tuple[ImageProvider, OpenAIServer]:
            server = serve(dialect)
            return stack.enter_context(closing(open_provider("openai", load()))), server

        yield start


def ask(
    provider: ImageProvider, dialect: Dialect, parameters: dict[str, Any] | None = None, **about: Any
) -> ImageResult:
    return ask_openai(provider, model=dialect.listed[0], parameters={"size": "64x64", **(parameters or {})}, **about)


@pytest.mark.parametrize("dialect", ALL, ids=lambda dialect: type(dialect).__name__)
def test_base64_comes_back_from_each_of_them(opened: Opened, dialect: Dialect) -> None:
    """`response_format` goes to models of which nothing is known; what does not count costs an unknown amount."""
    provider, server = opened(dialect)
    result = ask(provider, dialect, {} if dialect is LITELLM else BASE64)
    assert result.images[0].startswith(b"\x89PNG")
    assert (result.cost_usd, result.warnings) == (None, ())
    assert server.downloads == []


@pytest.mark.parametrize(
    ("dialect", "place"), [(LOCALAI, "/generated-images/b640.png"), (SGLANG, "/v1/images/0/content")]
)
def test_links_are_followed_where_base64_is_not_asked_for(opened: Opened, dialect: Dialect, place: str) -> None:
    """An absolute one outside the base URL's path, and a relative one, with the key that the server may ask for."""
    provider, server = opened(dialect)
    handles: list[str] = []
    request = replace(REQUEST, model=dialect.listed[0], parameters={"size": "64x64"})
    result = provider.generate(request, accepted=handles.append)
    assert result.images[0].startswith(b"\x89PNG")
    assert [(download.path, download.key) for download in server.downloads] == [(place, KEY)]
    assert provider.resume(handles[0]) == result


@pytest.mark.parametrize("dialect", [SGLANG, VLLM_OMNI], ids=lambda dialect: type(dialect).__name__)
def test_a_seed_and_parameters_of_its_own_pass_through(opened: Opened, dialect: Dialect) -> None:
    provider, server = opened(dialect)
    ask(provider, dialect, {**BASE64, "num_inference_steps": 4, "negative_prompt": "fog"}, seed=7)
    fields = server.asked[0].fields
    assert (fields["seed"], fields["num_inference_steps"], fields["negative_prompt"]) == (7, 4, "fog")


def test_vllm_omni_gets_a_system_prompt_as_a_parameter(opened: Opened) -> None:
    """It has a field for one, which no other has; `--system` goes before the prompt, as everywhere in this API."""
    provider, server = opened(VLLM_OMNI)
    ask(provider, VLLM_OMNI, {"use_system_prompt": "custom", "system_prompt": "Only woodcuts."})
    fields = server.asked[0].fields
    assert (fields["use_system_prompt"], fields["system_prompt"]) == ("custom", "Only woodcuts.")
    assert fields["prompt"] == "a fox"


def test_an_answer_that_is_the_image_itself_is_kept(opened: Opened) -> None:
    """vLLM-Omni's `response_format=file`: it is made, so it must not be lost."""
    provider, server = opened(VLLM_OMNI)
    image = picture().data
    server.behave(Behaviour(headers={"content-type": "image/png"}, body=image))
    result = ask(provider, VLLM_OMNI, {"response_format": "file"})
    assert (result.images, result.usage, result.effective_parameters) == ((image,), None, {})


@pytest.mark.parametrize("dialect", [SGLANG, VLLM_OMNI], ids=lambda dialect: type(dialect).__name__)
@pytest.mark.parametrize(
    ("about", "words"),
    [
        ({"count": 11}, "body.n: Input should be less than or equal to 10"),
        ({"parameters": {"strength": 2}}, "body.strength: Extra inputs are not permitted"),
    ],
)
def test_what_fastapi_does_not_take_is_said_in_a_sentence(
    opened: Opened, dialect: Dialect, about: dict[str, Any], words: str
) -> None:
    provider, _server = opened(dialect)
    with pytest.raises(ProviderFailed) as caught:
        ask(provider, dialect, **about)
    assert (caught.value.message, caught.value.http_status) == (words, 422)


def test_sglang_takes_input_images(opened: Opened) -> None:
    provider, server = opened(SGLANG)
    result = ask(provider, SGLANG, BASE64, inputs=(picture("red"), picture("blue")))
    assert len(result.images) == 1
    assert [part.name for part in server.asked[0].files] == ["image[]", "image[]"]


@pytest.mark.parametrize("dialect", [LOCALAI, OLLAMA], ids=lambda dialect: type(dialect).__name__)
def test_a_server_without_a_form_for_edits_says_so(opened: Opened, dialect: Dialect) -> None:
    """It never gets a request without the images in place of the one with them."""
    provider, server = opened(dialect)
    with pytest.raises(ProviderFailed, match=r"Input images go to /images/edits as a form, which not every"):
        ask(provider, dialect, BASE64, inputs=(picture(),))
    assert [asked.path for asked in server.asked] == ["/v1/images/edits"]


@pytest.mark.parametrize(
    "behaviour",
    [
        Behaviour.failing(405),
        Behaviour.failing(415),
        Behaviour.no_json(b"", status=404),
        Behaviour.json_body({"detail": "Not Found"}, 404),
    ],
)
def test_other_ways_of_having_no_edits_say_so_too(opened: Opened, behaviour: Behaviour) -> None:
    provider, server = opened(LITELLM)
    server.behave(behaviour)
    with pytest.raises(ProviderFailed, match="Input images go to /images/edits"):
        ask(provider, LITELLM, inputs=(picture(),))


@pytest.mark.parametrize("behaviour", [Behaviour.failing(400), Behaviour.failing(413), Behaviour.model_not_found()])
def test_an_ordinary_failure_of_an_edit_is_not_blamed_on_the_path(opened: Opened, behaviour: Behaviour) -> None:
    provider, server = opened(LITELLM)
    server.behave(behaviour)
    with pytest.raises(ProviderFailed) as caught:
        ask(provider, LITELLM, inputs=(picture(),))
    assert "/images/edits" not in caught.value.message


def test_localai_takes_input_images_as_a_parameter(opened: Opened) -> None:
    """In base64, in the JSON; promptlab passes them on and knows nothing of them."""
    provider, server = opened(LOCALAI)
    ask(provider, LOCALAI, {**BASE64, "files": ["aGVsbG8="]})
    assert server.asked[0].fields["files"] == ["aGVsbG8="]


def test_a_model_that_ollama_has_not_is_a_failure(opened: Opened) -> None:
    provider, _server = opened(OLLAMA)
    with pytest.raises(ProviderFailed, match="model 'nobody' not found") as caught:
        ask_openai(provider, model="nobody")
    assert caught.value.kind == "not_found"


def test_fewer_images_than_asked_for_are_kept(opened: Opened) -> None:
    """Ollama makes one, whatever it is asked."""
    provider, _server = opened(OLLAMA)
    assert len(ask(provider, OLLAMA, BASE64, count=3).images) == 1


LITELLM_REFUSAL = Behaviour.error(
    400,
    "litellm.BadRequestError: OpenAIException - Your request was rejected by the safety system.",
    type="image_generation_user_error",
    param="None",
    code="400",
)


def test_litellm_refuses_with_the_status_as_its_code(opened: Opened) -> None:
    provider, server = opened(LITELLM)
    server.behave(LITELLM_REFUSAL)
    with pytest.raises(Refused) as caught:
        ask(provider, LITELLM)
    assert caught.value.details["code"] == "400"


@pytest.mark.parametrize(
    ("behaviour", "kind", "error"),
    [
        (Behaviour.error(400, "No.", type="None", param="None", code="400"), "bad_request", ProviderFailed),
        (Behaviour.error(401, "Authentication Error", type="auth_error", code="401"), "auth", ProviderFailed),
        (Behaviour.error(429, "No.", type="throttling_error", code="429"), "rate_limit", ProviderUnavailable),
        (Behaviour.error(429, "No.", type="insufficient_quota", code="429"), "quota", ProviderFailed),
        (
            Behaviour.error(400, "Bad.", type="invalid_request_error", param="size", code="400"),
            "bad_request",
            ProviderFailed,
        ),
        (Behaviour.error(400, "Bad.", type="BadRequestError", code=400), "bad_request", ProviderFailed),
    ],
)
def test_a_status_as_the_code_decides_nothing(
    opened: Opened, behaviour: Behaviour, kind: str, error: type[Exception]
) -> None:
    """As LiteLLM spells it, and vLLM, whose code is a number."""
    provider, server = opened(LITELLM)
    server.behave(behaviour)
    with pytest.raises(error) as caught:
        ask(provider, LITELLM)
    assert getattr(caught.value, "kind", None) == kind


def test_a_model_behind_litellm_that_counts_has_its_price(opened: Opened) -> None:
    """Nulls beside the usage are no matter."""
    provider, server = opened(LITELLM)
    usage = {"input_tokens": 10, "input_tokens_details": {"text_tokens": 10}, "output_tokens": 1000}
    server.behave(Behaviour(extra={"usage": usage}))
    result = ask(provider, LITELLM)
    assert result.cost_usd == pytest.approx(0.03005)
    assert result.effective_parameters == {}


def test_the_command_line_passes_a_server_s_own_parameters_through(
    promptlab: Promptlab, serve: Callable[[Dialect], OpenAIServer]
) -> None:
    """With a warning that nothing is known of the model, and a seed of its own for each draw."""
    server = serve(SGLANG)
    promptlab(
        *("prompt", "create", "fox", "--user", "a fox", "--provider", "openai", "--model", SGLANG.listed[0]),
        *("--param", "response_format=b64_json", "--param", "size=64x64"),
    )
    made = promptlab("generate", "--prompt-version", "fox", "--seed", 7, "--draws", 2, "--param", "guidance_scale=2.5")
    assert "Nothing is known about the model" in made.err
    fields = [asked.fields for asked in server.asked]
    assert sorted(asked["seed"] for asked in fields) == [7, 8]
    assert {(asked["response_format"], asked["guidance_scale"]) for asked in fields} == {("b64_json", 2.5)}
