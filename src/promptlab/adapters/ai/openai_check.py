"""What an answer to the question for the list of models proves: of the key, of the network."""

import re
from dataclasses import replace
from typing import Any

from promptlab.adapters.ai.error_bodies import json_of
from promptlab.adapters.ai.http_errors import Answer, Complaint
from promptlab.adapters.ai.openai_errors import complaint_of

# A restricted key that makes images need not be allowed to list models; OpenAI says so with a 401 or a 403.
_KNOWN_KEY = re.compile(r"missing scopes|insufficient permissions", re.IGNORECASE)


def proof_of(answer: Answer, *, host: str, default_model: str | None) -> str | None:
    """Return a sentence about what the answer proves, None where it is an error.

    Raises:
        ProviderFailed: an answer of success that is no JSON: at the base URL is something else.
    """
    if answer.status in {401, 403} and _KNOWN_KEY.search(complaint_of(answer).message):
        return f"{host} knows this key, which may not list models; whether it makes images is not proved."
    if answer.status in {401, 403, 408, 429} or answer.status >= 500:
        return None
    if answer.ok and json_of(answer) is None:
        raise answer.without_json()
    models = _models(answer) if answer.ok else None
    if models is None:
        return f"{host} answers, but {_instead(answer)}: that proves the network, not the key."
    count = f"{len(models)} model{'' if len(models) == 1 else 's'}"
    return f"{host} lists {count} with this key.{_end_of(default_model, models)}"


def key_complaint(answer: Answer, *, host: str) -> Complaint:
    """Return the complaint about an answer that is an error, with what a refused key means."""
    complaint = complaint_of(answer)
    if answer.status not in {401, 403} or complaint.kind is not None:
        return complaint
    said = f": {complaint.message}" if complaint.message else "."
    return replace(complaint, message=f"{host} refuses this key with HTTP {answer.status}{said}", kind="auth")


def _models(answer: Answer) -> list[dict[str, Any]] | None:
    found = json_of(answer)
    items = found.get("data") if isinstance(found, dict) else None
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else None


def _instead(answer: Answer) -> str:
    if answer.ok:
        return "with no list of models"
    message = complaint_of(answer).message
    said = f" ({message.removesuffix('.')})" if message else ""
    return f"with HTTP {answer.status}{said} in the place of a list of models"


def _end_of(default_model: str | None, models: list[dict[str, Any]]) -> str:
    """Return a warning where the service says that it ends the model which is used when nobody names one."""
    ends = next((item.get("shutdown_date") for item in models if item.get("id") == default_model), None)
    return f" {default_model}, which is used where none is named, ends on {ends}." if isinstance(ends, str) else ""
