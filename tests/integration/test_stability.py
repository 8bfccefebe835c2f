"""Stability AI: what is special to its service, beside what every vendor promises."""

from pathlib import Path

import pytest
from tests.fixtures.command_line import Promptlab
from tests.fixtures.vendors import Ask, Fail
from tests.loopback import LoopbackService, painted
from tests.openai_behaviour import Behaviour
from tests.pictures import picture
from tests.vendors import KEY
from tests.vendors.stability import VENDOR, error, json_body

from promptlab.adapters.ai.protocol import ImageProvider, ProviderFailed, Refused
from promptlab.services.images import inspect_image

pytestmark = pytest.mark.parametrize("vendor", [VENDOR], ids=["stability"])

MODELS = ["ultra", "core", "sd3.5-large", "sd3.5-large-turbo", "sd3.5-medium", "sd3.5-flash"]
CHANGING = [model for model in MODELS if model != "core"]


@pytest.mark.parametrize("model", MODELS)
def test_every_model_draws_with_the_seed_that_it_is_given(ask: Ask, model: str) -> None:
    result = ask(model=model, seed=7, parameters={"output_format": "webp", "style_preset": "anime"})
    assert inspect_image(result.images[0]).media_type == "image/webp"
    assert (result.effective_parameters["seed"], result.request_id, result.cost_usd) == (7, "f00dfeed", None)


def test_a_seed_that_the_service_has_chosen_is_told(ask: Ask, service: LoopbackService) -> None:
    assert ask().effective_parameters == {"seed": 1}
    assert "seed" not in service.asked()[0].fields


def test_it_is_a_form_for_the_image_alone_also_without_a_file(ask: Ask, service: LoopbackService) -> None:
    ask(parameters={"negative_prompt": "fog; “quotes”"}, seed=3, user_prompt="a harbour\nat noon")
    [request] = service.asked()
    assert request.headers["content-type"].startswith("multipart/form-data; boundary=")
    assert request.headers["accept"] == "image/*"
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.fields == {"prompt": "a harbour\nat noon", "negative_prompt": "fog; “quotes”", "seed": "3"}


def test_diffusion_models_share_an_address(ask: Ask, service: LoopbackService) -> None:
    ask(model="sd3.5-medium", parameters={"cfg_scale": 4.5})
    [request] = service.asked()
    assert request.path == "/v2beta/stable-image/generate/sd3"
    assert request.fields == {
        "prompt": "a harbour", "cfg_scale": "4.5", "model": "sd3.5-medium", "mode": "text-to-image",
    }  # fmt: skip


@pytest.mark.parametrize("model", CHANGING)
def test_an_input_image_is_changed_by_as_much_as_is_said(ask: Ask, model: str) -> None:
    one, other = (
        ask(model=model, seed=7, inputs=(picture(),), parameters={"strength": strength}) for strength in (0.2, 0.9)
    )
    assert one.images != other.images
    assert "strength" not in one.effective_parameters


@pytest.mark.parametrize("model", CHANGING)
def test_a_strength_that_nobody_said_is_told(ask: Ask, service: LoopbackService, model: str) -> None:
    """The service demands one beside an image, so there is one, and it is recorded."""
    result = ask(model=model, inputs=(picture(),))
    assert result.effective_parameters["strength"] == float(service.asked()[0].fields["strength"])
    assert result.warnings == ()


@pytest.mark.parametrize("model", CHANGING)
def test_a_version_serves_requests_with_and_without_an_input(
    promptlab: Promptlab, service: LoopbackService, tmp_path: Path, model: str
) -> None:
    """What goes with but one of them is not sent with the other, and that is said; Ultra takes a shape in both."""
    (tmp_path / "input.png").write_bytes(picture().data)
    asked = ("--provider", "stability", "--model", model, "--param", "aspect_ratio=3:2", "--param", "strength=0.5")
    promptlab("prompt", "create", "p", "--user", "a harbour", *asked)
    buy = ("generate", "--prompt-version", "p", "--json")
    [plain] = promptlab(*buy).json["items"]
    [changed] = promptlab(*buy, "--input", tmp_path / "input.png").json["items"]
    shaped = model == "ultra"
    assert plain["warnings"] == [f"strength is not sent: {model} takes it with an input image only."]
    shapeless = [] if shaped else [f"aspect_ratio is not sent: {model} takes it without an input image only."]
    assert changed["warnings"] == shapeless
    sent = [set(request.fields) & {"aspect_ratio", "strength"} for request in service.asked()]
    assert sent == [{"aspect_ratio"}, {"aspect_ratio", "strength"} if shaped else {"strength"}]
    assert plain["parameters"] == changed["parameters"] == {"aspect_ratio": "3:2", "strength": 0.5}
    assert "strength" not in plain["effective_parameters"]


