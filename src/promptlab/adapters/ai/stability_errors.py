"""What Stability's error bodies say: `{id, name, errors}`, or `{id, name, message}` from its first version."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from promptlab.adapters.ai.error_bodies import detail_of, json_of
from promptlab.adapters.ai.http_errors import Answer, Complaint

_LONGEST = 2000
_REFUSALS = frozenset({"content_moderation", "public_figure"})
_KINDS = {"unauthorized": "auth", "permission_denied": "auth", "payment_required": "quota"}
_KINDS_BY_STATUS = {401: "auth", 402: "quota"}
_PAUSE = re.compile(r"timed out for (\d{1,4}) seconds")


def complaint_of(answer: Answer) -> Complaint:
    """Return what the body of an error says."""
    body = _body(answer)
    name = str(body.get("name") or "")
    details = {key: body[key] for key in ("id", "name") if isinstance(body.get(key), str)}
    if name in _REFUSALS:
        details = {**details, "categories": [name]}
        return Complaint(message=_message(answer), kind="content_policy", details=details, refused=True)
    return Complaint(
        message=_message(answer), kind=_KINDS.get(name) or _KINDS_BY_STATUS.get(answer.status), details=details
    )


def request_id_of(answer: Answer) -> str | None:
    """Return by which the service finds the request again: a header, or the `id` of an error."""
    found = answer.headers.get("x-request-id") or (None if answer.ok else _body(answer).get("id"))
    return str(found) if found else None


def with_hint(answer: Answer) -> Answer:
    """Return the answer with the hint of when to ask again as a header, where the service puts it into a sentence."""
    pause = _PAUSE.search(_message(answer))
    return replace(answer, headers={"retry-after": pause[1], **answer.headers}) if pause else answer


def _body(answer: Answer) -> Mapping[str, Any]:
    body = json_of(answer)
    return body if isinstance(body, Mapping) else {}


def _message(answer: Answer) -> str:
    errors = _body(answer).get("errors")
    return "; ".join(map(str, errors))[:_LONGEST] if errors and isinstance(errors, list) else detail_of(answer)
