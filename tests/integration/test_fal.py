"""What fal is sent and what its models answer: names of fields, sizes, addresses, units."""

from contextlib import closing
from pathlib import Path

import pytest
from tests.fixtures.command_line import Promptlab
from tests.fixtures.vendors import Ask
from tests.loopback import Reply, painted
from tests.pictures import picture
from tests.vendors import KEY
from tests.vendors.fal import VENDOR, FalService

from promptlab.adapters.ai.encoding import to_data_url
from promptlab.adapters.ai.protocol import ImageProvider, ImageRequest, InputImage, ProviderFailed
from promptlab.adapters.ai.registry import open_provider
from promptlab.services.images import inspect_image
from promptlab.settings import load

pytestmark = pytest.mark.parametrize("vendor", [VENDOR], ids=["fal"])

IMAGE = painted("x", size=(64, 64), seed=1)


def test_a_request_without_images_goes_to_the_model_itself(service: FalService, ask: Ask) -> None:
    result = ask(system_prompt="Only woodcuts.", seed=7, count=2)
    [sent] = service.asked()
    assert sent.path == "/fal-ai/flux-2"
    assert sent.headers["authorization"] == f"Key {KEY}"
    assert sent.fields == {
        "prompt": "Only woodcuts.\n\na harbour",
        "num_images": 2,
        "seed": 7,
        "enable_prompt_expansion": False,
    }
    assert result.effective_parameters == {
        "seed": 7,
        "prompt": "Only woodcuts.\n\na harbour",
        "system_prompt": "rendered into the prompt",
    }
    assert (result.usage, result.cost_usd) == ({"billable_units": 2.0}, 0.024)


def test_with_images_it_goes_to_the_model_for_them_and_says_so(service: FalService, ask: Ask) -> None:
    red, blue = picture("red"), picture("blue")
    result = ask(inputs=(red, blue))
    [sent] = service.asked()
    assert sent.path == "/fal-ai/flux-2/edit"
    assert sent.fields["image_urls"] == [to_data_url(red), to_data_url(blue)]
    assert result.effective_parameters["model"] == "fal-ai/flux-2/edit"
    assert result.cost_usd == 0.036


def test_the_request_is_asked_about_where_the_answer_says(service: FalService, ask: Ask) -> None:
    """These addresses have not the whole name of the model in them."""
    ask(inputs=(picture(),))
    assert {look.path for look in service.asked("look")} == {"/fal-ai/flux-2/requests/job-1/status"}
    assert {look.path for look in service.asked("result")} == {"/fal-ai/flux-2/requests/job-1"}


def test_a_model_may_take_one_image_in_a_field_of_its_own(service: FalService, ask: Ask) -> None:
    ask(model="fal-ai/flux/dev", inputs=(picture("red"),), parameters={"strength": 0.5})
    [sent] = service.asked()
    assert sent.path == "/fal-ai/flux/dev/image-to-image"
    assert sent.fields["image_url"] == to_data_url(picture("red"))


def test_parameters_are_spelled_as_the_models_take_them(service: FalService, ask: Ask) -> None:
    """A size is a table, a tolerance a text, and neither is as people write it."""
    result = ask(model="fal-ai/flux-2-pro", parameters={"image_size": "768x512", "safety_tolerance": 5})
    [sent] = service.asked()
    assert sent.fields["image_size"] == {"width": 768, "height": 512}
    assert sent.fields["safety_tolerance"] == "5"
    assert "num_images" not in sent.fields
    assert inspect_image(result.images[0]).width == 768


def test_what_changes_the_prompt_is_on_only_where_it_is_asked_for(service: FalService, ask: Ask) -> None:
    ask(model="fal-ai/nano-banana-pro")
    ask(model="fal-ai/nano-banana-pro", parameters={"enable_web_search": True})
    assert [sent.fields["enable_web_search"] for sent in service.asked()] == [False, True]


