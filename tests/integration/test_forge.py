"""AUTOMATIC1111 and Forge: checkpoints, what is replaced without a word, grids, masks, errors, and their own SDK."""

import base64
import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from io import BytesIO
from typing import Any

import pytest
import webuiapi
from PIL import Image
from tests.fixtures.command_line import Promptlab
from tests.loopback import json_error, serving_service
from tests.openai_behaviour import Behaviour
from tests.pictures import hole, picture
from tests.vendors import KEY
from tests.vendors.forge import CHECKPOINTS, VENDOR, ForgeService

from promptlab.adapters.ai.protocol import (
    ImageProvider,
    ImageRequest,
    ImageResult,
    ProviderError,
    ProviderFailed,
    ProviderUnavailable,
)
from promptlab.adapters.ai.registry import missing, open_provider, ready_providers
from promptlab.services.images import inspect_image
from promptlab.services.lab import Providers
from promptlab.settings import load

ASKED = ImageRequest(model="current", user_prompt="a harbour", parameters={"width": 128, "height": 96, "steps": 4})


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[ForgeService]:
    with serving_service(ForgeService) as found:
        for name, value in VENDOR.environment(found.base_url).items():
            monkeypatch.setenv(name, value)
        yield found


@pytest.fixture
def provider(service: ForgeService) -> Iterator[ImageProvider]:
    with closing(open_provider("forge", load())) as found:
        yield found


def draw(provider: ImageProvider, **asked: Any) -> ImageResult:
    parameters = {**ASKED.parameters, **asked.pop("parameters", {})}
    return provider.generate(replace(ASKED, parameters=parameters, **asked), accepted=lambda _handle: None)


def sent(service: ForgeService) -> dict[str, Any]:
    return dict(service.asked()[-1].fields)


@pytest.mark.parametrize(
    ("model", "short"),
    [
        *((name, "v1-5-pruned-emaonly") for name in ("v1-5-pruned-emaonly", "v1-5-pruned-emaonly.safetensors")),
        *((CHECKPOINTS["v1-5-pruned-emaonly"][part], "v1-5-pruned-emaonly") for part in ("title", "hash", "sha256")),
        *((name, "juggernaut.v9") for name in ("juggernaut.v9", "sdxl_juggernaut.v9")),
        ("sdxl\\juggernaut.v9.safetensors", "juggernaut.v9"),
    ],
)
def test_a_checkpoint_is_known_by_every_name_that_the_server_gives_it(
    service: ForgeService, provider: ImageProvider, model: str, short: str
) -> None:
    """It is asked for as it was named, for this request alone."""
    service.behave(Behaviour(body=_answer(sd_model_name=short)))
    assert draw(provider, model=model).warnings == ()
    assert sent(service)["override_settings"] == {"sd_model_checkpoint": model}
    assert sent(service)["override_settings_restore_afterwards"] is True


def test_current_is_whichever_checkpoint_is_loaded(service: ForgeService, provider: ImageProvider) -> None:
    """None is asked for, and the answer says which it was."""
    result = draw(provider)
    assert "override_settings" not in sent(service)
    assert result.effective_parameters["sd_model_name"] == "v1-5-pruned-emaonly"
    assert result.effective_parameters["sd_model_hash"] == "6ce0161689"
    assert service.asked("look") == []


def test_a_checkpoint_that_is_not_there_is_an_error_before_anything_is_made(
    service: ForgeService, provider: ImageProvider
) -> None:
    """The server itself would make images with another one."""
    with pytest.raises(ProviderFailed, match="has no checkpoint 'jugernaut.v9'. Did you mean 'juggernaut.v9'") as error:
        draw(provider, model="jugernaut.v9")
    assert error.value.kind == "not_found"
    assert "It has juggernaut.v9, v1-5-pruned-emaonly." in error.value.message
    assert service.asked() == []


def test_a_server_without_a_list_of_checkpoints_is_believed(service: ForgeService, provider: ImageProvider) -> None:
    service.behave(json_error(404, {"detail": "Not Found"}), at="look")
    assert draw(provider, model="mine").images


def test_another_checkpoint_than_asked_for_is_warned_of(service: ForgeService, provider: ImageProvider) -> None:
    service.behave(Behaviour(body=_answer(sd_model_name="another")))
    (warning,) = draw(provider, model="juggernaut.v9").warnings
    assert warning == "The server used the checkpoint another, not juggernaut.v9."


