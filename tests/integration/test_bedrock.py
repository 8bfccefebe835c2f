"""What is special to Bedrock: AWS's credentials, two forms of requests and answers, refusals among the successes."""

import base64
import shutil
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.fixtures.command_line import Promptlab
from tests.loopback import json_error, serving_service
from tests.openai_behaviour import Behaviour
from tests.pictures import picture
from tests.vendors import KEY
from tests.vendors.bedrock import (
    CORE,
    DIFFUSION,
    NOVA,
    STRUCTURE,
    TRANSFER,
    ULTRA,
    VENDOR,
    BedrockService,
    failing,
    filtered,
)

from promptlab.adapters.ai.catalogue import read_catalogue
from promptlab.adapters.ai.protocol import (
    ImageProvider,
    ImageRequest,
    ImageResult,
    OutcomeUnknown,
    ProviderError,
    ProviderFailed,
    ProviderUnavailable,
    Refused,
)
from promptlab.adapters.ai.registry import open_provider
from promptlab.services.images import inspect_image
from promptlab.settings import load

BLOCKED = "of the generated images have been blocked by our content filters."


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[BedrockService]:
    with serving_service(BedrockService) as found:
        for name, value in VENDOR.environment(found.base_url).items():
            monkeypatch.setenv(name, value)
        yield found


@pytest.fixture
def provider(service: BedrockService) -> Iterator[ImageProvider]:
    with closing(open_provider("bedrock", load())) as found:
        yield found


def draw(provider: ImageProvider, **about: Any) -> ImageResult:
    request = ImageRequest(model=ULTRA, user_prompt="a harbour")
    return provider.generate(replace(request, **about), accepted=lambda _handle: None)


@pytest.mark.parametrize("beside", [{}, {"seeds": [7], "images": ["AAAA"]}, {"seeds": None, "images": [None]}])
@pytest.mark.parametrize(
    ("reason", "category"),
    [
        *(("Filter reason: prompt", "prompt"), ("Filter reason: output image", "output image")),
        *(("Filter reason: input image", "input image"), ("CONTENT_FILTERED", "CONTENT_FILTERED")),
    ],
)
def test_a_filtered_image_is_a_refusal_with_the_reason_as_its_category(
    service: BedrockService, provider: ImageProvider, reason: str, category: str, beside: dict[str, Any]
) -> None:
    """Whatever comes with it; and as it came with a status of success, nobody says that it cost nothing."""
    service.behave(filtered(reason, **beside))
    with pytest.raises(Refused) as refused:
        draw(provider)
    assert refused.value.details == {"finish_reasons": [reason], "categories": [category]}
    assert (refused.value.http_status, refused.value.may_be_billed) == (200, True)


def test_an_error_in_the_model_is_a_failure_that_may_have_been_billed(
    service: BedrockService, provider: ImageProvider
) -> None:
    service.behave(filtered("Inference error", images=["AAAA"]))
    with pytest.raises(ProviderFailed, match="Inference error") as failed:
        draw(provider)
    assert (failed.value.kind, failed.value.may_be_billed) == ("model_error", True)


@pytest.mark.parametrize(
    "body", [{"images": []}, {"images": ["*"]}, {"images": [7]}, {"images": "AAAA"}, {"seeds": 3}, {"images": None}]
)
def test_an_answer_without_a_usable_image_is_a_failure(
    service: BedrockService, provider: ImageProvider, body: dict[str, Any]
) -> None:
    service.behave(json_error(200, body))
    with pytest.raises(ProviderFailed) as failed:
        draw(provider)
    assert (failed.value.kind, failed.value.may_be_billed) == ("bad_answer", True)


def test_the_seed_that_was_used_is_reported(service: BedrockService, provider: ImageProvider) -> None:
    """Also where none was asked for; and by the request id Amazon finds what was asked."""
    result = draw(provider, seed=7)
    assert (result.effective_parameters["seed"], result.request_id) == (7, "request-1")
    assert draw(provider).effective_parameters["seed"] == 2000


