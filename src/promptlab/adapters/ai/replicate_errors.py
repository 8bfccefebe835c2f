"""How Replicate says no: problem documents, waiting times within sentences, and predictions that fail in free text."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from promptlab.adapters.ai.error_bodies import detail_of
from promptlab.adapters.ai.http_errors import Answer, Complaint
from promptlab.adapters.ai.protocol import OutcomeUnknown, ProviderError, ProviderFailed, ProviderUnavailable, Refused
from promptlab.adapters.ai.replicate_models import ModelName

_KINDS = {401: "auth", 402: "quota"}
_WAIT = re.compile(r"\bresets in ~?(\d+(?:\.\d+)?) ?(ms|s|m)\b")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0}

_REFUSALS = {
    "nsfw": r"\bnsfw\b",
    "sensitive": r"(?<!case[- ])\bsensitive\b|\bE005\b",
    "policy": r"\bcontent[ _-]?polic(y|ies)\b|\bprohibited[ _]content\b",
    "moderation": r"\bmoderat(ed|ion)\b",
    "safety": r"\bsafety (system|filter|checker|polic(y|ies)|guidelines?)\b",
}
"""There is no field for a refusal: models say it in sentences of their own, and these are the words that they use."""

_BLACK = re.compile(r"\bblack images? will be returned\b", re.IGNORECASE)
"""What older models log in the place of an error."""

_CODE = re.compile(r"\bE\d{3,4}\b")
_PASSING = frozenset({"E1000", "E6716"})
"""Of the codes in the vendor's list: an unknown error, to be tried again, and a prediction that did not start."""

_LONGEST = 1000


@contextmanager
def before_ordering() -> Iterator[None]:
    """Let an error within say what is true before a prediction is ordered: nothing was bought, whatever got lost."""
    try:
        yield
    except OutcomeUnknown as error:
        raise ProviderUnavailable(error.message, kind=error.kind, http_status=error.http_status) from error


def complaint_of(answer: Answer, unlisted: ModelName | None = None) -> Complaint:
    """Return what an answer without success says; `unlisted` is the model ordered, where nothing is known of it."""
    message = " ".join(detail_of(answer).split())
    if answer.status == 404 and unlisted is not None and unlisted.version is None:
        message += f" Only official models run without a version: is it {unlisted.owner}/{unlisted.name}:VERSION?"
    categories = refusal_in(message) if answer.status in {400, 403, 422} else []
    return Complaint(
        message=message,
        kind="content_policy" if categories else _KINDS.get(answer.status),
        details={"categories": categories} if categories else {},
        refused=bool(categories),
    )


def wait_told(message: str) -> float | None:
    """Return the seconds that a sentence asks to wait, as in «Your rate limit resets in ~30s.»."""
    found = _WAIT.search(message)
    return float(found[1]) * _SECONDS[found[2]] if found else None


def end_without_images(end: Mapping[str, Any], urls: Sequence[str]) -> ProviderError | None:
    """Return the error that the end of a prediction means, None where it is its images."""
    status, said = str(end["status"]), " ".join(str(end.get("error") or "").split())[:_LONGEST]
    if status == "canceled":
        return ProviderFailed("The prediction was cancelled.", kind="cancelled")
    if status == "failed":
        return _failed(said or "The prediction failed, and the service does not say why.")
    return _empty(end, urls)


def refusal_in(text: str) -> list[str]:
    """Return which of the words for a refusal a text has."""
    return [name for name, pattern in _REFUSALS.items() if re.search(pattern, text, re.IGNORECASE)]


def _failed(said: str) -> ProviderError:
    details: dict[str, Any] = {"codes": codes} if (codes := sorted(set(_CODE.findall(said)))) else {}
    if categories := refusal_in(said):
        return Refused(said, kind="content_policy", details={"categories": categories, **details})
    if _PASSING.intersection(codes):
        return ProviderUnavailable(said, kind="job_failed", details=details)
    return ProviderFailed(said, kind="job_failed", details=details)


def _empty(end: Mapping[str, Any], urls: Sequence[str]) -> ProviderError | None:
    """Return the error that a success without images is; models leave out the images that they refuse to show."""
    logs = str(end.get("logs") or "")
    if (not urls or _BLACK.search(logs)) and (categories := refusal_in(logs)):
        message = "The model shows no image: its log speaks of " + ", ".join(categories) + "."
        return Refused(message, kind="content_policy", details={"categories": categories})
    if urls:
        return None
    if end.get("data_removed") is True:
        return ProviderFailed("The service has deleted the images, which it keeps for an hour.", kind="expired")
    return ProviderFailed("The prediction succeeded without an image.", kind="bad_answer")