def test_the_fields_of_a_model_that_is_not_known_are_guessed(service: FalService, ask: Ask) -> None:
    """Nothing is known of the price either, so the units stay units."""
    result = ask(model="fal-ai/tomorrow/edit", inputs=(picture(),), seed=7, parameters={"safety_tolerance": "5"})
    [sent] = service.asked()
    assert set(sent.fields) == {"prompt", "seed", "safety_tolerance", "image_urls"}
    assert (result.usage, result.cost_usd) == ({"billable_units": 2.0}, None)
    ask(model="fal-ai/tomorrow/image-to-image", inputs=(picture(),))
    assert "image_url" in service.asked()[1].fields


@pytest.mark.parametrize(
    ("model", "field"),
    [("fal-ai/tomorrow/edit", "image_urls"), ("fal-ai/tomorrow/image-to-image", "image_url (several: image_urls)")],
)
def test_that_fields_are_guessed_is_said_before_anything_is_sent(
    service: FalService, promptlab: Promptlab, tmp_path: Path, model: str, field: str
) -> None:
    (tmp_path / "input.png").write_bytes(picture().data)
    promptlab("prompt", "create", "p", "--user", "a harbour", "--provider", "fal", "--model", model)
    plain = ("generate", "--prompt-version", "p", "--dry-run", "--json")
    buy = (*plain, "--seed", 7, "--count", 2, "--input", tmp_path / "input.png")
    assert [text for text in promptlab(*plain).json["warnings"] if "guess" in text] == []
    places = {"--seed": "seed", "--count": "num_images", "--input": field}
    told = [
        f"The fields of {model} are not known here: that {flag} goes into {place} is a guess."
        for flag, place in places.items()
    ]
    assert promptlab(*buy).json["warnings"][:3] == told
    assert promptlab(*buy, "--strict", code=2).error["message"] == told[0]
    assert service.asked() == []


