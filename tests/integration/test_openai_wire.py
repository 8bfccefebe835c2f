"""What goes over the wire to OpenAI's Images API, and what is read from its answers."""

import base64
from dataclasses import replace
from typing import Any

import pytest
from tests.fixtures.openai import KEY
from tests.openai_behaviour import Behaviour
from tests.openai_server import OpenAIServer
from tests.pictures import hole, picture

from promptlab.adapters.ai.protocol import ImageProvider, ImageRequest, ImageResult
from promptlab.services.images import inspect_image

REQUEST = ImageRequest(model="gpt-image-2", user_prompt="a fox", parameters={"size": "64x64", "quality": "low"})


def ask(provider: ImageProvider, **about: Any) -> ImageResult:
    return provider.generate(replace(REQUEST, **about), accepted=pytest.fail)


def test_a_generation_is_json_with_these_fields(
    openai_provider: ImageProvider, openai_environment: OpenAIServer
) -> None:
    """No seed, no response_format, nothing that nobody asked for."""
    ask(openai_provider, count=2)
    (asked,) = openai_environment.requests
    assert (asked.method, asked.path, asked.key) == ("POST", "/v1/images/generations", KEY)
    assert asked.headers["content-type"] == "application/json"
    assert asked.fields == {"model": "gpt-image-2", "prompt": "a fox", "n": 2, "size": "64x64", "quality": "low"}


def test_promptlab_says_who_it_is(openai_provider: ImageProvider, openai_environment: OpenAIServer) -> None:
    ask(openai_provider)
    assert openai_environment.requests[0].headers["user-agent"].startswith("promptlab/")


def test_a_system_prompt_goes_before_the_user_prompt(
    openai_provider: ImageProvider, openai_environment: OpenAIServer
) -> None:
    """The API has no field for it; the answer says what became of it, and the capabilities say it beforehand."""
    result = ask(openai_provider, system_prompt="Only woodcuts.")
    assert openai_environment.requests[0].fields["prompt"] == "Only woodcuts.\n\na fox"
    assert result.effective_parameters["system_prompt"] == "rendered into the prompt"
    assert not openai_provider.capabilities("gpt-image-2").system_prompt
    assert not openai_provider.capabilities("an-unknown-model").system_prompt


def test_a_seed_goes_only_to_models_that_may_take_one(
    openai_provider: ImageProvider, openai_environment: OpenAIServer
) -> None:
    """OpenAI's take none; of a compatible server's own model nothing is known, so it is passed on."""
    openai_environment.behave(Behaviour(), Behaviour.json_body({"data": [{"b64_json": "AAAA"}]}))
    ask(openai_provider, seed=7)
    ask(openai_provider, seed=7, model="flux")
    assert [request.fields.get("seed") for request in openai_environment.requests] == [None, 7]


def test_one_input_is_a_part_named_image(openai_provider: ImageProvider, openai_environment: OpenAIServer) -> None:
    ask(openai_provider, inputs=(picture(),))
    (asked,) = openai_environment.requests
    assert asked.path == "/v1/images/edits"
    assert asked.headers["content-type"].startswith("multipart/form-data; boundary=")
    assert asked.fields == {"model": "gpt-image-2", "prompt": "a fox", "n": "1", "size": "64x64", "quality": "low"}
    (part,) = asked.files
    assert (part.name, part.filename, part.content_type) == ("image", "image-1.png", "image/png")
    assert part.data == picture().data


def test_several_inputs_are_parts_named_with_brackets(
    openai_provider: ImageProvider, openai_environment: OpenAIServer
) -> None:
    """In their order, each with a file name and the type of an image."""
    red, blue = picture("red"), picture("blue")
    ask(openai_provider, inputs=(red, blue))
    assert [(part.name, part.filename, part.data) for part in openai_environment.requests[0].files] == [
        ("image[]", "image-1.png", red.data),
        ("image[]", "image-2.png", blue.data),
    ]


def test_a_mask_is_a_part_of_its_own(openai_provider: ImageProvider, openai_environment: OpenAIServer) -> None:
    ask(openai_provider, inputs=(picture(),), mask=hole())
    assert [(part.name, part.filename, part.content_type) for part in openai_environment.requests[0].files] == [
        ("image", "image-1.png", "image/png"),
        ("mask", "mask.png", "image/png"),
    ]


def test_numbers_switches_and_tables_are_spelled_as_a_form_spells_them(
    openai_provider: ImageProvider, openai_environment: OpenAIServer
) -> None:
    openai_environment.behave(Behaviour.json_body({"data": [{"b64_json": "AAAA"}]}))
    parameters = {"output_compression": 80, "tiled": True, "svg": {"model": "m", "reasoning": {"effort": "low"}}}
    ask(openai_provider, inputs=(picture(),), parameters={**parameters, "nothing": None})
    fields = openai_environment.requests[0].fields
    assert {name: fields[name] for name in fields if name not in {"model", "prompt", "n"}} == {
        "output_compression": "80",
        "tiled": "true",
        "svg[model]": "m",
        "svg[reasoning][effort]": "low",
    }


