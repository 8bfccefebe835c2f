"""How requests to fal end when they do not end in images: refused, failed, sent again, cancelled, lost."""

from dataclasses import replace

import pytest
from tests.fixtures.command_line import Promptlab
from tests.fixtures.vendors import Ask, Fail
from tests.loopback import Reply, json_error, painted
from tests.openai_behaviour import Behaviour
from tests.pictures import picture
from tests.vendors.fal import VENDOR, FalService, blurred, model_error, moderated, request_error

from promptlab.adapters.ai.protocol import (
    ImageProvider,
    ImageRequest,
    OutcomeUnknown,
    ProviderError,
    ProviderFailed,
    ProviderUnavailable,
    Refused,
    StillRunning,
)

pytestmark = pytest.mark.parametrize("vendor", [VENDOR], ids=["fal"])

IMAGE = painted("x", size=(64, 64), seed=1)
FOR_EVER = 10**9


def end(service: FalService, ask: Ask, reply: Reply) -> ProviderError:
    """Return the error in which a request ends that its model answers so."""
    service.end_with(reply)
    with pytest.raises(ProviderError) as caught:
        ask()
    return caught.value


def handle_of(provider: ImageProvider, service: FalService) -> str:
    """Return the handle of a request that its caller has not waited for."""
    handles: list[str] = []
    service.behave_always(Behaviour(status=401, body=b"{}"), at="look")
    with pytest.raises(OutcomeUnknown):
        provider.generate(ImageRequest(model=VENDOR.model, user_prompt="x"), accepted=handles.append)
    service.behave_always(at="look")
    return handles[0]


def test_a_violation_keeps_its_type_and_not_what_was_sent(service: FalService, ask: Ask) -> None:
    error = end(service, ask, moderated())
    assert isinstance(error, Refused)
    assert (error.http_status, error.request_id) == (422, "job-1")
    assert error.details["categories"] == ["content_policy_violation"]
    assert error.message.startswith("The content could not be processed")
    assert error.cost_usd is None
    assert "what was sent" not in repr(error.details)


def test_a_blurred_image_is_refused_though_it_may_cost(service: FalService, ask: Ask) -> None:
    error = end(service, ask, blurred(True, True))
    assert isinstance(error, Refused)
    assert error.details["categories"] == ["has_nsfw_concepts"]
    assert (error.cost_usd, error.may_be_billed) == (0.012, True)
    assert service.asked("file") == []


def test_an_error_that_names_units_costs_them(service: FalService, ask: Ask) -> None:
    error = end(service, ask, model_error("body", "Flagged.", "content_policy_violation", x_fal_billable_units="1.5"))
    assert error.cost_usd == 0.018


def test_the_images_that_are_not_blurred_are_kept(service: FalService, promptlab: Promptlab) -> None:
    """And the warning says how many were."""
    urls = [service.publish(painted("x", size=(64, 64), seed=number)) for number in range(3)]
    service.end_with(blurred(False, True, False, urls=urls))
    promptlab("prompt", "create", "p", "--user", "a harbour", "--model", VENDOR.model)
    ran = promptlab("generate", "--prompt-version", "p", "--count", 3, "--json")
    [row] = ran.json["items"]
    assert (row["state"], len(row["outputs"])) == ("succeeded", 2)
    assert any("blurred 1 of 3" in warning for warning in row["warnings"])
    assert len(service.asked("file")) == 2


@pytest.mark.parametrize("flags", [True, [True], [True, True, True], ["yes"]])
def test_flags_of_another_form_are_understood(service: FalService, ask: Ask, flags: object) -> None:
    body = {"images": [{"url": service.publish(IMAGE)}], "has_nsfw_concepts": flags}
    assert isinstance(end(service, ask, Reply(body=body)), Refused)


@pytest.mark.parametrize("flags", [None, [], [False], False, [None]])
def test_no_flag_is_no_refusal(service: FalService, ask: Ask, flags: object) -> None:
    service.end_with(Reply(body={"images": [{"url": service.publish(IMAGE)}], "has_nsfw_concepts": flags}))
    assert ask().images == (IMAGE,)


def test_what_a_model_does_not_take_is_its_own_answer(service: FalService, ask: Ask) -> None:
    """The status of the result is the model's, and no trouble of the queue's."""
    error = end(service, ask, model_error("image_urls", "Image too large", "image_too_large", status=413))
    assert isinstance(error, ProviderFailed)
    assert (error.kind, error.http_status, error.message) == ("too_large", 413, "body.image_urls: Image too large")
    assert error.details["detail"] == [
        {"loc": ["body", "image_urls"], "msg": "Image too large", "type": "image_too_large"}
    ]
    assert len(service.asked("result")) == 1


@pytest.mark.parametrize(
    ("reply", "again"),
    [
        (request_error(503, "Runner disconnected", "runner_disconnected"), True),
        (request_error(504, "Request timed out", "request_timeout"), True),
        (request_error(504, "Request timed out", "request_timeout", x_fal_retryable="false"), False),
        (request_error(500, "Internal error", "runner_server_error"), False),
        (request_error(500, "Internal error", "runner_server_error", x_fal_retryable="true"), True),
        (model_error("body", "Downstream busy", "downstream_service_error", status=400, x_fal_needs_retry="1"), True),
        (model_error("body", "No image", "no_media_generated"), False),
    ],
)
def test_an_end_that_may_go_better_is_sent_again(service: FalService, ask: Ask, reply: Reply, again: bool) -> None:
    """What the header says counts, else the status."""
    error = end(service, ask, reply)
    assert isinstance(error, ProviderUnavailable if again else ProviderFailed)
    assert error.http_status == reply.status
    assert len(service.asked("result")) == 1


