"""Replicate: how predictions end. In free text mostly, with a status of success."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.fixtures.command_line import Promptlab
from tests.fixtures.vendors import Ask, Fail
from tests.loopback import json_error, painted
from tests.openai_behaviour import Behaviour
from tests.vendors.replicate import FLUX, KONTEXT, REFUSED, SDXL, SECONDS, VENDOR, ReplicateService, ended

from promptlab.adapters.ai.encoding import to_data_url
from promptlab.adapters.ai.protocol import (
    ImageProvider,
    ImageRequest,
    InputImage,
    OutcomeUnknown,
    ProviderError,
    ProviderFailed,
    ProviderUnavailable,
    Refused,
    StillRunning,
)

pytestmark = pytest.mark.parametrize("vendor", [VENDOR], ids=["replicate"])

IMAGE = InputImage(data=painted("x", size=(64, 64), seed=1), media_type="image/png")
FOR_EVER = 10**9
End = Callable[..., ProviderError]


@pytest.fixture
def end(service: ReplicateService, ask: Ask) -> End:
    """Return the error in which a prediction ends that ends so."""

    def end(status: str = "failed", model: str = KONTEXT, **about: Any) -> ProviderError:
        service.end_with(ended(status, **about))
        with pytest.raises(ProviderError) as caught:
            ask(model=model)
        return caught.value

    return end


@pytest.fixture
def by_the_second(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> float:
    """The price of a second, as a file of the user's own says for one model."""
    file = tmp_path / "models.toml"
    file.write_text(f'[replicate.models."{SDXL}".price]\nper_unit = 0.001\nmax_per_image = 0.1\n')
    monkeypatch.setenv("PROMPTLAB_MODELS_FILE", str(file))
    return 0.001


@pytest.mark.parametrize(
    ("said", "categories"),
    [
        (REFUSED, ["nsfw"]),
        ("All generated images contained NSFW content. Try running it again with a different prompt.", ["nsfw"]),
        ("The input or output was flagged as sensitive. Please try again with different inputs. (E005)", ["sensitive"]),
        ("Request rejected: violates our content policy", ["policy"]),
        ("Prediction failed: PROHIBITED_CONTENT", ["policy"]),
        ("Prompt was blocked by content moderation", ["moderation"]),
        ("Your request was rejected by the safety system.", ["safety"]),
    ],
)
def test_a_refusal_is_known_by_its_words(end: End, said: str, categories: list[str]) -> None:
    error = end(error=said)
    assert isinstance(error, Refused)
    assert (error.message, error.kind, error.http_status) == (said, "content_policy", 200)
    assert error.details["categories"] == categories
    assert error.request_id == "job-1"


@pytest.mark.parametrize(
    "said",
    ["The version name is case-sensitive", "unsafe memory access", "a moderate number of steps", "CUDA out of memory"],
)
def test_words_that_sound_like_a_refusal_are_none(end: End, said: str) -> None:
    error = end(error=said)
    assert isinstance(error, ProviderFailed)
    assert (error.message, error.kind, error.may_be_billed) == (said, "job_failed", True)


def test_an_order_may_be_refused_at_once(fail: Fail) -> None:
    error = fail(json_error(422, {"title": "Invalid input", "detail": "input.prompt was flagged as sensitive"}))
    assert isinstance(error, Refused)
    assert not error.may_be_billed


def test_the_service_s_codes_are_kept(end: End) -> None:
    error = end(error="Model ran out of memory\n(code: E1001)")
    assert (error.message, error.details) == ("Model ran out of memory (code: E1001)", {"codes": ["E1001"]})


def test_a_failure_without_a_word_is_a_sentence(end: End) -> None:
    assert end(error=None).message == "The prediction failed, and the service does not say why."


@pytest.mark.parametrize("code", ["E1000", "E6716"])
def test_what_may_go_better_is_sent_again(
    by_the_second: float, service: ReplicateService, promptlab: Promptlab, code: str
) -> None:
    """And what the seconds of the first have cost is counted."""
    service.end_with(ended("failed", error=f"Unknown error ({code})", metrics={"predict_time": SECONDS}))
    promptlab("prompt", "create", "p", "--user", "a harbour", "--model", SDXL)
    [row] = promptlab("generate", "--prompt-version", "p", "--json").json["items"]
    assert [attempt["outcome"] for attempt in row["attempts"]] == ["retry", "succeeded"]
    assert len(service.asked()) == 2
    assert row["cost_usd"] == 2 * SECONDS * by_the_second