def test_a_shape_is_not_sent_with_an_input_nor_a_strength_without_one(
    service: BedrockService, promptlab: Promptlab, tmp_path: Path
) -> None:
    """A version of a prompt serves both; what has no meaning is said before."""
    (tmp_path / "input.png").write_bytes(picture().data)
    both = ("--param", "aspect_ratio=3:2", "--param", "strength=0.5")
    promptlab("prompt", "create", "p", "--user", "a harbour", "--model", ULTRA, *both)
    buy = ("generate", "--prompt-version", "p", "--json")
    [plain] = promptlab(*buy).json["items"]
    assert plain["warnings"] == [f"strength is not sent: {ULTRA} takes it with an input image only."]
    [changed] = promptlab(*buy, "--input", tmp_path / "input.png").json["items"]
    assert changed["warnings"] == [f"aspect_ratio is not sent: {ULTRA} takes it without an input image only."]
    assert [request.fields.keys() for request in service.asked()] == [
        {"prompt", "aspect_ratio"},
        {"prompt", "image", "strength"},
    ]


@pytest.mark.parametrize(
    ("model", "least"), [(STRUCTURE, "an input image, not 0"), (TRANSFER, "2 input images, not 0")]
)
def test_what_works_on_an_image_is_not_asked_without_one(
    service: BedrockService, promptlab: Promptlab, model: str, least: str
) -> None:
    promptlab("prompt", "create", "p", "--user", "a harbour", "--model", model)
    said = promptlab("generate", "--prompt-version", "p", "--json", code=2).error
    assert said["message"] == f"{model} needs {least}."
    assert service.asked() == []


def test_every_service_that_works_on_an_image_needs_one() -> None:
    """A style needs one to be taken from, and one to go to."""
    known = {name: read_catalogue().capabilities("bedrock", name) for name in read_catalogue().models("bedrock")}
    needs = {name: found.min_inputs for name, found in known.items() if name.startswith("us.")}
    assert needs == {name: 2 if name == TRANSFER else 1 for name in needs}


def test_diffusion_is_told_what_it_demands_with_an_input(service: BedrockService, provider: ImageProvider) -> None:
    """Its mode, and a strength, which is reported where nobody has asked for one."""
    result = draw(provider, model=DIFFUSION, inputs=(picture(),))
    assert result.effective_parameters["strength"] == 0.7
    assert (service.asked()[0].fields["mode"], service.asked()[0].fields["strength"]) == ("image-to-image", 0.7)
    given = draw(provider, model=DIFFUSION, inputs=(picture(),), parameters={"strength": 0.2})
    assert "strength" not in given.effective_parameters
    assert service.asked()[1].fields["strength"] == 0.2
    draw(provider, model=DIFFUSION)
    assert "mode" not in service.asked()[2].fields


def test_core_and_the_services_that_work_on_an_image(service: BedrockService, provider: ImageProvider) -> None:
    assert draw(provider, model=CORE).images
    assert draw(provider, model=STRUCTURE, inputs=(picture(),), parameters={"control_strength": 0.4}).images
    assert draw(provider, model=TRANSFER, inputs=(picture("red"), picture("blue"))).images
    assert service.asked()[-1].fields.keys() == {"prompt", "init_image", "style_image"}


def test_no_input_is_left_out_in_silence(service: BedrockService, provider: ImageProvider) -> None:
    """Of a model of which nothing is known, too."""
    with pytest.raises(ProviderFailed, match="takes one image, not 2"):
        draw(provider, model="us.stability.of-next-year-v1:0", inputs=(picture("red"), picture("blue")))
    assert service.requests == []


def test_nova_canvas_draws_several_from_words(service: BedrockService, provider: ImageProvider) -> None:
    config = {"width": 320, "height": 320, "quality": "standard", "cfgScale": 4.5}
    asked = {**config, "negativeText": "people"}
    result = draw(provider, model=NOVA, system_prompt="Woodcuts.", count=3, seed=5, parameters=asked)
    assert len(set(result.images)) == 3
    assert service.asked()[0].fields == {
        "taskType": "TEXT_IMAGE",
        "textToImageParams": {"negativeText": "people", "text": "Woodcuts.\n\na harbour"},
        "imageGenerationConfig": {**config, "seed": 5, "numberOfImages": 3},
    }
    assert result.effective_parameters == {"seed": 5, "system_prompt": "rendered into the prompt"}


