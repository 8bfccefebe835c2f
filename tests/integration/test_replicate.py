"""Replicate: how a request is written for models of which each names its fields itself."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from tests.fixtures.command_line import Promptlab
from tests.fixtures.vendors import Ask
from tests.loopback import json_error
from tests.openai_behaviour import Behaviour
from tests.pictures import picture
from tests.vendors import KEY
from tests.vendors.replicate import FLUX, KONTEXT, SDXL, SDXL_VERSION, TINY_VERSION, VENDOR, ReplicateService

from promptlab.adapters.ai.encoding import from_data_url, to_data_url
from promptlab.adapters.ai.protocol import ImageProvider, InputImage, ProviderFailed, ProviderUnavailable

pytestmark = pytest.mark.parametrize("vendor", [VENDOR], ids=["replicate"])


def bodies(service: ReplicateService) -> list[Any]:
    return [dict(request.fields) for request in service.asked()]


@pytest.fixture
def large(tmp_path: Path) -> InputImage:
    """An image that is too large to go with the request."""
    file = tmp_path / "large.png"
    Image.frombytes("RGB", (400, 400), random.Random(7).randbytes(400 * 400 * 3)).save(file)
    return InputImage(data=file.read_bytes(), media_type="image/png")


def test_an_official_model_is_asked_at_its_own_address(ask: Ask, service: ReplicateService) -> None:
    """Nothing but the input is in the body: other keys are rejected."""
    ask(model=FLUX, parameters={"aspect_ratio": "3:2"}, seed=7)
    [request] = service.asked()
    assert request.path == "/v1/models/black-forest-labs/flux-2-pro/predictions"
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.fields == {"input": {"prompt": "a harbour", "aspect_ratio": "3:2", "seed": 7}}


def test_a_version_is_named_in_the_body(ask: Ask, service: ReplicateService) -> None:
    result = ask(model=SDXL, count=2, parameters={"width": 64, "height": 64})
    [request] = service.asked()
    assert request.path == "/v1/predictions"
    assert request.fields["version"] == SDXL_VERSION
    assert request.fields["input"]["num_outputs"] == 2
    assert len(result.images) == 2


def test_the_key_goes_to_the_service_alone(ask: Ask, service: ReplicateService) -> None:
    ask()
    [file] = service.asked("file")
    assert "authorization" not in file.headers


def test_input_images_go_where_each_model_has_them(ask: Ask, service: ReplicateService) -> None:
    one, two = to_data_url(picture("red")), to_data_url(picture("blue"))
    ask(model=FLUX, inputs=(picture("red"), picture("blue")))
    ask(model=KONTEXT, inputs=(picture("red"),))
    ask(model="bytedance/seedream-4", inputs=(picture("red"),))
    flux, kontext, seedream = (body["input"] for body in bodies(service))
    assert flux["input_images"] == [one, two]
    assert kontext["input_image"] == one
    assert seedream["image_input"] == [one]


def test_a_large_input_is_uploaded_first(ask: Ask, service: ReplicateService, large: InputImage) -> None:
    small = ask(model=FLUX, seed=7, inputs=(picture(),))
    result = ask(model=FLUX, seed=7, inputs=(large, picture()))
    [upload] = service.asked("upload")
    [part] = upload.files
    assert (part.name, part.content_type, part.data) == ("content", "image/png", large.data)
    uploaded, sent = bodies(service)[1]["input"]["input_images"]
    assert uploaded == f"{service.base_url}/v1/files/0"
    assert from_data_url(sent) == picture().data
    assert result.images != small.images


@pytest.mark.parametrize(
    "trouble",
    [Behaviour(status=502, body=b"trouble"), Behaviour(reset=True), json_error(503, {})],
    ids=["502", "reset", "503"],
)
@pytest.mark.parametrize("at", ["upload", "schema"])
def test_trouble_before_the_order_has_bought_nothing(
    ask: Ask, service: ReplicateService, large: InputImage, trouble: Behaviour, at: str
) -> None:
    """Not even where nobody knows what became of an upload: the same request may be sent again."""
    service.behave(trouble, at=at)
    with pytest.raises(ProviderUnavailable):
        ask(model="acme/tomorrow", inputs=(large,))
    assert service.asked() == []


@pytest.mark.parametrize("body", [b"{}", b'{"urls": []}', b'{"urls": {"get": 5}}'])
def test_an_upload_without_an_address_orders_nothing(
    ask: Ask, service: ReplicateService, large: InputImage, body: bytes
) -> None:
    service.behave(Behaviour(body=body), at="upload")
    with pytest.raises(ProviderFailed, match="does not say where"):
        ask(model=FLUX, inputs=(large,))
    assert service.asked() == []


def test_a_model_that_is_not_known_is_asked_for_its_fields_once(ask: Ask, service: ReplicateService) -> None:
    """Lists, counts, and what would rewrite the prompt, under the names that it gives itself."""
    first = ask(model="acme/tomorrow", count=3, inputs=(picture("red"), picture("blue")))
    ask(model="acme/tomorrow", parameters={"prompt_upsampling": True})
    assert [request.path for request in service.asked("schema")] == ["/v1/models/acme/tomorrow"]
    assert len(first.images) == 3
    one, two = (body["input"] for body in bodies(service))
    assert (one["number_of_images"], len(one["pictures"]), one["prompt_upsampling"]) == (3, 2, False)
    assert two == {"prompt": "a harbour", "number_of_images": 1, "prompt_upsampling": True}


def test_a_version_that_is_not_known_describes_itself_too(ask: Ask, service: ReplicateService) -> None:
    ask(model=f"acme/tiny:{TINY_VERSION}", inputs=(picture(),), seed=7)
    [asked] = service.asked("schema")
    assert asked.path == f"/v1/models/acme/tiny/versions/{TINY_VERSION}"
    [body] = bodies(service)
    assert body == {
        "version": TINY_VERSION,
        "input": {"prompt": "a harbour", "image": to_data_url(picture()), "seed": 7},
    }


def test_one_field_for_an_image_is_the_one_whatever_its_name(ask: Ask, service: ReplicateService) -> None:
    ask(model="acme/plain", inputs=(picture(),))
    assert bodies(service)[0]["input"]["photo"] == to_data_url(picture())
    with pytest.raises(ProviderFailed, match="takes one input image, not 2"):
        ask(model="acme/plain", inputs=(picture(), picture()))
    with pytest.raises(ProviderFailed, match="makes one image per request, not 2: --draws"):
        ask(model="acme/plain", count=2)
    assert len(service.asked()) == 1


def test_a_seed_without_a_field_is_a_warning(ask: Ask) -> None:
    result = ask(model="acme/tomorrow", seed=7)
    assert result.warnings == ("acme/tomorrow has no field for a seed: --seed 7 was not sent.",)


def test_that_fields_will_be_guessed_is_said_before_anything_is_sent(
    service: ReplicateService, promptlab: Promptlab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But for those of which a file of one's own says what they are called."""
    promptlab("prompt", "create", "p", "--user", "a harbour", "--provider", "replicate", "--model", "acme/tomorrow")
    buy = ("generate", "--prompt-version", "p", "--seed", 7, "--json")
    guess = (
        "The fields of acme/tomorrow are not known here: that --seed goes into a field seed, if it has one, is a guess."
    )
    assert promptlab(*buy, "--dry-run").json["warnings"][0] == guess
    assert promptlab(*buy, "--strict", code=2).error["message"] == guess
    assert service.requests == []
    file = tmp_path / "models.toml"
    file.write_text('[replicate.models."acme/tomorrow"]\nnames.seed = "random_seed"\n')
    monkeypatch.setenv("PROMPTLAB_MODELS_FILE", str(file))
    assert promptlab(*buy, "--strict", "--dry-run").json["warnings"] == []