@pytest.mark.parametrize("ending", ["", "/"])
def test_the_base_url_may_end_in_a_slash(
    openai_server: OpenAIServer, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    monkeypatch.setenv("PROMPTLAB_OPENAI_BASE_URL", openai_server.base_url + ending)
    ask(request.getfixturevalue("openai_provider"))
    assert openai_server.requests[0].path == "/v1/images/generations"


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp"])
def test_the_bytes_come_back_as_they_were_sent(openai_provider: ImageProvider, kind: str) -> None:
    (image,) = ask(openai_provider, parameters={"output_format": kind, "size": "64x64"}).images
    assert inspect_image(image).media_type == f"image/{kind}"


def test_the_answer_is_kept_but_for_the_image_data(openai_provider: ImageProvider) -> None:
    """Request id, status, usage, and the parameters as the service says that it used them."""
    result = ask(openai_provider, parameters={})
    assert (result.request_id, result.http_status) == ("req_test", 200)
    assert result.effective_parameters == {
        "size": "1024x1024", "quality": "medium", "background": "opaque", "output_format": "png",
    }  # fmt: skip
    assert result.usage is not None
    assert result.usage["output_tokens"] == 1056
    assert "created" in result.metadata
    assert "data" not in result.metadata


def test_a_prompt_that_the_service_has_rewritten_is_reported(
    openai_provider: ImageProvider, openai_environment: OpenAIServer
) -> None:
    """But not one that it merely repeats, as SGLang does."""
    items = [{"b64_json": "AAAA", "revised_prompt": text} for text in ("a fox", "a red fox")]
    openai_environment.behave(Behaviour.json_body({"data": items}), Behaviour.json_body({"data": items[:1]}))
    assert ask(openai_provider).effective_parameters["revised_prompt"] == "a red fox"
    assert "revised_prompt" not in ask(openai_provider).effective_parameters


def _usage(**about: Any) -> dict[str, Any]:
    return {"input_tokens": 1000, "output_tokens": 1000, **about}


@pytest.mark.parametrize(
    ("usage", "dollars"),
    [
        (_usage(input_tokens_details={"text_tokens": 1000, "image_tokens": 0}), 0.035),
        (_usage(input_tokens_details={"text_tokens": 0, "image_tokens": 1000}), 0.038),
        (_usage(input_tokens_details={"text_tokens": 600, "image_tokens": 400}), 0.0362),
        (_usage(), 0.038),  # without details all of it is charged at the dearer rate
        (_usage(input_tokens_details={"text_tokens": 900}), 0.0353),  # and so is what they do not account for
        (_usage(input_tokens_details=None), 0.038),
        (_usage(input_tokens=0, output_tokens=0), None),  # a server that does not count
        (_usage(input_tokens=True, output_tokens="many"), None),
        (_usage(input_tokens=-5, output_tokens=10**400), None),
        (None, None),
        ([], None),
    ],
)
def test_the_cost_follows_from_the_tokens(
    openai_provider: ImageProvider, openai_environment: OpenAIServer, usage: object, dollars: float | None
) -> None:
    """In dollars a million: text 5, images 8, and 30 for what is made."""
    openai_environment.behave(Behaviour(extra={"usage": usage}))
    assert ask(openai_provider).cost_usd == dollars


def test_an_unknown_model_has_an_unknown_cost(openai_provider: ImageProvider, openai_environment: OpenAIServer) -> None:
    openai_environment.behave(Behaviour.json_body({"data": [{"b64_json": "AAAA"}], "usage": _usage()}))
    assert ask(openai_provider, model="flux").cost_usd is None


def test_what_compatible_servers_add_and_leave_out_is_no_matter(
    openai_provider: ImageProvider, openai_environment: OpenAIServer
) -> None:
    """Nulls as LiteLLM adds them, keys of their own, line ends and missing padding in base64, data URLs."""
    image = base64.b64encode(b"four").decode()
    answer = {
        "created": 1, "background": None, "size": None, "usage": None, "provider_specific_fields": {"a": [None]},
        "data": [
            {"b64_json": image, "url": None, "revised_prompt": None, "file_path": "/tmp/x"},
            {"b64_json": "Zm91\ncg"},
            {"b64_json": f"data:image/png;base64,{image}"},
            {"url": f"data:image/png;base64,{image}"},
            {"url": "data:image/png,four"},
        ],
    }  # fmt: skip
    openai_environment.behave(Behaviour.json_body(answer))
    result = ask(openai_provider)
    assert result.images == (b"four",) * 5
    assert (result.effective_parameters, result.usage, result.warnings) == ({}, None, ())


def test_fewer_images_than_asked_for_are_kept(openai_provider: ImageProvider, openai_environment: OpenAIServer) -> None:
    openai_environment.behave(Behaviour.fewer_images())
    assert len(ask(openai_provider, count=3).images) == 2


@pytest.mark.parametrize("behaviour", [Behaviour.garbage(), Behaviour.truncated_images()], ids=["garbage", "truncated"])
def test_bytes_are_handed_on_unseen(
    openai_provider: ImageProvider, openai_environment: OpenAIServer, behaviour: Behaviour
) -> None:
    """What they are is looked at after they have been spooled, not before."""
    openai_environment.behave(behaviour)
    assert len(ask(openai_provider).images) == 1


def test_what_no_database_stores_is_taken_out(openai_provider: ImageProvider, openai_environment: OpenAIServer) -> None:
    """NUL, half a surrogate pair, infinity and endless nesting are valid JSON, and would fail once it is paid for."""
    body = (
        b'{"data": [{"b64_json": "AAAA"}], "size": "1\\u0000x\\ud800", "usage": {"a": NaN, "b": 1e999}, "deep": '
        + b"[" * 400
        + b"]" * 400
        + b"}"
    )
    openai_environment.behave(Behaviour(body=body))
    result = ask(openai_provider)
    assert result.effective_parameters == {"size": "1x?"}
    assert result.usage == {"a": None, "b": None}