@pytest.mark.parametrize("behaviour", [Behaviour(reset=True), Behaviour(missing_bytes=5)])
def test_trouble_with_the_list_of_checkpoints_has_made_nothing(
    service: ForgeService, provider: ImageProvider, behaviour: Behaviour
) -> None:
    service.behave(behaviour, at="look")
    with pytest.raises(ProviderUnavailable):
        draw(provider, model="juggernaut.v9")


def test_options_of_the_server_go_beside_the_checkpoint(service: ForgeService, provider: ImageProvider) -> None:
    draw(provider, model="juggernaut.v9", parameters={"override_settings": {"CLIP_stop_at_last_layers": 2}})
    assert sent(service)["override_settings"] == {"CLIP_stop_at_last_layers": 2, "sd_model_checkpoint": "juggernaut.v9"}
    with pytest.raises(ProviderFailed, match="override_settings is 'x', expected a JSON object"):
        draw(provider, model="juggernaut.v9", parameters={"override_settings": "x"})


def test_what_the_server_replaces_is_warned_of(provider: ImageProvider) -> None:
    """And what it really used is kept."""
    result = draw(provider, user_prompt="a wall in #ff0000", parameters={"sampler_name": "Eular"})
    assert result.warnings == (
        "The server used prompt 'a wall in', not 'a wall in #ff0000'.",
        "The server used sampler_name 'DPM++ 2M', not 'Eular'.",
    )
    assert result.effective_parameters["prompt"] == "a wall in"
    assert result.effective_parameters["sampler_name"] == "DPM++ 2M"


def test_a_sampler_with_its_scheduler_is_what_was_asked_for(provider: ImageProvider) -> None:
    result = draw(provider, parameters={"sampler_name": "Euler a Karras"})
    assert result.warnings == ()
    assert result.effective_parameters["extra_generation_params"] == {"Schedule type": "Karras"}


def test_several_images_have_a_seed_each(service: ForgeService, provider: ImageProvider) -> None:
    """One after the other, so that each is what its seed alone makes."""
    result = draw(provider, count=3, seed=2**63 - 10)
    assert result.effective_parameters["seeds"] == [2**63 - 10 + index for index in range(3)]
    assert sent(service)["n_iter"] == 3
    assert draw(provider, seed=2**63 - 9).images[0] == result.images[1]


def test_without_a_seed_the_one_that_was_drawn_is_told_and_repeats(provider: ImageProvider) -> None:
    first = draw(provider)
    assert draw(provider, seed=first.effective_parameters["seed"]).images == first.images


def test_a_grid_is_no_image_that_was_asked_for(provider: ImageProvider) -> None:
    result = draw(provider, count=2, seed=7, parameters={"save_images": True})
    assert result.images == draw(provider, count=2, seed=7).images
    assert result.warnings == ()


def test_images_of_scripts_are_left_out_with_a_warning(service: ForgeService, provider: ImageProvider) -> None:
    service.control_maps = 2
    result = draw(provider, count=2)
    assert len(result.images) == 2
    assert result.warnings == ("Images beyond those asked for came, and are not kept: 2.",)


@pytest.mark.parametrize("form", ["JPEG", "WEBP"])
def test_the_type_of_an_image_is_the_server_s_to_choose(
    service: ForgeService, provider: ImageProvider, form: str
) -> None:
    service.form = form
    assert inspect_image(draw(provider).images[0]).media_type == f"image/{form.lower()}"


def test_what_is_transparent_in_a_mask_is_white_for_the_server(service: ForgeService, provider: ImageProvider) -> None:
    draw(provider, inputs=(picture(),), mask=hole())
    mask = Image.open(BytesIO(base64.b64decode(sent(service)["mask"])))
    assert (mask.mode, mask.getpixel((0, 0)), mask.getpixel((63, 0))) == ("L", 255, 0)


@pytest.mark.parametrize("info", ["", "no JSON", "[]", "null", None, 3, {"all_seeds": 3, "index_of_first_image": "x"}])
def test_a_server_that_tells_little_is_understood(service: ForgeService, provider: ImageProvider, info: object) -> None:
    """Images are images, whatever comes with them."""
    service.behave(Behaviour(body=json.dumps({**json.loads(_answer()), "info": info}).encode()))
    result = draw(provider, count=2)
    assert len(result.images) == 1
    assert result.warnings == ()


@pytest.mark.parametrize("images", [None, [], [None], [""], ["*** no base64 ***"], "abc"])
def test_an_answer_without_an_image_is_a_failure(
    service: ForgeService, provider: ImageProvider, images: object
) -> None:
    service.behave(Behaviour(body=json.dumps({"images": images, "info": "{}"}).encode()))
    with pytest.raises(ProviderFailed, match="holds no image") as error:
        draw(provider)
    assert error.value.may_be_billed


