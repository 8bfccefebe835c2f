"""What OpenAI's error bodies say, and those of the many servers that speak its language a little differently."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from promptlab.adapters.ai.error_bodies import json_of, quoted, validation_errors
from promptlab.adapters.ai.http_errors import Answer, Complaint

_REFUSALS = frozenset({
    "moderation_blocked",
    "content_policy_violation",
    "content_safety_violation",  # Microsoft's own MAI models
    "contentfilter",  # Azure writes it in several ways
    "content_filter",
    "responsibleaipolicyviolation",
})  # fmt: skip
_USER_ERROR = "image_generation_user_error"
_REFUSAL_WORDS = re.compile(
    r"moderation_blocked|content_policy_violation|content_safety_violation|contentFilter|ResponsibleAIPolicyViolation"
    r"|safety_violations=|rejected by the safety system|(violates|against) our content policy",
    re.IGNORECASE,
)
_PARAMETER_CODE = re.compile(r"(invalid|unknown|unsupported|missing|unrecognized)_", re.IGNORECASE)
_VIOLATIONS = re.compile(r"safety_violations=\[([^\]]*)\]")

_QUOTA = frozenset({"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"})
_QUOTA_WORDS = re.compile(r"exceeded your current quota|billing hard limit", re.IGNORECASE)

_NO_MODEL = frozenset({"model_not_found", "deploymentnotfound"})  # the second is Azure's

_BLOCKED_WORDS = re.compile(r"resource has been (temporarily )?blocked", re.IGNORECASE)
_BLOCKED = "This blocks the whole Azure resource, not this prompt: nothing is served until Microsoft lifts it."

# What servers answer that read JSON where a form is sent (Ollama), beside a 404, 405 or 415.
_NO_FORM_WORDS = re.compile(r"invalid character|content[ -]type|multipart", re.IGNORECASE)
_ABOUT_MODEL_WORDS = re.compile(r"\b(model|deployment)\b", re.IGNORECASE)
_NO_INPUTS = "Input images go to /images/edits as a form, which not every compatible server has."

_TELLING = ("code", "type", "param", "moderation_details")


def complaint_of(answer: Answer) -> Complaint:
    """Return what the body of an error says."""
    body = json_of(answer)
    if body is None:
        return Complaint(message=quoted(answer))
    return read_complaint(body, status=answer.status)


def read_complaint(body: object, *, status: int) -> Complaint:
    """Return what a decoded error body says: OpenAI's `error`, FastAPI's `detail`, or a bare `message`."""
    error = _error_object(body)
    message = str(error.get("message") or "")[:2000]
    details = {name: error[name] for name in _TELLING if error.get(name) is not None}
    if _is_quota(error, message):
        return Complaint(message=message, kind="quota", details=details, terminal=True)
    if _BLOCKED_WORDS.search(message):
        return Complaint(message=f"{message.rstrip('. ')}. {_BLOCKED}", kind="blocked", details=details, terminal=True)
    if _is_refusal(error, message, status):
        categories = {"categories": found} if (found := sorted(_categories(error, message))) else {}
        message = message or "The service's content policy refused this."
        return Complaint(message=message, kind="content_policy", details={**details, **categories}, refused=True)
    no_model = not _NO_MODEL.isdisjoint(_words(error))
    return Complaint(message=message, kind="not_found" if no_model else None, details=details)


def about_inputs(complaint: Complaint, *, status: int) -> Complaint:
    """Return the complaint about a request with input images; it says so where the server seems to take none."""
    unheard = status in {404, 405, 415} or (status == 400 and _NO_FORM_WORDS.search(complaint.message))
    if not unheard or complaint.kind is not None or _ABOUT_MODEL_WORDS.search(complaint.message):
        return complaint
    said = complaint.message.rstrip(". ") or f"HTTP {status}"
    return replace(complaint, message=f"{said}. {_NO_INPUTS}")


def about_address(complaint: Complaint, advice: str) -> Complaint:
    """Return the complaint with a 404 at a base URL of an unlikely end, and that advice unless it is about a model."""
    if complaint.kind is not None or _ABOUT_MODEL_WORDS.search(complaint.message):
        return complaint
    said = complaint.message.rstrip(". ") or "HTTP 404"
    return replace(complaint, message=f"{said}. {advice}")


def _error_object(body: object) -> dict[str, Any]:
    if not isinstance(body, dict):
        return {}
    for name in ("error", "detail"):
        found = body.get(name)
        if isinstance(found, dict):
            return {**found, "moderation_details": found.get("moderation_details", body.get("moderation_details"))}
        if found:
            return {"message": found if isinstance(found, str) else validation_errors(found)}
    return body


def _words(error: Mapping[str, Any]) -> Iterator[str]:
    inner = _inner(error)
    for value in (error.get("code"), error.get("type"), inner.get("code")):
        if isinstance(value, str):
            yield value.lower()


def _inner(error: Mapping[str, Any]) -> Mapping[str, Any]:
    for name in ("inner_error", "innererror"):
        if isinstance(error.get(name), dict):
            found: Mapping[str, Any] = error[name]
            return found
    return {}


def _is_quota(error: Mapping[str, Any], message: str) -> bool:
    return not _QUOTA.isdisjoint(_words(error)) or _QUOTA_WORDS.search(message) is not None


def _is_refusal(error: Mapping[str, Any], message: str, status: int) -> bool:
    """Say whether this is the content policy.

    A type of `image_generation_user_error` is: LiteLLM keeps nothing else of a refusal, its code is the status. But the
    same type could come with a parameter that is wrong, so a code or a `param` that plainly says so outranks it.
    The message alone counts only where the request itself was rejected: a 403 may block the account, not the prompt.
    """
    if not _REFUSALS.isdisjoint(_words(error)):
        return True
    if _USER_ERROR in _words(error):
        about_parameter = error.get("param") not in (None, "", "None", "prompt", "image")
        return not about_parameter and not _PARAMETER_CODE.match(str(error.get("code") or ""))
    return status in {200, 400, 422} and _REFUSAL_WORDS.search(message) is not None


def _categories(error: Mapping[str, Any], message: str) -> set[str]:
    found: set[str] = set()
    moderation = error.get("moderation_details")
    if isinstance(moderation, dict) and isinstance(moderation.get("categories"), list):
        found.update(map(str, moderation["categories"]))
    filters = _inner(error).get("content_filter_results")
    if isinstance(filters, dict):
        found.update(name for name, said in filters.items() if isinstance(said, dict) and said.get("filtered"))
    if violations := _VIOLATIONS.search(message):
        found.update(word.strip(" '\"") for word in violations[1].split(",") if word.strip(" '\""))
    return found
