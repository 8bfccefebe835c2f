"""What Gemini is sent and what it answers: parts, thoughts, tokens, and what its models take."""

import json
from contextlib import closing
from typing import Any

import pytest
from tests.fixtures.command_line import Promptlab
from tests.fixtures.vendors import Ask, Fail
from tests.loopback import LoopbackService, json_error, painted
from tests.openai_behaviour import Behaviour
from tests.pictures import picture
from tests.vendors.gemini import (
    PROMPT_TOKENS,
    VENDOR,
    answer,
    blocked,
    error,
    inline,
    saying,
    usage,
)

from promptlab.adapters.ai.gemini_wire import tokens_of
from promptlab.adapters.ai.prices import Tokens
from promptlab.adapters.ai.protocol import (
    ImageProvider,
    ImageRequest,
    OutcomeUnknown,
    ProviderFailed,
)
from promptlab.adapters.ai.registry import open_provider
from promptlab.settings import load

pytestmark = pytest.mark.parametrize("vendor", [VENDOR], ids=["gemini"])

MODEL = VENDOR.model


def drawn(prompt: str = "x") -> bytes:
    return painted(prompt, size=(64, 64), seed=1)


def test_a_request_is_one_turn_with_the_images_before_the_text(service: LoopbackService, ask: Ask) -> None:
    ask(system_prompt="Only woodcuts.", inputs=(picture("red"), picture("blue")), seed=7)
    [sent] = service.asked()
    assert sent.path == f"/v1beta/models/{MODEL}:generateContent"
    assert sent.fields["systemInstruction"] == {"parts": [{"text": "Only woodcuts."}]}
    [turn] = sent.fields["contents"]
    assert turn["role"] == "user"
    assert [list(part) for part in turn["parts"]] == [["inlineData"], ["inlineData"], ["text"]]
    assert turn["parts"][0]["inlineData"]["mimeType"] == "image/png"
    assert turn["parts"][-1]["text"] == "a harbour"
    assert sent.fields["generationConfig"] == {"responseModalities": ["IMAGE"], "seed": 7}


def test_parameters_go_where_the_service_wants_them(service: LoopbackService, ask: Ask) -> None:
    settings = [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}]
    ask(
        parameters={
            "aspectRatio": "16:9",
            "imageSize": 512,
            "thinkingLevel": "HIGH",
            "temperature": 0.5,
            "safetySettings": settings,
            "responseModalities": ["TEXT", "IMAGE"],
        }
    )
    [sent] = service.asked()
    assert sent.fields["safetySettings"] == settings
    assert sent.fields["generationConfig"] == {
        "responseModalities": ["TEXT", "IMAGE"],
        "temperature": 0.5,
        "imageConfig": {"aspectRatio": "16:9", "imageSize": "512"},
        "thinkingConfig": {"thinkingLevel": "HIGH"},
    }


def test_what_belongs_to_another_parameter_may_be_given_whole(service: LoopbackService, ask: Ask) -> None:
    ask(parameters={"imageConfig": {"aspectRatio": "3:4"}})
    assert service.asked()[0].fields["generationConfig"]["imageConfig"] == {"aspectRatio": "3:4"}


