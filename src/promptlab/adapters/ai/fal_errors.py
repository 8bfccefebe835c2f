"""What fal's errors say: a model's own, a list of what it does not take, and fal's, a text and its type."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from promptlab.adapters.ai.error_bodies import detail_of, json_of
from promptlab.adapters.ai.http_errors import Answer, Complaint, retry_after
from promptlab.adapters.ai.jobs import for_good
from promptlab.adapters.ai.protocol import ProviderError, ProviderUnavailable, Refused

_REFUSALS = frozenset({"content_policy_violation"})
_CANCELLED = "client_cancelled"
_QUOTA_WORDS = re.compile(r"exhausted balance|top up your balance", re.IGNORECASE)
_TELLING = ("loc", "msg", "type", "ctx")  # not `input`, which repeats the request with its images
_TYPE = re.compile(r"[a-z0-9_]{1,50}")
_ANSWERS_OF_THE_QUEUE = frozenset({401, 403, 404, 410})
_WORTH_TRYING = frozenset({429, 502, 503, 504})


def complaint_of(answer: Answer) -> Complaint:
    """Return what the body of an error says."""
    body = json_of(answer)
    entries = _entries(body)
    types = [str(entry["type"]) for entry in entries if "type" in entry]
    message, error_type = detail_of(answer), _error_type(answer, body)
    if not _REFUSALS.isdisjoint(types):
        details: dict[str, Any] = {"categories": sorted(_REFUSALS.intersection(types)), "detail": entries}
        reason = " ".join(str(entry.get("msg", "")) for entry in entries)
        return Complaint(message=reason, kind="content_policy", details=details, refused=True)
    details = {**({"detail": entries} if entries else {}), **({"error_type": error_type} if error_type else {})}
    if error_type == _CANCELLED:
        return Complaint(message=message, kind="cancelled", details=details, terminal=True)
    if answer.status == 402 or (answer.status == 403 and _QUOTA_WORDS.search(message)):
        return Complaint(message=message, kind="quota", details=details, terminal=True)
    return Complaint(message=message, kind=error_type, details=details)


def is_of_model(answer: Answer) -> bool:
    """Say whether an answer is the model's own, which the queue replays with its status, and no trouble on the way."""
    if "x-fal-request-id" in answer.headers:
        return True
    body = json_of(answer)
    return isinstance(body, Mapping) and "detail" in body and answer.status not in _ANSWERS_OF_THE_QUEUE


def end_of(error: ProviderError, answer: Answer) -> ProviderError:
    """Return the error of a model's own answer as the end of its request, of which nothing is unknown any more.

    What may go better is sent again: fal charges for no error of a server, so nothing was bought.
    """
    if isinstance(error, Refused):
        return error
    told = _told(answer)
    if answer.status in _WORTH_TRYING if told is None else told:
        about = {name: getattr(error, name) for name in ("kind", "http_status", "request_id", "details")}
        return ProviderUnavailable(error.message, retry_after=retry_after(answer.headers), **about)
    return for_good(error)


def told_to_retry(answer: Answer) -> Answer:
    """Return the answer with its header about retrying in the spelling that every adapter knows."""
    told = _told(answer)
    if told is None:
        return answer
    return replace(answer, headers={**answer.headers, "x-should-retry": str(told).lower()})


def _told(answer: Answer) -> bool | None:
    headers = answer.headers
    said = (headers.get("x-fal-retryable") or headers.get("x-fal-needs-retry") or "").strip().lower()
    return None if not said else said in {"true", "1", "yes"}


def _error_type(answer: Answer, body: object) -> str | None:
    said = body.get("error_type") if isinstance(body, Mapping) else None
    said = said or answer.headers.get("x-fal-error-type")
    return said if isinstance(said, str) and _TYPE.fullmatch(said) else None


def _entries(body: object) -> list[dict[str, Any]]:
    found = body.get("detail") if isinstance(body, Mapping) else None
    entries = found if isinstance(found, list) else [found]
    return [
        {name: entry[name] for name in _TELLING if name in entry} for entry in entries if isinstance(entry, Mapping)
    ]