def test_nova_canvas_varies_images(service: BedrockService, provider: ImageProvider) -> None:
    parameters = {"similarityStrength": 0.4, "width": 320, "height": 320}
    inputs = (picture("red"), picture("blue"))
    (image,) = draw(provider, model=NOVA, inputs=inputs, parameters=parameters).images
    assert inspect_image(image).width == 320
    fields = service.asked()[0].fields
    assert fields["taskType"] == "IMAGE_VARIATION"
    assert len(fields["imageVariationParams"]["images"]) == 2
    assert fields["imageVariationParams"]["similarityStrength"] == 0.4


def test_nova_canvas_gets_a_seed_of_its_own_for_each_request(service: BedrockService, provider: ImageProvider) -> None:
    """Without one it takes 12, so that draws would be copies of each other; the seed is reported."""
    small = {"width": 320, "height": 320}
    first, second = (draw(provider, model=NOVA, parameters=small) for _ in range(2))
    assert first.images != second.images
    sent = [request.fields["imageGenerationConfig"]["seed"] for request in service.asked()]
    assert sent == [first.effective_parameters["seed"], second.effective_parameters["seed"]]


def test_nova_canvas_refuses_before_and_after(service: BedrockService, provider: ImageProvider) -> None:
    """With an exception for the prompt, with a success for the images; some of several are a warning."""
    blocked = "This request has been blocked by our content filters."
    service.behave(failing(400, "ValidationException", blocked), json_error(200, {"error": f"All {BLOCKED}"}))
    for message in (blocked, f"All {BLOCKED}"):
        with pytest.raises(Refused, match=message) as refused:
            draw(provider, model=NOVA)
        assert refused.value.details["categories"] == []
    whole = draw(provider, model=ULTRA)
    encoded = base64.b64encode(whole.images[0]).decode()
    service.behave(json_error(200, {"images": [encoded], "error": f"Some {BLOCKED}"}))
    result = draw(provider, model=NOVA, count=2)
    assert (result.images, result.warnings) == (whole.images, (f"Some {BLOCKED}",))


@pytest.mark.parametrize(
    ("status", "name", "kind", "error"),
    [
        (400, "ValidationException", "bad_request", ProviderFailed),
        (400, "ServiceQuotaExceededException", "quota", ProviderFailed),
        (403, "AccessDeniedException", "forbidden", ProviderFailed),
        (403, "ExpiredTokenException", "auth", ProviderFailed),
        (404, "ResourceNotFoundException", "not_found", ProviderFailed),
        (408, "ModelTimeoutException", "timeout", OutcomeUnknown),
        (424, "ModelErrorException", "model_error", ProviderFailed),
        (429, "ThrottlingException", "rate_limit", ProviderUnavailable),
        (429, "ModelNotReadyException", "overloaded", ProviderUnavailable),
        (500, "InternalServerException", "server_error", ProviderUnavailable),
        (503, "ServiceUnavailableException", "overloaded", ProviderUnavailable),
    ],
)
def test_every_exception_is_what_it_means(
    service: BedrockService, provider: ImageProvider, status: int, name: str, kind: str, error: type[ProviderError]
) -> None:
    """And is raised after one request: boto3 does not send again by itself, which might buy again."""
    service.behave_always(failing(status, name, "It says why."))
    with pytest.raises(error, match=r"^It says why\.$") as raised:
        draw(provider)
    assert (raised.value.kind, raised.value.http_status, raised.value.request_id) == (kind, status, "request-1")
    assert raised.value.details == {"exception": name}
    assert len(service.requests) == 1


def test_the_name_of_an_exception_may_be_in_the_body(service: BedrockService, provider: ImageProvider) -> None:
    """Where a proxy has taken the header away."""
    body = {"__type": "com.amazon.coral.service#ExpiredTokenException", "Message": "The token has expired."}
    service.behave(json_error(403, body))
    with pytest.raises(ProviderFailed, match="The token has expired") as failed:
        draw(provider)
    assert failed.value.kind == "auth"


