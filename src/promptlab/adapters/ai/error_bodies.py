"""What the bodies of errors say in the shapes that many services share."""

import json
import re
from collections.abc import Mapping
from typing import Any

from promptlab.adapters.ai.http_errors import Answer

_LONGEST = 2000
_LONGEST_QUOTE = 300


def json_of(answer: Answer) -> Any:
    """Return the JSON of an answer, whatever it is; None where there is none."""
    try:
        return json.loads(answer.body)
    except (ValueError, RecursionError):
        return None


def detail_of(answer: Answer) -> str:
    """Return the explanation: `detail` (a text, or FastAPI's list), else `message`, else a quotation of the body."""
    body = json_of(answer)
    if not isinstance(body, Mapping):
        return quoted(answer)
    found = body.get("detail") or body.get("message") or ""
    return (found if isinstance(found, str) else validation_errors(found))[:_LONGEST]


def validation_errors(found: object) -> str:
    """Return FastAPI's list of what does not fit, as a sentence: where, and what."""
    entries = found if isinstance(found, list) else [found]
    return "; ".join(_validation_error(entry) if isinstance(entry, dict) else str(entry) for entry in entries)


def quoted(answer: Answer) -> str:
    """Return the beginning of a body that is no JSON, a web page say, as text on one line with the status before it."""
    text = " ".join(re.sub(r"<[^>]*>", " ", answer.body[:20_000].decode(errors="replace")).split())
    if not text:
        return ""
    shown = text if len(text) <= _LONGEST_QUOTE else text[:_LONGEST_QUOTE] + "…"
    return f"HTTP {answer.status}: {shown}"


def _validation_error(entry: Mapping[str, Any]) -> str:
    place = entry.get("loc")
    where = ".".join(map(str, place)) if isinstance(place, list) else str(place or "")
    return f"{where}: {entry.get('msg', '')}"