def test_a_prediction_that_has_ended_is_not_asked_for_ever(service: ReplicateService, provider: ImageProvider) -> None:
    """By its handle, an end that another prediction might not have is a failure."""
    handles: list[str] = []
    service.end_with(ended("failed", error="Unknown error (E1000)"))
    with pytest.raises(ProviderUnavailable):
        provider.generate(ImageRequest(model=VENDOR.model, user_prompt="x"), accepted=handles.append)
    with pytest.raises(ProviderFailed, match="E1000") as failed:
        provider.resume(handles[0])
    assert failed.value.may_be_billed


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("Request was throttled. Your rate limit resets in ~30s.", 30),
        ("Request was throttled. Your rate limit resets in 1.5s.", 1.5),
        ("Request was throttled. Your rate limit resets in ~500ms.", 0.5),
        ("Request was throttled. Your rate limit for creating predictions resets in ~2m.", 120),
        ("Request was throttled.", 9),
    ],
)
def test_how_long_to_wait_is_in_the_sentence_or_in_the_header(fail: Fail, said: str, seconds: float) -> None:
    error = fail(json_error(429, {"detail": said, "status": 429}, retry_after="9"))
    assert isinstance(error, ProviderUnavailable)
    assert error.retry_after == seconds


def test_a_status_that_nobody_knows_is_no_end(service: ReplicateService, provider: ImageProvider) -> None:
    handles: list[str] = []
    service.behave(*(Behaviour(body=body) for body in (b'{"status": "pondering"}', b"[]", b"<html>")), at="look")
    assert provider.generate(ImageRequest(model=FLUX, user_prompt="x"), accepted=handles.append).images
    service.behave(Behaviour(body=b'{"status": "queued"}'), at="look")
    with pytest.raises(StillRunning):
        provider.resume(handles[0], seconds=0)


def test_what_was_stopped_before_it_began_costs_nothing(end: End) -> None:
    error = end("aborted")
    assert isinstance(error, ProviderFailed)
    assert (error.kind, error.may_be_billed) == ("cancelled", False)


def test_what_was_stopped_at_work_costs_its_seconds(by_the_second: float, end: End) -> None:
    error = end("canceled", model=SDXL, metrics={"predict_time": 2.0})
    assert (error.kind, error.may_be_billed, error.cost_usd) == ("cancelled", True, 2 * by_the_second)


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_prediction_that_cannot_be_asked_about_is_unknown(ask: Ask, service: ReplicateService, status: int) -> None:
    service.behave_always(json_error(status, {"detail": "Gone {key}."}), at="look")
    with pytest.raises(OutcomeUnknown, match=r"Gone \*\*\*\.") as unknown:
        ask()
    assert (unknown.value.kind, unknown.value.request_id) == ("no_handle", "job-1")


@pytest.mark.parametrize("url", ["https://elsewhere.example/v1/predictions/x", "http://127.0.0.1:9/x", "ftp://x", ""])
def test_a_prediction_at_somebody_else_s_address_is_not_asked_about(
    ask: Ask, service: ReplicateService, url: str
) -> None:
    """It would get the key."""
    service.behave(json_error(201, {"id": "x", "status": "starting", "urls": {"get": url}}))
    with pytest.raises(ProviderFailed) as failed:
        ask()
    assert (failed.value.kind, failed.value.may_be_billed) == ("bad_answer", True)


def test_images_may_be_anywhere_in_the_output(ask: Ask, service: ReplicateService) -> None:
    """An address, a list, an object with either, or the image itself."""
    url, inline = service.publish(IMAGE.data), to_data_url(IMAGE)
    for output, count in [(url, 1), ([url, url], 2), ({"images": [url], "text": "a fox"}, 1), (inline, 1)]:
        service.end_with(ended("succeeded", output=output))
        assert ask().images == (IMAGE.data,) * count


