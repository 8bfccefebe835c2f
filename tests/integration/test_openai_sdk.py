"""The test server is held against OpenAI's own SDK: what that sends is taken, what it gets back it understands."""

import base64
from collections.abc import Iterator
from io import BytesIO

import openai
import pytest
from PIL import Image
from tests.openai_behaviour import Behaviour, Links
from tests.openai_server import OpenAIServer
from tests.pictures import hole, picture

MODEL = "gpt-image-2"


@pytest.fixture
def sdk(openai_environment: OpenAIServer) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(max_retries=0) as client:
        yield client


def _size(data: str | None) -> tuple[int, int]:
    return Image.open(BytesIO(base64.b64decode(data or ""))).size


def test_the_sdk_generates(sdk: openai.OpenAI) -> None:
    answer = sdk.images.generate(
        model=MODEL, prompt="a fox", n=2, size="1536x1024", quality="low", background="opaque",
        moderation="low", output_format="png", safety_identifier="user-1",
    )  # fmt: skip
    assert [_size(item.b64_json) for item in answer.data or []] == [(1536, 1024)] * 2
    assert (answer.size, answer.quality, answer.background) == ("1536x1024", "low", "opaque")
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.input_tokens + answer.usage.output_tokens
    assert answer.usage.output_tokens == 2 * 408


@pytest.mark.parametrize("count", [1, 2])
def test_the_sdk_edits(sdk: openai.OpenAI, openai_environment: OpenAIServer, count: int) -> None:
    images = [(f"{number}.png", picture().data, "image/png") for number in range(count)]
    answer = sdk.images.edit(model=MODEL, prompt="a fox", image=images if count > 1 else images[0])
    assert len(answer.data or []) == 1
    names = {part.name for part in openai_environment.requests[0].files}
    assert names == ({"image"} if count == 1 else {"image[]"})


def test_the_sdk_edits_with_a_mask(sdk: openai.OpenAI) -> None:
    answer = sdk.images.edit(
        model=MODEL, prompt="a fox", image=("a.png", picture().data), mask=("m.png", hole().data), size="1024x1024"
    )
    assert _size((answer.data or [])[0].b64_json) == (1024, 1024)


def test_the_sdk_understands_urls(sdk: openai.OpenAI, openai_environment: OpenAIServer) -> None:
    openai_environment.behave(Behaviour.linked(Links.ABSOLUTE))
    (item,) = sdk.images.generate(model=MODEL, prompt="a fox").data or []
    assert (item.url or "").startswith("http://")


def test_the_sdk_understands_a_refusal(sdk: openai.OpenAI, openai_environment: OpenAIServer) -> None:
    openai_environment.behave(Behaviour.refusal())
    with pytest.raises(openai.BadRequestError) as caught:
        sdk.images.generate(model=MODEL, prompt="a fox")
    assert (caught.value.code, caught.value.type) == ("moderation_blocked", "image_generation_user_error")
    assert caught.value.request_id == "req_test"


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        (Behaviour.rate_limit(retry_after="1"), openai.RateLimitError),
        (Behaviour.quota(), openai.RateLimitError),
        (Behaviour.unauthorized(), openai.AuthenticationError),
        (Behaviour.model_not_found(), openai.NotFoundError),
        (Behaviour.failing(502), openai.InternalServerError),
        (Behaviour.connection_reset(), openai.APIConnectionError),
    ],
)
def test_the_sdk_understands_the_errors(
    sdk: openai.OpenAI, openai_environment: OpenAIServer, behaviour: Behaviour, kind: type[openai.APIError]
) -> None:
    openai_environment.behave(behaviour)
    with pytest.raises(kind):
        sdk.images.generate(model=MODEL, prompt="a fox")


def test_the_sdk_waits_as_it_is_told(openai_environment: OpenAIServer) -> None:
    """A rate limit that names milliseconds is waited for, and the second request is served."""
    openai_environment.behave(Behaviour.rate_limit(retry_after_ms="1"))
    with openai.OpenAI(max_retries=1) as client:
        assert client.images.generate(model=MODEL, prompt="a fox").data
    assert len(openai_environment.requests) == 2


@pytest.mark.parametrize(
    ("extra", "code"),
    [
        ({"response_format": "b64_json"}, "unknown_parameter"),
        ({"colour": "red"}, "unknown_parameter"),
        ({"n": 11}, "invalid_value"),
        ({"n": "1"}, "invalid_value"),
        ({"size": "100x100"}, "invalid_value"),
        ({"quality": "max"}, "invalid_value"),
        ({"prompt": ""}, "invalid_value"),
        ({"prompt": "x" * 32_001}, "invalid_value"),
        ({"background": "transparent", "output_format": "jpeg"}, "invalid_value"),
    ],
)
def test_the_server_refuses_what_the_service_refuses(sdk: openai.OpenAI, extra: dict[str, object], code: str) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        sdk.images.generate(model=MODEL, prompt="a fox", extra_body=extra)
    assert caught.value.code == code


def test_the_server_refuses_files_without_an_image_s_type(sdk: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        sdk.images.edit(model=MODEL, prompt="a fox", image=("a.bin", picture().data, "application/octet-stream"))
    assert caught.value.code == "unsupported_file_mimetype"


def test_the_server_wants_a_key(sdk: openai.OpenAI) -> None:
    with pytest.raises(openai.AuthenticationError):
        sdk.images.generate(model=MODEL, prompt="a fox", extra_headers={"Authorization": openai.Omit()})


@pytest.mark.parametrize("model", ["dall-e-3", "gpt-image-1", "gpt-5"])
def test_the_server_knows_no_retired_and_no_foreign_models(sdk: openai.OpenAI, model: str) -> None:
    with pytest.raises(openai.NotFoundError):
        sdk.images.generate(model=model, prompt="a fox")