def test_a_model_that_is_not_described_gets_the_prompt(ask: Ask, service: ReplicateService) -> None:
    """And an error of the service's own where there is none of that name."""
    service.behave(json_error(404, {"detail": "Not here."}), at="schema")
    assert ask(model="acme/plain").images
    assert bodies(service) == [{"input": {"prompt": "a harbour"}}]
    with pytest.raises(ProviderFailed, match="as far as its description says"):
        ask(model="acme/none", inputs=(picture(),))


def test_a_key_that_is_refused_is_said_to_be_that_before_the_order(ask: Ask, service: ReplicateService) -> None:
    service.behave(json_error(401, {"detail": "Invalid token."}), at="schema")
    with pytest.raises(ProviderFailed) as failed:
        ask(model="acme/plain")
    assert failed.value.kind == "auth"


def test_a_prompt_is_not_rewritten_unasked(ask: Ask, service: ReplicateService) -> None:
    ask(model=KONTEXT)
    ask(model=KONTEXT, parameters={"prompt_upsampling": True})
    assert [body["input"]["prompt_upsampling"] for body in bodies(service)] == [False, True]


@pytest.mark.parametrize("model", ["flux", "acme/", "/flux", "acme/flux:", "acme/flux/dev", ""])
def test_what_is_no_model_is_said_before_anything_is_sent(ask: Ask, service: ReplicateService, model: str) -> None:
    with pytest.raises(ProviderFailed, match="OWNER/NAME, or OWNER/NAME:VERSION"):
        ask(model=model)
    assert service.requests == []


