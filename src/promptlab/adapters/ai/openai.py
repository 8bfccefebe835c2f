"""OpenAI's Images API, and every server that speaks it: a LiteLLM proxy, Azure's v1 surface, SGLang, vLLM-Omni."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from promptlab.adapters.ai.capabilities import Capabilities
from promptlab.adapters.ai.catalogue import read_catalogue
from promptlab.adapters.ai.http import HttpClient
from promptlab.adapters.ai.http_errors import Answer, Complaint
from promptlab.adapters.ai.openai_errors import complaint_of, read_complaint
from promptlab.adapters.ai.openai_wire import (
    decoded,
    fields_of,
    file_parts,
    pictures_of,
    reported,
    text_parts,
    tokens_of,
)
from promptlab.adapters.ai.prices import token_cost
from promptlab.adapters.ai.protocol import (
    ImageRequest,
    ImageResult,
    OutcomeUnknown,
    ProviderError,
    ProviderFailed,
    ProviderUnavailable,
    Refused,
)
from promptlab.adapters.ai.registry import ProviderSpec
from promptlab.settings import ProviderSettings

NAME = "openai"
BASE_URL = "https://api.openai.com/v1"

_DOWNLOAD_TRIES = 2


class OpenAIProvider:
    """Asks for images and waits for them in one request; where the answer names URLs, fetches them."""

    name = NAME

    def __init__(self, settings: ProviderSettings, lookup: Callable[[str], Capabilities]) -> None:
        key = settings.api_key.get_secret_value() if settings.api_key else ""
        base_url = settings.base_url or BASE_URL
        self._http = HttpClient(NAME, base_url, settings, secret_headers={"authorization": f"Bearer {key}"})
        self._lookup = lookup

    def capabilities(self, model: str) -> Capabilities:
        """Say what the model takes; none takes a system prompt, because this API has no field for one."""
        return replace(self._lookup(model), system_prompt=False)

    def generate(self, request: ImageRequest, *, accepted: Callable[[str], None]) -> ImageResult:
        answer = self._ask(request)
        try:
            return self._result(request, answer, accepted)
        except ProviderError as error:
            error.http_status, error.request_id = answer.status, self._request_id(answer)
            error.may_be_billed = True
            raise

    def resume(self, handle: str) -> ImageResult:
        """Fetch the images whose URLs an earlier answer named."""
        try:
            noted = json.loads(handle)
            urls, about = [noted["urls"][0], *noted["urls"][1:]], noted["about"]
        except (ValueError, LookupError, TypeError) as error:
            raise OutcomeUnknown("This handle names no images.", kind="no_handle") from error
        return self._fetched(urls, about, complaints=())

    def close(self) -> None:
        self._http.close()

    def _ask(self, request: ImageRequest) -> Answer:
        # An unknown model may be anything, also one that takes a seed (SGLang and vLLM-Omni do).
        fields = fields_of(request, with_seed=self._lookup(request.model).seed)
        if request.inputs or request.mask:
            answer = self._http.post("/images/edits", data=text_parts(fields), files=file_parts(request))
        else:
            answer = self._http.post("/images/generations", json=fields)
        if not answer.ok:
            raise self._http.failure(answer, complaint_of(answer), request_id=self._request_id(answer))
        return answer

    def _request_id(self, answer: Answer) -> str | None:
        return self._http.clean(answer.headers.get("x-request-id"))

    def _result(self, request: ImageRequest, answer: Answer, accepted: Callable[[str], None]) -> ImageResult:
        body = decoded(answer.body)
        pictures = pictures_of(body)
        if not pictures.found:
            raise self._without_images(body, answer, pictures.complaints)
        about = self._about(request, body, answer)
        found = [self._http.resolved(picture) if isinstance(picture, str) else picture for picture in pictures.found]
        urls = [picture for picture in found if isinstance(picture, str)]
        if urls:
            accepted(json.dumps({"urls": self._http.clean(urls), "about": about}))
        return self._fetched(found, about, complaints=pictures.complaints)

    def _about(self, request: ImageRequest, body: Mapping[str, Any], answer: Answer) -> dict[str, Any]:
        usage = body.get("usage")
        about = {
            "effective_parameters": reported(body, request),
            "usage": usage if isinstance(usage, dict) else None,
            # At any base URL: a gateway passes on OpenAI's bill under OpenAI's names, and what calls its own model
            # by such a name and counts tokens asks for that price. Who does not count costs an unknown amount.
            "cost_usd": token_cost(tokens_of(usage), self._lookup(request.model).price),
            "request_id": answer.headers.get("x-request-id"),
            "http_status": answer.status,
            "metadata": {name: value for name, value in body.items() if name not in {"data", "usage"}},
        }
        return self._http.clean(about)

    def _without_images(self, body: Mapping[str, Any], answer: Answer, complaints: Sequence[str]) -> ProviderError:
        """Return what an answer of success without an image means: some proxies wrap an error in one."""
        said = read_complaint(body, status=answer.status) if body.get("error") or body.get("detail") else Complaint()
        message = self._http.clean(said.message) or " ".join(complaints) or "The answer holds no image."
        details = self._http.clean(dict(said.details))
        if said.refused:
            return Refused(message, kind="content_policy", details=details)
        return ProviderFailed(message, kind="bad_answer", details=details)

    def _fetched(
        self, found: Sequence[bytes | str], about: Mapping[str, Any], *, complaints: Sequence[str]
    ) -> ImageResult:
        """Return the result once its URLs are fetched: what arrives is kept, whatever becomes of the others."""
        images: list[bytes] = []
        lost: list[ProviderError] = []
        for picture in found:
            try:
                images.append(self._downloaded(picture) if isinstance(picture, str) else picture)
            except ProviderError as error:
                lost.append(error)
        if not images:
            raise lost[0]
        warnings = (*complaints, *(error.message for error in lost))
        return ImageResult(images=tuple(images), warnings=warnings, **about)

    def _downloaded(self, url: str) -> bytes:
        """Return the image at a URL. It is made and paid for, so no trouble with it may lead to another purchase."""
        problem = ""
        for _ in range(_DOWNLOAD_TRIES):
            try:
                answer = self._http.get(url)
            except (ProviderUnavailable, OutcomeUnknown) as error:
                problem = error.message
                continue
            if answer.ok:
                return answer.body
            problem = f"HTTP {answer.status}."
        raise OutcomeUnknown(f"An image was made and cannot be fetched: {problem}", kind="download")


PROVIDER = ProviderSpec(
    name=NAME,
    summary="OpenAI's image models, and any server that speaks its Images API",
    default_model=read_catalogue().default_model(NAME),
    key_variable="OPENAI_API_KEY",
    base_url_variable="OPENAI_BASE_URL",
    build=OpenAIProvider,
)
