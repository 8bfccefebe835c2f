"""Gemini's answers without an image: refusals, text, images that failed; and its errors, with their hints in bodies."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from tests.fixtures.command_line import Promptlab
from tests.fixtures.vendors import Fail
from tests.loopback import LoopbackService, json_error
from tests.openai_behaviour import Behaviour
from tests.pictures import picture
from tests.vendors.gemini import (
    VENDOR,
    answer,
    blocked,
    error,
    exhausted,
    inline,
    saying,
    usage,
)

from promptlab.adapters.ai.protocol import (
    ProviderError,
    ProviderFailed,
    ProviderUnavailable,
    Refused,
)

pytestmark = pytest.mark.parametrize("vendor", [VENDOR], ids=["gemini"])

PER_MINUTE = "GenerateRequestsPerMinutePerProjectPerModel-FreeTier"
PER_DAY = "GenerateRequestsPerDayPerProjectPerModel-FreeTier"
PROMPT_COST = 0.000008  # 16 tokens at half a dollar a million
THOUGHTS_COST = 0.000303  # 101 tokens at three
IMAGE_COST = 0.067511  # both, and 1,120 tokens at sixty


@pytest.mark.parametrize("reason", ["SAFETY", "OTHER", "BLOCKLIST", "PROHIBITED_CONTENT", "IMAGE_SAFETY", "NEW_ONE"])
def test_a_blocked_prompt_is_a_refusal_whatever_the_reason(fail: Fail, reason: str) -> None:
    """And costs the tokens of the prompt that are counted."""
    found = fail(saying(blocked(reason=reason)))
    assert isinstance(found, Refused)
    assert found.message == f"The prompt was blocked ({reason})."
    assert found.details == {"blockReason": reason, "categories": [reason]}
    assert (found.http_status, found.cost_usd) == (200, PROMPT_COST)


@pytest.mark.parametrize(
    "reason",
    [
        *("SAFETY", "PROHIBITED_CONTENT", "BLOCKLIST", "SPII", "RECITATION"),
        *("IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION"),
    ],
)
@pytest.mark.parametrize(
    "parts", [[], [{"text": "I cannot."}], [inline(picture().data)]], ids=["bare", "text", "image"]
)
def test_a_withheld_image_is_a_refusal_whatever_comes_with_it(
    fail: Fail, reason: str, parts: list[dict[str, Any]]
) -> None:
    """Also the image itself. It costs what is counted."""
    found = fail(saying(answer(parts=parts, reason=reason, finishMessage="No.", usage=usage())))
    assert isinstance(found, Refused)
    assert found.message == f"The image was withheld ({reason}): No."
    assert found.details["finishReason"] == reason
    assert found.details["categories"] == [reason]
    assert (found.request_id, found.cost_usd) == ("r0", IMAGE_COST)


def test_the_ratings_that_blocked_are_the_categories(fail: Fail) -> None:
    ratings = [
        {"category": "HARM_CATEGORY_HATE_SPEECH", "probability": "NEGLIGIBLE"},
        {"category": "HARM_CATEGORY_IMAGE_SEXUALLY_EXPLICIT", "probability": "HIGH", "blocked": True},
    ]
    for body in (blocked(reason="SAFETY", safetyRatings=ratings), answer(reason="SAFETY", safetyRatings=ratings)):
        found = fail(saying(body))
        assert found.details["categories"] == ["HARM_CATEGORY_IMAGE_SEXUALLY_EXPLICIT"]
        assert found.details["safetyRatings"] == ratings


def test_what_a_refusal_costs_is_on_the_generation(service: LoopbackService, promptlab: Promptlab) -> None:
    promptlab("prompt", "create", "p", "--user", "a harbour", "--provider", "gemini")
    service.behave(saying(answer(reason="IMAGE_SAFETY", usage=usage())))
    [row] = promptlab("generate", "--prompt-version", "p", "--json", code=6).json["items"]
    assert (row["state"], row["cost_usd"]) == ("refused", IMAGE_COST)


def test_an_answer_of_text_is_a_failure_that_keeps_the_text(fail: Fail) -> None:
    found = fail(saying(answer(parts=[{"text": "Hm.", "thought": True}, {"text": "What colour?"}], usage=usage())))
    assert (type(found), found.kind, found.may_be_billed) == (ProviderFailed, "no_image", True)
    assert found.message == "The model answered with text and no image: What colour?"
    assert found.details == {"finishReason": "STOP", "text": "What colour?"}
    assert found.cost_usd == IMAGE_COST


@pytest.mark.parametrize(
    "reason", ["OTHER", "MAX_TOKENS", "LANGUAGE", "PUP_LIMITED_DISABLED", "MODEL_ARMOR", "NEW_ONE"]
)
def test_an_end_without_an_image_is_a_failure_that_names_the_reason(fail: Fail, reason: str) -> None:
    found = fail(saying(answer(reason=reason, usage=usage(images=0))))
    assert (type(found), found.kind, found.may_be_billed) == (ProviderFailed, "no_image", True)
    assert found.message == f"The answer holds no image ({reason})."


@pytest.mark.parametrize("reason", ["NO_IMAGE", "IMAGE_OTHER"])
def test_an_image_that_failed_and_was_not_counted_may_be_asked_for_again(fail: Fail, reason: str) -> None:
    """With the cost of what was counted: the prompt and the thoughts."""
    found = fail(saying(answer(reason=reason, usage=usage(images=0))))
    assert (type(found), found.kind) == (ProviderUnavailable, "no_image")
    assert found.cost_usd == pytest.approx(PROMPT_COST + THOUGHTS_COST)


@pytest.mark.parametrize("counted", [usage(), None], ids=["counted", "not said"])
@pytest.mark.parametrize("reason", ["NO_IMAGE", "IMAGE_OTHER"])
def test_an_image_that_failed_and_may_have_been_billed_is_not_asked_for_again(
    fail: Fail, reason: str, counted: Mapping[str, Any] | None
) -> None:
    found = fail(saying(answer(reason=reason, usage=counted)))
    assert (type(found), found.may_be_billed) == (ProviderFailed, True)


def test_asking_again_ends_in_an_image_and_its_cost_holds_every_attempt(
    service: LoopbackService, promptlab: Promptlab
) -> None:
    promptlab("prompt", "create", "p", "--user", "a harbour", "--provider", "gemini")
    service.behave(saying(answer(reason="NO_IMAGE", usage=usage(images=0))))
    [row] = promptlab("generate", "--prompt-version", "p", "--json").json["items"]
    assert [attempt["outcome"] for attempt in row["attempts"]] == ["retry", "succeeded"]
    assert row["cost_usd"] == pytest.approx(IMAGE_COST + PROMPT_COST + THOUGHTS_COST)


def test_asking_again_in_vain_costs_what_every_attempt_did(
    service: LoopbackService, promptlab: Promptlab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROMPTLAB_GEMINI_ATTEMPTS", "2")
    promptlab("prompt", "create", "p", "--user", "a harbour", "--provider", "gemini")
    service.behave_always(saying(answer(reason="NO_IMAGE", usage=usage(images=0))))
    [row] = promptlab("generate", "--prompt-version", "p", "--json", code=5).json["items"]
    assert (row["state"], row["error"]["kind"]) == ("failed", "no_image")
    assert row["cost_usd"] == pytest.approx(2 * (PROMPT_COST + THOUGHTS_COST))


@pytest.mark.parametrize(
    "behaviour",
    [
        exhausted(PER_DAY),
        exhausted(PER_MINUTE, PER_DAY),
        exhausted(message="Quota exceeded for metric: free_tier_requests, limit: 0, model: gemini-3-pro-image"),
        exhausted(message="Your prepayment credits are depleted. Please go to AI Studio."),
        exhausted(message="Your project has exceeded its monthly spending cap."),
    ],
    ids=["day", "minute and day", "not in this tier", "credits", "cap"],
)
def test_a_quota_that_no_minute_mends_is_terminal(fail: Fail, behaviour: Behaviour) -> None:
    found = fail(behaviour)
    assert (type(found), found.kind, found.http_status) == (ProviderFailed, "quota", 429)


@pytest.mark.parametrize(
    ("told", "seconds"),
    [("34s", 34.0), ("34.074824224s", 34.074824224), ("0s", 0.0), (None, None), ("soon", None), ("-1s", None)],
)
def test_a_quota_of_a_minute_is_waited_for_as_the_body_says(
    fail: Fail, told: str | None, seconds: float | None
) -> None:
    found = fail(exhausted(PER_MINUTE, retry=told, message="Quota exceeded, limit: 10"))
    assert isinstance(found, ProviderUnavailable)
    assert (found.kind, found.retry_after) == ("rate_limit", seconds)
    assert found.details == {"status": "RESOURCE_EXHAUSTED", "quotas": [PER_MINUTE]}


def test_an_error_in_a_list_of_one_is_read(fail: Fail) -> None:
    inner = json.loads(exhausted(PER_DAY, message="Too much.").body or b"")
    found = fail(json_error(429, [inner]))
    assert (found.message, found.kind) == ("Too much.", "quota")


@pytest.mark.parametrize(
    ("status", "code", "kind", "expected"),
    [
        (400, "INVALID_ARGUMENT", "bad_request", ProviderFailed),
        (400, "FAILED_PRECONDITION", "bad_request", ProviderFailed),
        (401, "UNAUTHENTICATED", "auth", ProviderFailed),
        (403, "PERMISSION_DENIED", "auth", ProviderFailed),
        (404, "NOT_FOUND", "not_found", ProviderFailed),
        (500, "INTERNAL", "server_error", ProviderUnavailable),
        (503, "UNAVAILABLE", "overloaded", ProviderUnavailable),
        (504, "DEADLINE_EXCEEDED", "timeout", ProviderUnavailable),
    ],
)
def test_an_error_has_its_kind_and_the_service_s_words(
    fail: Fail, status: int, code: str, kind: str, expected: type[ProviderError]
) -> None:
    """A 504 of Gemini itself is not billed; one of a gateway before it is an unknown outcome."""
    found = fail(json_error(status, error(status, code, "No.")))
    assert (type(found), found.kind, found.http_status, found.message) == (expected, kind, status, "No.")
    assert found.details["status"] == code


@pytest.mark.parametrize(
    "body", [[], [None], {"error": "No."}, {"error": {"details": [None, {"violations": 3}]}}, None]
)
def test_an_error_in_no_known_shape_still_has_its_status(fail: Fail, body: object) -> None:
    found = fail(json_error(400, body))
    assert (type(found), found.kind) == (ProviderFailed, "bad_request")
    assert found.message


@pytest.mark.parametrize(
    "body",
    [
        {"candidates": None},
        {"candidates": [None, 3]},
        {"candidates": [{"content": []}]},
        {"candidates": [{"content": {"parts": [None, {"inlineData": 3}, {"inlineData": {"data": 3}}, {"text": 3}]}}]},
        {"promptFeedback": [], "usageMetadata": []},
        {"candidates": [{"finishReason": 3}], "usageMetadata": {"promptTokenCount": "x", "promptTokensDetails": [3]}},
    ],
)
def test_an_answer_in_no_known_shape_is_a_failure(fail: Fail, body: object) -> None:
    found = fail(saying(body))
    assert (type(found), found.kind, found.may_be_billed) == (ProviderFailed, "no_image", True)