def test_a_model_that_needs_a_version_is_told_of_it(ask: Ask) -> None:
    with pytest.raises(ProviderFailed, match="is it stability-ai/sdxl:VERSION") as failed:
        ask(model="stability-ai/sdxl")
    assert failed.value.kind == "not_found"


def test_what_is_wrong_with_the_input_is_one_line(ask: Ask) -> None:
    with pytest.raises(ProviderFailed) as failed:
        ask(model="acme/plain", parameters={"colour": "red"})
    assert failed.value.message == "- input: Additional property colour is not allowed"
    assert not failed.value.may_be_billed


def test_the_table_says_what_each_model_takes(provider: ImageProvider) -> None:
    """By the fields that are written down for it; nobody knows what a mask means there."""
    flux, schnell, nano = (
        provider.capabilities(model) for model in (FLUX, "black-forest-labs/flux-schnell", "google/nano-banana-pro")
    )
    assert (flux.seed, flux.max_count, flux.max_inputs, flux.mask, flux.system_prompt) == (True, 1, 8, False, False)
    assert (schnell.seed, schnell.max_count, schnell.max_inputs) == (True, 4, 0)
    assert (nano.seed, nano.max_count, nano.max_inputs) == (False, 1, 14)


def test_one_s_own_model_needs_a_price_only(
    service: ReplicateService, promptlab: Promptlab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What its fields are called it still says itself."""
    file = tmp_path / "models.toml"
    file.write_text('[replicate.models."acme/tomorrow"]\nprice.per_image = 0.02\n')
    monkeypatch.setenv("PROMPTLAB_MODELS_FILE", str(file))
    promptlab("prompt", "create", "p", "--user", "a harbour", "--model", "acme/tomorrow")
    [row] = promptlab("generate", "--prompt-version", "p", "--count", 2, "--json").json["items"]
    assert (row["state"], row["cost_usd"], len(row["outputs"])) == ("succeeded", 0.04, 2)


def test_a_check_says_whose_key_it_is(provider: ImageProvider, service: ReplicateService) -> None:
    assert provider.check().endswith("knows this key, which belongs to acme.")
    service.behave(Behaviour(body=b"{}"), at="check")
    assert "not the key" in provider.check()


def test_a_reserved_field_leads_to_its_flag(promptlab: Promptlab, vendor: Any) -> None:
    create: Callable[..., Any] = promptlab
    ran = create(
        "prompt", "create", "p", "--user", "x", "--model", KONTEXT, "--param", "input_image=http://a/b.png", code=2
    )
    assert "Use --input." in ran.err