def test_a_file_of_ones_own_takes_the_place_of_a_guess(
    service: FalService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it says nothing of is as with other models of fal, and the price is known."""
    model = "fal-ai/flux-2-pro/edit"
    file = tmp_path / "models.toml"
    file.write_text(f'[fal.models."{model}"]\nnames = {{ count = false }}\nprice.per_unit = 0.03\n')
    monkeypatch.setenv("PROMPTLAB_MODELS_FILE", str(file))
    request = ImageRequest(model=model, user_prompt="a harbour", inputs=(picture(),), seed=7)
    with closing(open_provider("fal", load())) as provider:
        result = provider.generate(request, accepted=lambda _handle: None)
        assert provider.capabilities(model).parameters is None
    assert (result.warnings, result.cost_usd) == ((), 0.06)
    assert set(service.asked()[0].fields) == {"prompt", "seed", "image_urls"}


def test_a_model_takes_what_it_has_names_for(
    provider: ImageProvider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = provider.capabilities("fal-ai/flux-2")
    assert (known.seed, known.system_prompt, known.mask, known.max_count, known.max_inputs) == (
        True,
        False,
        False,
        4,
        4,
    )
    file = tmp_path / "models.toml"
    names = (
        '{ count = false, seed = false, inputs = false, input = "image_url", mask = "mask_url", system_prompt = "s" }'
    )
    file.write_text(f'[fal.models."me/house"]\nnames = {names}\n')
    monkeypatch.setenv("PROMPTLAB_MODELS_FILE", str(file))
    with closing(open_provider("fal", load())) as opened:
        own = opened.capabilities("me/house")
    assert (own.seed, own.system_prompt, own.mask, own.max_count, own.max_inputs) == (False, True, True, 1, 1)


def test_images_may_be_in_the_result_itself(ask: Ask) -> None:
    result = ask(parameters={"sync_mode": True}, count=2)
    assert [inspect_image(image).width for image in result.images] == [1024, 1024]


@pytest.mark.parametrize("form", ["images", "image", "text", "relative"])
def test_images_are_found_in_every_form_of_a_result(service: FalService, ask: Ask, form: str) -> None:
    url = service.publish(IMAGE)
    body = {
        "images": {"images": [{"url": url}]},
        "image": {"image": {"url": url}},
        "text": {"images": [url]},
        "relative": {"images": [{"url": url.removeprefix(service.elsewhere_url)}]},
    }[form]
    service.end_with(Reply(body=body))
    assert ask().images == (IMAGE,)


def test_the_seed_that_was_used_is_told_where_none_was_given(ask: Ask) -> None:
    assert ask().effective_parameters["seed"] == 1001


def test_an_image_that_cannot_be_read_does_not_take_the_others_with_it(service: FalService, ask: Ask) -> None:
    broken = to_data_url(InputImage(data=IMAGE, media_type="image/png")) + "*"
    service.end_with(Reply(body={"images": [{"url": broken}, {"width": 3}, {"url": service.publish(IMAGE)}]}))
    result = ask(count=3)
    assert result.images == (IMAGE,)
    assert len(result.warnings) == 2


@pytest.mark.parametrize("body", [{}, {"images": []}, {"images": [{}]}, {"images": 3}, {"image": None}, {"video": "x"}])
def test_a_result_without_an_image_may_have_been_billed(service: FalService, ask: Ask, body: object) -> None:
    service.end_with(Reply(body=body, headers={"x-fal-billable-units": "2"}))
    with pytest.raises(ProviderFailed) as failed:
        ask()
    assert (failed.value.kind, failed.value.may_be_billed) == ("bad_answer", True)
    assert (failed.value.cost_usd, failed.value.request_id) == (0.024, "job-1")


@pytest.mark.parametrize("units", ["", "many", "-1", "nan", "inf"])
def test_units_that_are_no_number_cost_nothing_that_is_known(service: FalService, ask: Ask, units: str) -> None:
    body = {"images": [{"url": service.publish(IMAGE)}]}
    service.end_with(Reply(body=body, headers={"x-fal-billable-units": units}))
    result = ask()
    assert (result.usage, result.cost_usd) == (None, None)


def test_the_key_goes_to_nobody_else(service: FalService, ask: Ask) -> None:
    """Neither to where an image lies, nor to an address of somebody else for the request."""
    ask()
    assert [file.headers.get("authorization") for file in service.asked("file")] == [None]
    service.base_url = "https://queue.fal.run.example"
    with pytest.raises(ProviderFailed, match="somebody else"):
        ask()
    assert len(service.asked("look")) == 1


def test_a_check_puts_nothing_into_the_queue(service: FalService, provider: ImageProvider) -> None:
    """It proves what it says, and no more."""
    sentence = provider.check()
    assert "does not refuse this key" in sentence
    assert "shows with the first image" in sentence
    assert [kind for kind, _request in service.requests] == ["check"]


@pytest.mark.parametrize(
    ("parameter", "advice"),
    [
        ("num_images=2", "Use --count."),
        ("image_urls=x", "Use --input."),
        ("seed=7", "Use --seed."),
        ("image_size=100x100", "each from 512 to 2048"),
        ("image_size=4096x512", "each from 512 to 2048"),
        ("safety_tolerance=2", "It takes"),
    ],
)
def test_what_a_model_does_not_take_as_a_parameter_is_refused(
    service: FalService, promptlab: Promptlab, parameter: str, advice: str
) -> None:
    """Before anything is sent, and with the flag that is meant."""
    ran = promptlab("prompt", "create", "p", "--user", "x", "--model", VENDOR.model, "--param", parameter, code=2)
    assert advice in ran.err
    assert service.requests == []


def test_several_images_of_one_request_are_stored(service: FalService, promptlab: Promptlab) -> None:
    promptlab("prompt", "create", "p", "--user", "a harbour", "--model", VENDOR.model)
    [row] = promptlab("generate", "--prompt-version", "p", "--count", 3, "--seed", 7, "--json").json["items"]
    assert (len(row["outputs"]), row["cost_usd"], row["seed"]) == (3, 0.036, 7)
    assert len(service.asked()) == 1