@pytest.mark.parametrize(
    ("status", "body", "kind", "says"),
    [
        (404, {"detail": "Sampler not found"}, "not_found", "Sampler not found"),
        (404, {"detail": "Not Found"}, "not_found", "must be started with --api"),
        (500, {"detail": "Invalid encoded image"}, "bad_request", "Invalid encoded image"),
        (500, {"error": "OutOfMemoryError", "detail": "", "errors": "CUDA out of memory."}, "out_of_memory", "CUDA"),
        (422, {"detail": "Script 'x' not found"}, "bad_request", "Script 'x' not found"),
        (401, {"detail": "Incorrect username or password"}, "auth", "Incorrect username or password"),
    ],
)
def test_what_the_server_would_refuse_again_is_not_sent_again(
    service: ForgeService, provider: ImageProvider, status: int, body: object, kind: str, says: str
) -> None:
    service.behave(json_error(status, body))
    with pytest.raises(ProviderFailed, match=says) as error:
        draw(provider)
    assert error.value.kind == kind


@pytest.mark.parametrize(
    "body", [b"Internal Server Error", b'{"error": "RuntimeError", "detail": "", "errors": "CUDA error"}']
)
def test_trouble_within_the_server_is_tried_again(service: ForgeService, provider: ImageProvider, body: bytes) -> None:
    service.behave(Behaviour(status=500, body=body))
    with pytest.raises(ProviderUnavailable, match="Internal Server Error|RuntimeError: CUDA error"):
        draw(provider)


def test_a_sampler_that_automatic1111_does_not_know_is_a_failure(
    service: ForgeService, provider: ImageProvider
) -> None:
    service.older = True
    with pytest.raises(ProviderFailed, match="Sampler not found"):
        draw(provider, parameters={"sampler_name": "Eular"})


