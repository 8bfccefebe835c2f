"""The Images API that OpenAI has set: one adapter for its own service, Azure's, and every server that speaks it."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from promptlab.adapters.ai.capabilities import Capabilities
from promptlab.adapters.ai.forms import text_parts
from promptlab.adapters.ai.http import HttpClient
from promptlab.adapters.ai.http_errors import Answer, Complaint
from promptlab.adapters.ai.openai_check import key_complaint, proof_of
from promptlab.adapters.ai.openai_errors import about_address, about_inputs, complaint_of, read_complaint
from promptlab.adapters.ai.openai_service import Service
from promptlab.adapters.ai.openai_wire import (
    Pictures,
    fields_of,
    file_parts,
    is_picture,
    pictures_of,
    reported,
    tokens_of,
)
from promptlab.adapters.ai.prices import token_cost
from promptlab.adapters.ai.protocol import (
    ImageRequest,
    ImageResult,
    OutcomeUnknown,
    ProviderError,
    ProviderFailed,
    Refused,
)
from promptlab.settings import ProviderSettings

_CHECK_SECONDS = 20.0
_REQUEST_IDS = ("x-request-id", "apim-request-id")  # the second is Azure's


class OpenAIImages:
    """Asks for images and waits for them in one request; where the answer names URLs, fetches them."""

    def __init__(self, service: Service, settings: ProviderSettings, lookup: Callable[[str], Capabilities]) -> None:
        self.name = service.name
        self._service = service
        self._http = HttpClient(service.name, service.base_url, settings, secret_headers=service.secret_headers)
        self._lookup = lookup

    def capabilities(self, model: str) -> Capabilities:
        """Say what the model takes; none takes a system prompt, because this API has no field for one.

        Nor has it one for a seed; but an unknown model may be anything, also one that takes it (SGLang and vLLM-Omni
        do).
        """
        known = replace(self._lookup(model), system_prompt=False)
        return known if known.known else replace(known, guesses={"seed": "seed"})

    def generate(self, request: ImageRequest, *, accepted: Callable[[str], None]) -> ImageResult:
        answer = self._ask(request)
        try:
            return self._result(request, answer, accepted)
        except ProviderError as error:
            error.http_status, error.request_id = answer.status, self._request_id(answer)
            error.may_be_billed = True
            raise

    def resume(self, handle: str, *, seconds: float | None = None) -> ImageResult:  # noqa: ARG002 - they are made
        """Fetch the images whose URLs an earlier answer named."""
        try:
            noted = json.loads(handle)
            urls, about = [noted["urls"][0], *noted["urls"][1:]], noted["about"]
        except (ValueError, LookupError, TypeError) as error:
            raise OutcomeUnknown("This handle names no images.", kind="no_handle") from error
        return self._fetched(urls, about, complaints=())

    def cancel(self, handle: str) -> None:
        """Do nothing: what has a handle here is made already."""

    def check(self) -> str:
        """Ask for the list of models, which costs nothing and needs the key."""
        answer = self._http.get(f"{self._http.base_url}{self._service.models}", seconds=_CHECK_SECONDS)
        host = self._service.host
        advice = self._service.address_advice if answer.status == 404 else None
        proof = None if advice else proof_of(answer, host=host, default_model=self._service.default_model)
        if proof is not None:
            return self._http.clean(proof)
        complaint = about_address(complaint_of(answer), advice) if advice else key_complaint(answer, host=host)
        raise self._http.failure(answer, complaint, request_id=self._request_id(answer))

    def close(self) -> None:
        self._http.close()

    def _ask(self, request: ImageRequest) -> Answer:
        fields = fields_of(request, with_seed=self._lookup(request.model).seed)
        has_inputs = bool(request.inputs or request.mask)
        path = self._service.path("edits" if has_inputs else "generations", request.model)
        if has_inputs:
            answer = self._http.post(path, data=text_parts(fields), files=file_parts(request))
        else:
            answer = self._http.post(path, json=fields)
        if answer.ok:
            return answer
        complaint = complaint_of(answer)
        if answer.status == 404 and (advice := self._service.address_advice):
            complaint = about_address(complaint, advice)
        elif has_inputs:
            complaint = about_inputs(complaint, status=answer.status)
        raise self._http.failure(answer, complaint, request_id=self._request_id(answer))

    def _request_id(self, answer: Answer) -> str | None:
        found = (answer.headers.get(name) for name in _REQUEST_IDS)
        return self._http.clean(next(filter(None, found), None))

    def _result(self, request: ImageRequest, answer: Answer, accepted: Callable[[str], None]) -> ImageResult:
        raw = is_picture(answer)
        body = {} if raw else answer.decoded()
        pictures = Pictures(found=(answer.body,), complaints=()) if raw else pictures_of(body)
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
            "request_id": self._request_id(answer),
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
                images.append(self._http.fetched(picture) if isinstance(picture, str) else picture)
            except ProviderError as error:
                lost.append(error)
        if not images:
            raise lost[0]
        warnings = (*complaints, *(error.message for error in lost))
        return ImageResult(images=tuple(images), warnings=warnings, **about)