def test_an_answer_that_trickles_ends_with_the_time_of_the_request(
    service: BedrockService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each byte comes in time, the answer does not."""
    monkeypatch.setenv("PROMPTLAB_BEDROCK_TIMEOUT", "1")
    service.behave(Behaviour(trickle=0.1, trickle_headers=True))
    started = time.monotonic()
    with closing(open_provider("bedrock", load())) as provider, pytest.raises(OutcomeUnknown) as unknown:
        draw(provider)
    assert unknown.value.kind == "timeout"
    assert time.monotonic() - started < 5


@pytest.fixture
def tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A certificate of this machine's own, which promptlab is told to trust."""
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl to make a certificate")
    key, certificate = str(tmp_path / "key.pem"), str(tmp_path / "certificate.pem")
    made = ["openssl", "req", "-x509", "-nodes", "-newkey", "rsa:2048", "-keyout", key, "-out", certificate]
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*made, *subject], check=True, capture_output=True)
    monkeypatch.setenv("SSL_CERT_FILE", certificate)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


def test_a_bedrock_api_key_does_as_well(tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch) -> None:
    """In AWS's own variable, and over https alone; where it is refused, that is said, without it."""
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", KEY)
    monkeypatch.setenv("AWS_REGION", "us-west-2")
    with serving_service(BedrockService, tls=tls) as service:
        monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", service.base_url)
        with closing(open_provider("bedrock", load())) as provider:
            assert draw(provider).images
            assert service.asked()[0].headers["authorization"] == f"Bearer {KEY}"
            denied = "Authentication failed: Please make sure your API Key {key} is valid."
            service.behave(failing(403, "AccessDeniedException", denied))
            with pytest.raises(ProviderFailed) as failed:
                draw(provider)
    assert failed.value.kind == "auth"
    assert failed.value.message == denied.replace("{key}", "***")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AWS_SESSION_TOKEN", f"{KEY}\n{KEY}"),
        ("AWS_SECRET_ACCESS_KEY", f"{KEY}\n"),
        ("AWS_SESSION_TOKEN", f"{KEY}ключ"),
    ],
)
def test_credentials_that_cannot_be_sent_are_not_shown(
    service: BedrockService, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with closing(open_provider("bedrock", load())) as provider, pytest.raises(ProviderFailed) as failed:
        draw(provider)
    assert failed.value.kind == "auth"
    assert KEY not in failed.value.message
    assert service.requests == []


def test_half_of_the_credentials_is_said_before_anything_is_sent(
    service: BedrockService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with (
        closing(open_provider("bedrock", load())) as provider,
        pytest.raises(ProviderFailed, match="AWS_SECRET_ACCESS_KEY") as failed,
    ):
        draw(provider)
    assert failed.value.kind == "auth"
    assert service.requests == []


def test_plain_http_is_refused_also_where_boto3_finds_the_address(
    service: BedrockService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AWS has a variable for the endpoint of all its services, too."""
    monkeypatch.delenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://gateway.lan:1")
    with (
        closing(open_provider("bedrock", load())) as provider,
        pytest.raises(ProviderFailed, match=r"gateway\.lan unencrypted"),
    ):
        draw(provider)


def test_a_check_proves_the_credentials_with_a_request_that_is_turned_down(
    service: BedrockService, provider: ImageProvider
) -> None:
    sentence = provider.check()
    assert "knows these credentials" in sentence
    assert "which costs nothing" in sentence
    assert service.asked("images") == []


def test_a_check_says_that_the_model_is_closed_to_the_account(service: BedrockService, provider: ImageProvider) -> None:
    service.behave(failing(403, "AccessDeniedException", "You don't have access to the model."), at="check")
    with pytest.raises(ProviderFailed, match="You don't have access") as failed:
        provider.check()
    assert failed.value.kind == "forbidden"


def test_a_check_of_something_else_proves_no_credentials(service: BedrockService, provider: ImageProvider) -> None:
    service.behave(json_error(200, {}), at="check")
    assert "not the credentials" in provider.check()


def test_models_that_nobody_knows_are_talked_to_in_the_form_of_their_maker(provider: ImageProvider) -> None:
    assert provider.capabilities("amazon.nova-canvas-v2:0").max_count == 5
    assert provider.capabilities("us.stability.of-next-year-v1:0").max_count == 1