@pytest.mark.parametrize("key", [f"me:{KEY}", KEY])
def test_a_password_is_in_no_error_in_any_form(
    service: ForgeService, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    """Neither as it was set, nor alone, nor as it travels."""
    monkeypatch.setenv("FORGE_API_AUTH", key)
    provider = open_provider("forge", load())
    travelled = base64.b64encode(key.encode()).decode()
    service.behave(json_error(401, {"detail": f"Who is {key}, {KEY}, {travelled}?"}), at="check")
    with closing(provider), pytest.raises(ProviderError) as error:
        provider.check()
    assert error.value.message.startswith("Who is ***, ***, ***?")


def test_a_check_says_what_is_loaded(service: ForgeService, provider: ImageProvider) -> None:
    assert provider.check().endswith("answers; its checkpoint is v1-5-pruned-emaonly.safetensors [6ce0161689].")
    service.behave(Behaviour(body=b'{"sd_model_checkpoint": null}'), Behaviour(body=b"<html>"), at="check")
    assert provider.check().endswith("its checkpoint is none.")
    assert "not that it makes images" in provider.check()


def test_the_address_may_end_in_that_of_the_api(service: ForgeService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORGE_BASE_URL", f"{service.base_url}/sdapi/v1/")
    with closing(open_provider("forge", load())) as provider:
        assert draw(provider).images


def test_nobody_is_asked_for_a_server_that_he_may_not_have() -> None:
    """Its address makes it ready; it needs no key, and is asked for one image at a time."""
    assert ready_providers(load()) == ["sketch"]
    assert "FORGE_BASE_URL is not set" in (missing("forge", load()) or "")
    assert Providers(load()).limits("forge").concurrency == 1
    assert Providers(load()).limits("sketch").concurrency == 4


def test_its_address_makes_it_ready_without_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORGE_BASE_URL", "http://127.0.0.1:7860")
    monkeypatch.setenv("PROMPTLAB_FORGE_CONCURRENCY", "2")
    assert ready_providers(load()) == ["forge", "sketch"]
    assert Providers(load()).limits("forge").concurrency == 2


def test_what_the_server_reads_as_an_instruction_is_warned_of(service: ForgeService, promptlab: Promptlab) -> None:
    promptlab("prompt", "create", "p", "--provider", "forge", "--user", r"(a:1.2) \(b\) <lora:c:1> BREAK d #e", "--raw")
    dry = promptlab("generate", "--prompt-version", "p", "--dry-run", "--json").json
    found = [warning.rpartition(": ")[2] for warning in dry["warnings"]]
    assert found == ["(a:1.2)", "BREAK", "<lora:c:1>", "#e"]


def test_draws_that_share_images_are_warned_of_before_they_are_made(
    service: ForgeService, promptlab: Promptlab
) -> None:
    """The server numbers the seeds within a set: image 2 of draw 1 is image 1 of draw 2. With --strict an error."""
    promptlab("prompt", "create", "p", "--provider", "forge", "--user", "a harbour")
    buy = ("generate", "--prompt-version", "p", "--seed", 7, "--json")
    shared = "image 2 of draw 1 and image 1 of draw 2 both have seed 8"
    assert shared in promptlab(*buy, "--count", 2, "--draws", 2, "--strict", code=2).error["message"]
    assert service.asked() == []
    one, two = promptlab(*buy, "--count", 2, "--draws", 2).json["items"]
    assert one["outputs"][1]["sha256"] == two["outputs"][0]["sha256"]
    assert shared in two["warnings"][0]


def test_variations_of_a_seed_are_shared_by_no_draws(service: ForgeService, promptlab: Promptlab) -> None:
    """All images of a set then have the same seed, and subseeds in a row: nothing is warned of."""
    promptlab("prompt", "create", "p", "--provider", "forge", "--user", "a harbour")
    varied = ("--param", "subseed=5", "--param", "subseed_strength=0.2")
    buy = ("generate", "--prompt-version", "p", "--seed", 7, *varied)
    one, two = promptlab(*buy, "--count", 2, "--draws", 2, "--strict", "--json").json["items"]
    assert (one["effective_parameters"]["seeds"], two["effective_parameters"]["seeds"]) == ([7, 7], [8, 8])
    assert len({image["sha256"] for item in (one, two) for image in item["outputs"]}) == 4


def test_a_second_set_from_the_same_seed_is_warned_of_like_a_second_draw(
    service: ForgeService, promptlab: Promptlab
) -> None:
    """Sets of one image share nothing, nor does one set alone."""
    promptlab("prompt", "create", "p", "--provider", "forge", "--user", "a harbour")
    buy = ("generate", "--prompt-version", "p", "--seed", 7, "--json")
    for alone in (("--count", 2), ("--draws", 2)):
        assert promptlab(*buy, *alone, "--strict").json["items"][0]["warnings"] == []
    again = promptlab(*buy, "--count", 2, "--dry-run").json
    assert "a run of its own for each set, with --seed 7, 9 and so on" in again["warnings"][0]
    assert promptlab(*buy, "--draws", 2, "--dry-run").json["warnings"] == []
    assert len(service.asked()) == 3


@pytest.fixture
def sdk(service: ForgeService) -> Iterator[webuiapi.WebUIApi]:
    client = webuiapi.WebUIApi(baseurl=f"{service.base_url}/sdapi/v1", username="me", password=KEY)
    yield client
    client.session.close()


def test_the_sdk_generates(sdk: webuiapi.WebUIApi) -> None:
    answer = sdk.txt2img(prompt="a fox", seed=7, n_iter=2, width=128, height=96, save_images=True)
    assert [image.size for image in answer.images] == [(64, 64), (128, 96), (128, 96)]
    assert (answer.info["all_seeds"], answer.info["index_of_first_image"]) == ([7, 8], 1)


def test_the_sdk_edits(sdk: webuiapi.WebUIApi, service: ForgeService) -> None:
    one = Image.new("RGB", (64, 48), "red")
    answer = sdk.img2img(images=[one], mask_image=Image.new("L", (64, 48)), prompt="a fox", width=128, height=96)
    assert answer.image.size == (128, 96)
    assert answer.parameters["init_images"] is None
    with pytest.raises(RuntimeError):
        sdk.img2img(images=[one, one], prompt="a fox")
    service.older = True
    with pytest.raises(RuntimeError, match="Sampler not found"):
        sdk.txt2img(prompt="a fox", sampler_name="Eular")


def test_the_sdk_lists_what_there_is(sdk: webuiapi.WebUIApi) -> None:
    assert [model["model_name"] for model in sdk.get_sd_models()] == [
        each["model_name"] for each in CHECKPOINTS.values()
    ]
    assert sdk.get_options()["sd_model_checkpoint"] == CHECKPOINTS["v1-5-pruned-emaonly"]["title"]


def _answer(**info: object) -> bytes:
    image = base64.b64encode(picture(size=(128, 96)).data).decode()
    return json.dumps({"images": [image], "parameters": {}, "info": json.dumps(info)}).encode()