def test_the_type_of_an_error_is_its_kind(service: FalService, ask: Ask) -> None:
    error = end(service, ask, request_error(503, "Runner disconnected", "runner_disconnected"))
    assert (error.kind, error.message) == ("runner_disconnected", "Runner disconnected")


def test_an_error_of_a_server_is_bought_again_by_itself(service: FalService, promptlab: Promptlab) -> None:
    service.end_with(request_error(503, "Runner disconnected", "runner_disconnected", retry_after="0"))
    promptlab("prompt", "create", "p", "--user", "a harbour", "--model", VENDOR.model)
    [row] = promptlab("generate", "--prompt-version", "p", "--json").json["items"]
    assert (row["state"], row["cost_usd"], len(row["attempts"])) == ("succeeded", 0.012, 2)


def test_such_an_end_that_is_found_later_is_a_failure(service: FalService, provider: ImageProvider) -> None:
    """Asking about the same request another time would find it again."""
    service.end_with(request_error(503, "Runner disconnected", "runner_disconnected"))
    handle = handle_of(provider, service)
    with pytest.raises(ProviderFailed, match="Runner disconnected"):
        provider.resume(handle)


@pytest.mark.parametrize("status", [429, 502, 503])
def test_trouble_on_the_way_to_the_result_is_waited_out(service: FalService, ask: Ask, status: int) -> None:
    """A page of the gateway is no answer of the model."""
    service.behave(Behaviour(status=status, body=b"<html>nginx</html>"), Behaviour(reset=True), at="result")
    assert ask().images
    assert len(service.asked()) == 1


def test_what_the_status_says_counts_where_there_is_no_result(service: FalService, ask: Ask) -> None:
    said = {"status": "COMPLETED", "error": "Request timed out", "error_type": "startup_timeout"}
    service.behave(Behaviour.json_body(said), at="look")
    service.behave(json_error(404, {"detail": "Request not found"}), at="result")
    with pytest.raises(ProviderFailed, match="Request timed out") as failed:
        ask()
    assert failed.value.kind == "startup_timeout"


@pytest.mark.parametrize("at", ["look", "result"])
@pytest.mark.parametrize("status", [401, 404, 410])
def test_a_request_that_nobody_knows_any_more_is_unknown(service: FalService, ask: Ask, at: str, status: int) -> None:
    service.behave(json_error(status, {"detail": "Request not found"}), at=at)
    with pytest.raises(OutcomeUnknown, match="Request not found") as unknown:
        ask()
    assert (unknown.value.kind, unknown.value.request_id) == ("no_handle", "job-1")


def test_a_status_that_is_new_is_one_that_still_runs(service: FalService, provider: ImageProvider) -> None:
    handle = handle_of(provider, service)
    service.behave(Behaviour.json_body({"status": "PAUSED"}), Behaviour.json_body([]), at="look")
    for _look in range(2):
        with pytest.raises(StillRunning):
            provider.resume(handle, seconds=0)
    assert provider.resume(handle, seconds=0).images


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (202, {"status": "CANCELLATION_REQUESTED"}),
        (400, {"status": "ALREADY_COMPLETED"}),
        (404, {"status": "NOT_FOUND"}),
    ],
)
def test_cancelling_is_asked_for_once_and_its_answer_believed(
    service: FalService, provider: ImageProvider, status: int, body: object
) -> None:
    """A request that has ended before ends as it did."""
    handle = handle_of(provider, service)
    service.behave(json_error(status, body), at="cancel")
    provider.cancel(handle)
    assert [asked.method for asked in service.asked("cancel")] == ["PUT"]
    assert provider.resume(handle).images


def test_a_request_that_is_gone_after_cancelling_is_cancelled(service: FalService, provider: ImageProvider) -> None:
    handle = handle_of(provider, service)
    provider.cancel(handle)
    service.behave(json_error(404, {"detail": "Request not found"}), at="look")
    with pytest.raises(ProviderFailed) as failed:
        provider.resume(handle)
    assert failed.value.kind == "cancelled"


def test_cancelling_that_is_refused_says_so(service: FalService, provider: ImageProvider) -> None:
    handle = handle_of(provider, service)
    service.behave(json_error(401, {"detail": "Authentication is required"}), at="cancel")
    with pytest.raises(ProviderError, match="Authentication is required"):
        provider.cancel(handle)


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        (json_error(403, {"detail": "User is locked. Reason: Exhausted balance. Top up your balance."}), "quota"),
        (json_error(402, {"detail": "Payment required"}), "quota"),
        (json_error(403, {"detail": "User is locked. Reason: Admin lock."}), "forbidden"),
        (json_error(401, {"detail": "No user found for Key ID and Secret"}), "auth"),
        (json_error(404, {"detail": "Application 'x' not found"}), "not_found"),
        (json_error(422, {"detail": [{"loc": ["body"], "msg": "field required", "type": "missing"}]}), "bad_request"),
        (json_error(429, {"detail": "Too many requests"}, x_fal_retryable="false"), "rate_limit"),
    ],
)  # fmt: skip
def test_what_is_wrong_at_once_is_a_failure_of_its_kind(fail: Fail, behaviour: Behaviour, kind: str) -> None:
    error = fail(behaviour)
    assert isinstance(error, ProviderFailed)
    assert (error.kind, error.may_be_billed) == (kind, False)


def test_a_refusal_at_once_is_one_too(fail: Fail) -> None:
    assert isinstance(fail(json_error(422, moderated().body)), Refused)


def test_an_input_that_cannot_be_loaded_is_said_to_be_that(ask: Ask) -> None:
    with pytest.raises(ProviderFailed, match="Could not load the image"):
        ask(inputs=(replace(picture(), data=b"no image"),))