def test_what_is_not_sent_is_shown_by_a_dry_run_and_with_strict_an_error(
    promptlab: Promptlab, service: LoopbackService
) -> None:
    promptlab("prompt", "create", "p", "--user", "a harbour", "--provider", "stability", "--param", "strength=0.5")
    buy = ("generate", "--prompt-version", "p", "--json")
    warning = "strength is not sent: ultra takes it with an input image only."
    assert promptlab(*buy, "--dry-run").json["warnings"] == [warning]
    assert promptlab(*buy, "--strict", code=2).error["message"] == warning
    assert service.asked() == []


def test_core_takes_no_input_image(promptlab: Promptlab, service: LoopbackService, tmp_path: Path) -> None:
    file = tmp_path / "input.png"
    file.write_bytes(picture().data)
    promptlab("prompt", "create", "p", "--user", "a harbour", "--provider", "stability", "--model", "core")
    assert "core takes no input images" in promptlab("generate", "--prompt-version", "p", "--input", file, code=2).err
    assert service.asked() == []


@pytest.mark.parametrize(
    ("behaviour", "category"),
    [
        (error(403, "content_moderation", "flagged"), "content_moderation"),
        (error(422, "public_figure", "likeness"), "public_figure"),
    ],
)
def test_a_refused_input_costs_nothing(fail: Fail, behaviour: Behaviour, category: str) -> None:
    refused = fail(behaviour)
    assert isinstance(refused, Refused)
    assert (refused.details["categories"], refused.request_id) == ([category], "a1b2c3d4e5f6")
    assert not refused.may_be_billed


@pytest.mark.parametrize(
    "behaviour",
    [
        Behaviour(headers={"finish-reason": "CONTENT_FILTERED"}),
        Behaviour.json_body(json_body(painted("", size=(64, 64), seed=1), seed=1, reason="CONTENT_FILTERED")),
        Behaviour.json_body({"finish_reason": "CONTENT_FILTERED"}),
    ],
    ids=["header", "json", "json without an image"],
)
def test_a_blurred_image_is_a_refusal_that_may_have_been_billed(
    fail: Fail, service: LoopbackService, behaviour: Behaviour
) -> None:
    """The service calls it a successful generation, and those it charges."""
    refused = fail(behaviour)
    assert isinstance(refused, Refused)
    assert (refused.details["categories"], refused.http_status) == (["CONTENT_FILTERED"], 200)
    assert refused.may_be_billed


def test_an_answer_as_json_is_an_image_too(ask: Ask, service: LoopbackService) -> None:
    image = painted("a harbour", size=(64, 64), seed=5)
    service.behave(Behaviour.json_body(json_body(image, seed=5, reason="SUCCESS")))
    result = ask()
    assert (result.images, result.effective_parameters) == ((image,), {"seed": 5})


@pytest.mark.parametrize(
    "behaviour",
    [
        Behaviour(headers={"finish-reason": "ERROR"}),
        Behaviour.json_body({"finish_reason": "SUCCESS", "image": "*** no base64 ***"}),
        Behaviour.json_body({"finish_reason": "SUCCESS", "image": 3}),
    ],
)
def test_a_success_without_an_image_may_have_been_billed(fail: Fail, behaviour: Behaviour) -> None:
    failed = fail(behaviour)
    assert isinstance(failed, ProviderFailed)
    assert (failed.kind, failed.http_status, failed.may_be_billed) == ("bad_answer", 200, True)


@pytest.mark.parametrize("seed", ["", "-1", "1.5", "9" * 5000, "seven"])
def test_an_odd_seed_in_the_answer_is_passed_over(ask: Ask, service: LoopbackService, seed: str) -> None:
    service.behave(Behaviour(headers={"seed": seed}))
    assert ask().effective_parameters == {}


