"""Google Gemini: models that chat and draw, asked for one image in one turn."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlsplit

from promptlab.adapters.ai.capabilities import Capabilities
from promptlab.adapters.ai.catalogue import read_catalogue
from promptlab.adapters.ai.gemini_errors import complaint_of, gave_up, retry_delay, without_images
from promptlab.adapters.ai.gemini_wire import Drawing, body_of, drawing_of, first_candidate, tokens_of
from promptlab.adapters.ai.http import HttpClient
from promptlab.adapters.ai.http_errors import Answer
from promptlab.adapters.ai.prices import token_cost
from promptlab.adapters.ai.protocol import (
    ImageRequest,
    ImageResult,
    OutcomeUnknown,
    ProviderError,
    ProviderUnavailable,
)
from promptlab.adapters.ai.registry import ProviderSpec
from promptlab.settings import ProviderSettings

NAME = "gemini"
BASE_URL = "https://generativelanguage.googleapis.com"

_VERSION = "v1beta"  # v1 has been seen not to know `responseModalities`
_DEFAULT_MODEL = read_catalogue().default_model(NAME)


class GeminiProvider:
    """Sends one request an image; the answer holds the image, and no handle is ever named."""

    name = NAME

    def __init__(self, settings: ProviderSettings, lookup: Callable[[str], Capabilities]) -> None:
        key = settings.key
        base_url = _versioned(settings.base_url or BASE_URL)
        self._http = HttpClient(NAME, base_url, settings, secret_headers={"x-goog-api-key": key})
        self._lookup = lookup

    def capabilities(self, model: str) -> Capabilities:
        """Say what the model takes; the service makes one image a request and knows no mask."""
        return replace(self._lookup(model), mask=False, max_count=1)

    def generate(self, request: ImageRequest, *, accepted: Callable[[str], None]) -> ImageResult:  # noqa: ARG002
        """Ask for an image and wait for it; `accepted` is never called."""
        body = body_of(request, with_seed=self._lookup(request.model).seed)
        answer = self._http.post(f"/models/{quote(request.model, safe='')}:generateContent", json=body)
        if not answer.ok:
            raise self._failure(answer)
        try:
            return self._result(request, answer)
        except ProviderError as error:
            error.http_status, error.may_be_billed = answer.status, True
            raise

    def resume(self, handle: str, *, seconds: float | None = None) -> ImageResult:  # noqa: ARG002 - nothing runs
        raise OutcomeUnknown("Gemini answers at once; an answer that was lost cannot be asked for.", kind="no_handle")

    def cancel(self, handle: str) -> None:
        """Do nothing: no request has a handle."""

    def check(self) -> str:
        """Ask about the default model, which costs nothing and needs the key."""
        answer = self._http.look(f"{self._http.base_url}/models/{_DEFAULT_MODEL}")
        host = urlsplit(self._http.base_url).netloc
        if answer.status == 404:
            return f"{host} answers, but knows no {_DEFAULT_MODEL}: that proves the network, not the key."
        if not answer.ok:
            raise self._failure(answer)
        if not isinstance(answer.decoded().get("name"), str):
            return f"{host} answers, but not about a model: that proves the network, not the key."
        return f"{host} knows this key, and {_DEFAULT_MODEL}."

    def close(self) -> None:
        self._http.close()

    def _result(self, request: ImageRequest, answer: Answer) -> ImageResult:
        drawing = drawing_of(answer.decoded())
        rest = self._http.clean(dict(drawing.rest))
        usage = rest.pop("usageMetadata", None)
        cost = token_cost(tokens := tokens_of(usage), self._lookup(request.model).price)
        request_id = str(rest.get("responseId") or "") or None
        blocked = isinstance(feedback := rest.get("promptFeedback"), dict) and feedback.get("blockReason")
        if blocked or not drawing.images:
            error = without_images(rest, tokens, drawing.complaints)
            error.request_id, error.cost_usd = request_id, cost
            raise error
        return ImageResult(
            images=drawing.images,
            effective_parameters={name: rest[name] for name in ("modelVersion",) if isinstance(rest.get(name), str)},
            usage=usage if isinstance(usage, dict) else None,
            cost_usd=cost,
            request_id=request_id,
            http_status=answer.status,
            warnings=_warnings(drawing, rest),
            metadata=rest,
        )

    def _failure(self, answer: Answer) -> ProviderError:
        """Return the error that an answer without success means; how long to wait stands in its body."""
        error = self._http.failure(answer, complaint_of(answer), request_id=None)
        if gave_up(answer):
            return ProviderUnavailable(error.message, kind="timeout", http_status=answer.status, details=error.details)
        if isinstance(error, ProviderUnavailable) and (delay := retry_delay(answer)) is not None:
            error.retry_after = delay
        return error


def _versioned(base_url: str) -> str:
    """Return the base URL with a version; one that has its own keeps it."""
    base_url = base_url.rstrip("/")
    return base_url if re.search(r"/v\d\w*$", base_url) else f"{base_url}/{_VERSION}"


def _warnings(drawing: Drawing, rest: dict[str, Any]) -> tuple[str, ...]:
    """Return what was not as asked: other than one image, or an end before the end."""
    found = list(drawing.complaints)
    if len(drawing.images) > 1:
        found.append(f"The answer holds {len(drawing.images)} images where one was asked for.")
    if (reason := first_candidate(rest).get("finishReason")) not in {"STOP", None}:
        found.append(f"The answer did not end as it should: {reason}.")
    return tuple(found)


PROVIDER = ProviderSpec(
    name=NAME,
    summary="Google's Gemini image models",
    default_model=_DEFAULT_MODEL,
    key_variable="GEMINI_API_KEY",
    base_url_variable="GOOGLE_GEMINI_BASE_URL",
    keys="https://aistudio.google.com/apikey",
    build=GeminiProvider,
)
