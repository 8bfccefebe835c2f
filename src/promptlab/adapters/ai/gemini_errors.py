"""What went wrong at Gemini: in its error bodies, and in answers of success that hold no image."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from promptlab.adapters.ai.error_bodies import detail_of, json_of
from promptlab.adapters.ai.gemini_wire import first_candidate, is_refusal, text_of
from promptlab.adapters.ai.http_errors import Answer, Complaint
from promptlab.adapters.ai.prices import Tokens
from promptlab.adapters.ai.protocol import ProviderError, ProviderFailed, ProviderUnavailable, Refused

_LONGEST = 2000
_LONGEST_QUOTE = 300

_RETRIED = frozenset({"NO_IMAGE", "IMAGE_OTHER"})

# A 429 that waiting a minute does not mend: besides the quota of a day, money that is used up, and a model that the
# account's tier does not have at all.
_USED_UP = re.compile(r"prepayment credits are depleted|spending cap|limit: 0(?![\d.])", re.IGNORECASE)
_SECONDS = re.compile(r"(\d{1,9}(?:\.\d+)?)s")


def complaint_of(answer: Answer) -> Complaint:
    """Return what an error body says; it may be wrapped in a list of one, as streams have it."""
    error = _error(answer)
    message = str(error.get("message") or "")[:_LONGEST] or detail_of(answer)
    details = {
        name: value
        for name, value in {
            "status": error.get("status"),
            "reason": next((each["reason"] for each in _details(error) if "reason" in each), None),
            "quotas": _quotas(error) or None,
        }.items()
        if value is not None
    }
    # A wrong key is a 400 here.
    if answer.status in {401, 403} or details.get("reason") == "API_KEY_INVALID":
        return Complaint(message=message, kind="auth", details=details)
    if answer.status == 429 and (_USED_UP.search(message) or any("PerDay" in quota for quota in _quotas(error))):
        return Complaint(message=message, kind="quota", details=details, terminal=True)
    return Complaint(message=message, details=details)


def retry_delay(answer: Answer) -> float | None:
    """Return how many seconds an error body asks to wait."""
    told = (str(each.get("retryDelay") or "") for each in _details(_error(answer)))
    found = next(filter(None, map(_SECONDS.fullmatch, told)), None)
    return float(found[1]) if found else None


def gave_up(answer: Answer) -> bool:
    """Say whether Gemini itself, and no gateway before it, says that it ran out of time; that is not billed."""
    return answer.status == 504 and _error(answer).get("status") == "DEADLINE_EXCEEDED"


def without_images(body: Mapping[str, Any], tokens: Tokens, complaints: Sequence[str]) -> ProviderError:
    """Return what an answer of success without an image means.

    The prompt was blocked, or the image withheld; the model would not draw, or failed to. Only where it says that it
    failed, and counts no tokens of an image, may it be asked again.
    """
    feedback = body.get("promptFeedback")
    if isinstance(feedback, dict) and (reason := feedback.get("blockReason")):
        said = _sentence(f"The prompt was blocked ({reason})", feedback.get("blockReasonMessage"))
        return _refused(said, {"blockReason": str(reason)}, feedback)
    candidate = first_candidate(body)
    reason, text = str(candidate.get("finishReason") or ""), text_of(candidate)
    told = {"finishReason": reason, "finishMessage": candidate.get("finishMessage"), "text": text[:_LONGEST]}
    details = {name: value for name, value in told.items() if value}
    if is_refusal(reason):
        return _refused(_sentence(f"The image was withheld ({reason})", told["finishMessage"]), details, candidate)
    about: dict[str, Any] = {"kind": "no_image", "details": details}
    if reason in _RETRIED and tokens != Tokens() and not tokens.output:
        return ProviderUnavailable(_sentence(f"No image was made ({reason})", told["finishMessage"]), **about)
    if complaints:
        return ProviderFailed(" ".join(complaints), kind="bad_answer", details=details)
    if text:
        quote = text if len(text) <= _LONGEST_QUOTE else text[:_LONGEST_QUOTE] + "…"
        return ProviderFailed(f"The model answered with text and no image: {quote}", **about)
    ended = f" ({reason})" if reason else ""
    return ProviderFailed(_sentence(f"The answer holds no image{ended}", told["finishMessage"]), **about)


def _refused(message: str, details: Mapping[str, Any], rated: Mapping[str, Any]) -> Refused:
    """Return a refusal, with the categories whose rating blocked it, else with the reason as the only one."""
    ratings = rated.get("safetyRatings")
    found = [each for each in ratings if isinstance(each, dict)] if isinstance(ratings, list) else []
    blocking = [str(each.get("category")) for each in found if each.get("blocked")]
    reason = details.get("blockReason") or details.get("finishReason")
    about = {**details, "categories": blocking or [reason], **({"safetyRatings": found} if found else {})}
    return Refused(message, kind="content_policy", details=about)


def _sentence(what: str, said: object) -> str:
    return f"{what}: {said}" if isinstance(said, str) and said else f"{what}."


def _error(answer: Answer) -> dict[str, Any]:
    body = json_of(answer)
    if isinstance(body, list) and body:
        body = body[0]
    found = body.get("error") if isinstance(body, dict) else None
    return found if isinstance(found, dict) else {}


def _details(error: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    found = error.get("details")
    return (each for each in found if isinstance(each, dict)) if isinstance(found, list) else iter(())


def _quotas(error: Mapping[str, Any]) -> list[str]:
    """Return the names of the quotas that a request went over: `GenerateRequestsPerDayPerProjectPerModel-FreeTier`."""
    violations = (each.get("violations") for each in _details(error))
    return [
        str(violation["quotaId"])
        for found in violations
        for violation in (found if isinstance(found, list) else [])
        if isinstance(violation, dict) and "quotaId" in violation
    ]