@pytest.mark.parametrize(
    ("behaviour", "kind", "says"),
    [
        (error(400, "bad_request", "prompt: is required", "seed: too big"), "bad_request", "is required; seed: too"),
        (error(402, "payment_required", "You lack sufficient credits."), "quota", "credits"),
        (error(403, "permission_denied", "No."), "auth", "No."),
        (error(403, "something_else"), "forbidden", "HTTP 403"),
        (error(404, "not_found", "No such model."), "not_found", "No such model."),
        (error(413, "payload_too_large", "body: larger than 10MiB"), "too_large", "10MiB"),
        (error(422, "invalid_language", "English is the only language."), "bad_request", "English"),
        (Behaviour.json_body({"id": "1", "name": "unauthorized", "message": "missing header"}, 401), "auth", "missing"),
        (Behaviour.json_body(["odd"], 400), "bad_request", "odd"),
        (Behaviour.no_json(b"<html>No entry</html>", 403), "forbidden", "No entry"),
    ],
)
def test_a_terminal_error_says_what_is_wrong(fail: Fail, behaviour: Behaviour, kind: str, says: str) -> None:
    failed = fail(behaviour)
    assert isinstance(failed, ProviderFailed)
    assert failed.kind == kind
    assert says in failed.message


@pytest.mark.parametrize("model", MODELS)
def test_the_seed_0_is_refused_because_it_would_be_a_random_one(
    promptlab: Promptlab, service: LoopbackService, model: str
) -> None:
    promptlab("prompt", "create", "p", "--user", "a harbour", "--provider", "stability", "--model", model)
    said = promptlab("generate", "--prompt-version", "p", "--seed", 0, "--json", code=2).error
    assert said["message"] == f"--seed 0 is not possible: {model} takes whole numbers from 1 to 4294967294."
    assert said["hint"] == "It would draw at random for 0; leave --seed out for that."
    assert service.asked() == []


def test_the_last_draw_has_a_seed_that_is_possible_too(promptlab: Promptlab, service: LoopbackService) -> None:
    promptlab("prompt", "create", "p", "--user", "a harbour", "--provider", "stability")
    asked = ("generate", "--prompt-version", "p", "--seed", 4294967293, "--draws")
    assert "and each draw one more" in promptlab(*asked, 3, code=2).err
    items = promptlab(*asked, 2, "--json").json["items"]
    assert [item["effective_parameters"]["seed"] for item in items] == [4294967293, 4294967294]


def test_a_seed_that_would_be_too_high_by_now_is_refused(promptlab: Promptlab, service: LoopbackService) -> None:
    """Before anything is sent or planned: the request was made before, so that its next draw has the next seed."""
    promptlab("prompt", "create", "p", "--user", "a harbour", "--provider", "stability")
    buy = ("generate", "--prompt-version", "p", "--seed", 4294967294)
    promptlab(*buy)
    for arguments in ((), ("--dry-run",)):
        said = promptlab(*buy, *arguments, "--json", code=2).error["message"]
        assert said.endswith("this is draw 2, with seed 4294967295; ultra takes none above 4294967294.")
    assert len(service.asked()) == 1
    assert len(promptlab("generation", "list", "--json").json["items"]) == 1


def test_a_weight_in_the_prompt_is_warned_of(promptlab: Promptlab, service: LoopbackService) -> None:
    """Ultra and Core read it; a clock or a ratio in brackets is none."""

    def warned(model: str, prompt: str) -> bool:
        asked = ("--provider", "stability", "--model", model, "--user", prompt, "--force")
        promptlab("prompt", "create", "p", *asked)
        return "(blue:0.3)" in promptlab("generate", "--prompt-version", "p", "--dry-run").err

    prompt = "a crisp (blue:0.3) sky"
    assert [warned(model, prompt) for model in ("ultra", "core", "sd3.5-large")] == [True, True, False]
    assert not warned("ultra", "a clock (at 10:30), wide (16:9)")


@pytest.mark.parametrize(
    ("model", "dollars"),
    list(zip(MODELS, [0.08, 0.03, 0.065, 0.04, 0.035, 0.025], strict=True)),
)
def test_each_image_of_a_model_costs_the_same(provider: ImageProvider, model: str, dollars: float) -> None:
    found = provider.capabilities(model)
    assert found.price.per_image == dollars
    assert found.upper_price(count=1, inputs=0, prompt_bytes=1000) == dollars


def test_a_check_tells_the_credits_that_are_left(provider: ImageProvider, service: LoopbackService) -> None:
    assert provider.check().endswith("knows this key, which has 412.5 credits left.")
    service.behave(Behaviour.json_body({"balance": 3}), at="check")
    assert "that proves the network, not the key" in provider.check()