@pytest.mark.parametrize("output", [None, [], {}, "a poem", 5, [None], "data:image/png;base64,!"])
def test_a_success_without_an_image_is_a_failure_that_may_cost(end: End, output: object) -> None:
    error = end("succeeded", output=output, metrics={"predict_time": SECONDS})
    assert isinstance(error, ProviderFailed)
    assert (error.kind, error.may_be_billed) == ("bad_answer", True)


def test_images_that_the_service_has_deleted_are_said_to_be_that(end: End) -> None:
    error = end("succeeded", output=None, data_removed=True)
    assert (error.kind, error.may_be_billed) == ("expired", True)


def test_an_image_that_cannot_be_fetched_is_not_bought_again(end: End, service: ReplicateService) -> None:
    service.behave_always(Behaviour(status=500, body=b"no"), at="file")
    assert isinstance(end("succeeded", output=service.publish(IMAGE.data)), OutcomeUnknown)


def test_a_seed_that_the_model_chose_is_in_its_log(ask: Ask, service: ReplicateService) -> None:
    service.end_with(
        ended("succeeded", output=to_data_url(IMAGE), version="abc", logs="Random seed: 3306\n", input={"steps": 4})
    )
    assert ask().effective_parameters == {"steps": 4, "seed": 3306, "version": "abc"}


def test_images_and_long_texts_are_no_parameters(ask: Ask, service: ReplicateService) -> None:
    given = {"prompt": "x", "image": to_data_url(IMAGE), "mask": "https://a/b.png", "images": [], "text": "x" * 501}
    service.end_with(ended("succeeded", output=to_data_url(IMAGE), input={**given, "go_fast": False, "seed": 7}))
    assert ask().effective_parameters == {"go_fast": False, "seed": 7}


@pytest.mark.parametrize("metrics", [None, [], {}, {"predict_time": "4"}, {"predict_time": -1}, {"predict_time": True}])
def test_seconds_that_are_none_are_no_price(
    by_the_second: float, ask: Ask, service: ReplicateService, metrics: object
) -> None:
    service.end_with(ended("succeeded", output=to_data_url(IMAGE), metrics=metrics))
    assert ask(model=SDXL).cost_usd is None


def test_seconds_are_charged_where_their_price_is_known(by_the_second: float, ask: Ask) -> None:
    """For all images together, and nowhere else."""
    several = ask(model=SDXL, count=3)
    assert several.usage == {"predict_time": SECONDS, "total_time": SECONDS + 2.5}
    assert several.cost_usd == SECONDS * by_the_second
    assert ask(model=FLUX).cost_usd is None


def test_a_price_per_image_is_that_of_the_table(service: ReplicateService, promptlab: Promptlab) -> None:
    """And what is charged by the megapixel is not known, also not to be nothing."""
    for name, model in (("k", KONTEXT), ("f", FLUX)):
        promptlab("prompt", "create", name, "--user", "a harbour", "--model", model)
    costs = [promptlab("generate", "--prompt-version", name, "--json").json["items"][0]["cost_usd"] for name in "kf"]
    assert costs == [0.04, None]


def test_an_order_that_names_no_way_to_stop_it_is_left(service: ReplicateService, provider: ImageProvider) -> None:
    handles: list[str] = []
    url = f"{service.base_url}/v1/predictions/none"
    service.behave(json_error(201, {"id": "none", "urls": {"get": url}}))
    with pytest.raises(OutcomeUnknown):
        provider.generate(ImageRequest(model=FLUX, user_prompt="x"), accepted=handles.append)
    provider.cancel(handles[0])
    assert service.asked("cancel") == []


def test_a_cancellation_that_is_refused_is_an_error(service: ReplicateService, provider: ImageProvider) -> None:
    handles: list[str] = []
    provider.generate(ImageRequest(model=FLUX, user_prompt="x"), accepted=handles.append)
    service.behave(json_error(404, {"detail": "No such prediction."}), at="cancel")
    with pytest.raises(ProviderFailed, match=r"^No such prediction\.$"):
        provider.cancel(handles[0])