@pytest.mark.parametrize("ending", ["/v1", "/v1beta", "/v1beta/", "/"])
def test_a_base_url_may_name_the_version(
    service: LoopbackService, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", service.base_url + ending)
    with closing(open_provider("gemini", load())) as provider:
        provider.check()
    assert service.asked("check")[0].path == f"/{ending.strip('/') or 'v1beta'}/models/{MODEL}"


def test_thoughts_are_no_images(ask: Ask) -> None:
    """Though a draft may be among them."""
    plain, thinking = ask(seed=7), ask(seed=7, parameters={"includeThoughts": True})
    assert thinking.images == plain.images
    assert "Thinking." in json.dumps(thinking.metadata)


def test_a_thought_alone_is_no_image(fail: Fail) -> None:
    found = fail(saying(answer(parts=[inline(drawn(), thought=True)], usage=usage())))
    assert (type(found), found.kind) == (ProviderFailed, "no_image")


def test_the_answer_without_its_images_is_kept(ask: Ask) -> None:
    result = ask(parameters={"responseModalities": ["TEXT", "IMAGE"]})
    assert result.request_id == "r1"
    assert result.usage == usage()
    [candidate] = result.metadata["candidates"]
    assert candidate["finishReason"] == "STOP"
    assert candidate["content"]["parts"] == [{}, {"text": "Here you are."}]


def test_more_images_than_one_are_all_kept_with_a_warning(service: LoopbackService, ask: Ask) -> None:
    images = drawn("one"), drawn("two")
    service.behave(saying(answer(parts=[inline(image) for image in images], usage=usage(images=2))))
    result = ask()
    assert result.images == images
    assert result.warnings == ("The answer holds 2 images where one was asked for.",)


def test_an_image_before_an_odd_end_is_kept_with_a_warning(service: LoopbackService, ask: Ask) -> None:
    service.behave(saying(answer(parts=[inline(drawn())], reason="MAX_TOKENS")))
    result = ask()
    assert result.images == (drawn(),)
    assert result.warnings == ("The answer did not end as it should: MAX_TOKENS.",)
    assert result.cost_usd is None  # no tokens were counted


def test_base64_of_either_alphabet_is_read(service: LoopbackService, ask: Ask) -> None:
    part = inline(drawn())
    part["inlineData"]["data"] = part["inlineData"]["data"].replace("+", "-").replace("/", "_").rstrip("=")
    service.behave(saying(answer(parts=[part])))
    assert ask().images == (drawn(),)


def test_one_unusable_image_does_not_spoil_the_other(service: LoopbackService, ask: Ask) -> None:
    broken = {"inlineData": {"mimeType": "image/png", "data": "***"}}
    service.behave(saying(answer(parts=[broken, inline(drawn())])))
    result = ask()
    assert result.images == (drawn(),)
    assert result.warnings == ("One image of the answer is no valid base64.",)


def test_unusable_images_alone_are_a_failure_that_may_have_been_billed(fail: Fail) -> None:
    found = fail(saying(answer(parts=[{"inlineData": {"mimeType": "image/png", "data": "***"}}], usage=usage())))
    assert (type(found), found.kind, found.may_be_billed) == (ProviderFailed, "bad_answer", True)


def test_a_key_that_looks_like_a_piece_of_an_image_leaves_it_whole(
    service: LoopbackService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys are struck out of what a service says, but never out of its images."""
    monkeypatch.setenv("GEMINI_API_KEY", "iVBORw0KGgo")  # how every PNG begins in base64
    request = ImageRequest(model=MODEL, user_prompt="a harbour")
    with closing(open_provider("gemini", load())) as provider:
        [image] = provider.generate(request, accepted=lambda _handle: None).images
    assert image.startswith(b"\x89PNG")


def test_thoughts_and_text_cost_less_than_an_image(ask: Ask) -> None:
    assert ask().cost_usd == VENDOR.cost_usd
    assert ask(inputs=(picture(),)).cost_usd == pytest.approx(0.067511 + 1120 * 0.5 / 1_000_000)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (
            {  # as recorded: no detail lists the 28 tokens of text
                "promptTokenCount": 15,
                "candidatesTokenCount": 1318,
                "totalTokenCount": 1333,
                "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 15}],
                "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 1290}],
            },
            Tokens(text_input=15, output=1290, text_output=28),
        ),
        ({"promptTokenCount": 15, "candidatesTokenCount": 1290}, Tokens(other_input=15, output=1290)),
        (
            {  # a failed image: the sum leaves it out, the details do not
                "candidatesTokenCount": 0,
                "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 1290}],
            },
            Tokens(output=1290),
        ),
        (
            {
                "candidatesTokenCount": 30,
                "thoughtsTokenCount": 7,
                "toolUsePromptTokenCount": 5,
                "candidatesTokensDetails": [{"modality": "TEXT", "tokenCount": 30}],
            },
            Tokens(other_input=5, text_output=37),
        ),
        ({}, Tokens()),
        (None, Tokens()),
    ],
)
def test_tokens_are_told_apart(vendor: object, told: object, expected: Tokens) -> None:
    assert tokens_of(told) == expected


def test_a_blocked_prompt_counts_itself(vendor: object) -> None:
    assert tokens_of(blocked()["usageMetadata"]) == Tokens(other_input=PROMPT_TOKENS)


@pytest.mark.parametrize(
    ("model", "parameters"),
    [
        ("gemini-3.1-flash-image", {"aspectRatio": "8:1", "imageSize": 512, "thinkingLevel": "MINIMAL"}),
        ("gemini-3-pro-image", {"aspectRatio": "21:9", "imageSize": "4K"}),
        ("gemini-2.5-flash-image", {"aspectRatio": "16:9", "temperature": 1.5, "topP": 0.9}),
    ],
)
def test_what_a_model_takes_is_sent(promptlab: Promptlab, service: object, model: str, parameters: Any) -> None:
    given = [f"--param={name}={value}" for name, value in parameters.items()]
    promptlab("prompt", "create", "p", "--user", "a harbour", "--model", model, *given)
    [row] = promptlab("generate", "--prompt-version", "p", "--json").json["items"]
    assert row["state"] == "succeeded"


@pytest.mark.parametrize(
    ("model", "parameter"),
    [
        ("gemini-3-pro-image", "imageSize=512"),
        ("gemini-3-pro-image", "imageSize=1k"),
        ("gemini-3-pro-image", "aspectRatio=8:1"),
        ("gemini-3.1-flash-lite-image", "imageSize=2K"),
        ("gemini-3.1-flash-lite-image", "thinkingLevel=LOW"),
        ("gemini-2.5-flash-image", "imageSize=1K"),
        ("gemini-3.1-flash-image", "candidateCount=2"),
        ("gemini-3.1-flash-image", "tools=[]"),
    ],
)
def test_what_a_model_does_not_take_is_an_error_before_anything_is_spent(
    promptlab: Promptlab, service: LoopbackService, model: str, parameter: str
) -> None:
    promptlab("prompt", "create", "p", "--user", "a harbour", "--model", model)
    promptlab("generate", "--prompt-version", "p", "--param", parameter, code=2)
    assert service.asked() == []


def test_a_model_of_any_name_makes_one_image_a_request_and_takes_no_mask(provider: ImageProvider) -> None:
    for model in ("gemini-3.1-flash-image", "gemini-next"):
        found = provider.capabilities(model)
        assert (found.max_count, found.mask, found.system_prompt, found.seed) == (1, False, True, True)


def test_a_check_says_what_was_not_proved(service: LoopbackService, provider: ImageProvider) -> None:
    assert provider.check() == f"{service.base_url.removeprefix('http://')} knows this key, and {MODEL}."
    service.behave(json_error(404, error(404, "NOT_FOUND", "No.")), Behaviour(body=b"{}"), at="check")
    assert "proves the network, not the key" in provider.check()
    assert "proves the network, not the key" in provider.check()


def test_what_was_lost_cannot_be_asked_for(provider: ImageProvider) -> None:
    with pytest.raises(OutcomeUnknown):
        provider.resume("anything")
    provider.cancel("anything")
