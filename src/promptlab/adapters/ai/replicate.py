"""Replicate: many people's models, over predictions that are asked about until they are done."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from promptlab.adapters.ai.capabilities import Capabilities
from promptlab.adapters.ai.catalogue import read_catalogue
from promptlab.adapters.ai.encoding import from_data_url
from promptlab.adapters.ai.error_bodies import json_of
from promptlab.adapters.ai.http import HttpClient
from promptlab.adapters.ai.http_errors import Answer
from promptlab.adapters.ai.jobs import Job, accepted_job, for_good, wait_for
from promptlab.adapters.ai.naming import limited_by_names
from promptlab.adapters.ai.prices import unit_cost
from promptlab.adapters.ai.protocol import (
    ImageRequest,
    ImageResult,
    OutcomeUnknown,
    ProviderError,
    ProviderFailed,
    ProviderUnavailable,
)
from promptlab.adapters.ai.registry import ProviderSpec
from promptlab.adapters.ai.replicate_errors import (
    before_ordering,
    complaint_of,
    end_without_images,
    wait_told,
)
from promptlab.adapters.ai.replicate_inputs import Inputs
from promptlab.adapters.ai.replicate_models import MODEL_FORM, ModelName, guesses_beside
from promptlab.adapters.ai.replicate_outputs import picture_urls, told, usage_of
from promptlab.settings import ProviderSettings

NAME = "replicate"
BASE_URL = "https://api.replicate.com"

_DEFAULT_MODEL = read_catalogue().default_model(NAME)
_ENDS = frozenset({"succeeded", "failed", "canceled", "aborted"})


class ReplicateProvider:
    """Orders a prediction, asks about it at the address that the answer names, and fetches the images."""

    name = NAME

    def __init__(self, settings: ProviderSettings, lookup: Callable[[str], Capabilities]) -> None:
        key = settings.key
        headers = {"authorization": f"Bearer {key}"}
        self._http = HttpClient(NAME, settings.base_url or BASE_URL, settings, secret_headers=headers)
        self._lookup = lookup
        self._inputs = Inputs(self._http, lookup)

    def capabilities(self, model: str) -> Capabilities:
        """Say what the model takes; it is what the model has names for, where its fields are written down.

        Where they are not, its own description is read for the usual names when it is used. No model takes a mask: they
        do not agree on what black and white mean in one.
        """
        known = replace(self._lookup(model), system_prompt=False, mask=False)
        if known.parameters is None:
            return replace(known, guesses=guesses_beside(known.names))
        return limited_by_names(known)

    def generate(self, request: ImageRequest, *, accepted: Callable[[str], None]) -> ImageResult:
        name = ModelName.of(request.model)
        with before_ordering():
            wanted = self._inputs.of(request, name)
        answer = self._http.post(name.orders, json={**name.version_field, "input": wanted.fields})
        if not answer.ok:
            raise self._failure(answer, name)
        with accepted_job(request_id=None):
            job = self._job(request, answer, warnings=wanted.warnings)
        accepted(job.handle)
        return self._result(job, seconds=self._http.timeout)

    def resume(self, handle: str, *, seconds: float | None = None) -> ImageResult:
        try:
            return self._result(Job.of(handle), seconds=self._http.patience(seconds))
        except ProviderUnavailable as error:
            raise for_good(error) from error

    def cancel(self, handle: str) -> None:
        url = Job.of(handle).cancel_url
        if url is None:
            return
        answer = self._http.look(url, method="POST")
        if not answer.ok:
            raise self._failure(answer)

    def check(self) -> str:
        """Ask whose key this is."""
        answer = self._http.look(f"{self._http.base_url}/v1/account")
        if not answer.ok:
            raise self._failure(answer)
        whose, host = answer.decoded().get("username"), urlsplit(self._http.base_url).netloc
        if not isinstance(whose, str):
            return f"{host} answers, but not with an account: that proves the network, not the key."
        return f"{host} knows this key, which belongs to {self._http.clean(whose)}."

    def close(self) -> None:
        self._http.close()

    def _job(self, request: ImageRequest, answer: Answer, *, warnings: tuple[str, ...]) -> Job:
        body = answer.decoded()
        prediction, urls = body.get("id"), body.get("urls")
        urls = urls if isinstance(urls, dict) else {}
        if not isinstance(prediction, str) or not prediction or not isinstance(urls.get("get"), str):
            raise ProviderFailed("The answer names no prediction to ask about.", kind="bad_answer")
        about = {
            "request_id": prediction,
            "model": request.model,
            "warnings": list(warnings),
            "effective_parameters": request.note_of_combining,
        }
        cancel_url = urls.get("cancel")
        return Job(
            url=urls["get"],
            cancel_url=cancel_url if isinstance(cancel_url, str) else None,
            about=self._http.clean(about),
        )

    def _result(self, job: Job, *, seconds: float) -> ImageResult:
        request_id = job.about.get("request_id")
        with accepted_job(request_id=request_id):
            end = wait_for(lambda: self._http.look(job.url), self._ended, provider=NAME, seconds=seconds)
        if end["status"] == "aborted":  # outside: what was never begun is not billed
            raise ProviderFailed(
                "The prediction was stopped before it had begun.", kind="cancelled", request_id=request_id
            )
        with accepted_job(request_id=request_id):
            return self._made(job, end)

    def _made(self, job: Job, end: dict[str, Any]) -> ImageResult:
        urls, usage = picture_urls(end.get("output")), usage_of(end)
        cost_usd = unit_cost(usage.get("predict_time"), self._lookup(str(job.about.get("model"))).price)
        if problem := end_without_images(end, urls):
            problem.cost_usd, problem.http_status = cost_usd, 200
            raise problem
        return ImageResult(
            images=tuple(self._fetched(url) for url in urls),
            effective_parameters={**job.about.get("effective_parameters", {}), **told(end)},
            usage=usage or None,
            cost_usd=cost_usd,
            request_id=job.about.get("request_id"),
            http_status=200,
            warnings=tuple(job.about.get("warnings", ())),
        )

    def _fetched(self, url: str) -> bytes:
        if not url.startswith("data:"):
            return self._http.fetched(url)
        try:
            return from_data_url(url)
        except ValueError:
            raise ProviderFailed("An image of the prediction is no valid base64.", kind="bad_answer") from None

    def _ended(self, answer: Answer) -> dict[str, Any] | None:
        """Return a prediction that has ended, None for one that has not; a status that nobody knows is no end."""
        body = json_of(answer)
        if answer.ok:
            return self._http.clean(body) if isinstance(body, dict) and body.get("status") in _ENDS else None
        said = self._http.clean(complaint_of(answer).message) or f"HTTP {answer.status}"
        message = f"The service cannot say what became of the prediction: {said}"
        raise OutcomeUnknown(message, kind="no_handle", http_status=answer.status)

    def _is_known(self, name: ModelName) -> bool:
        """Say whether the model, or one whose name is near, is listed: its version is not what is missing then."""
        found = self._lookup(f"{name.owner}/{name.name}")
        return found.known or found.near is not None

    def _failure(self, answer: Answer, name: ModelName | None = None) -> ProviderError:
        known = name is not None and self._is_known(name)
        error = self._http.failure(answer, complaint_of(answer, None if known else name), request_id=None)
        if isinstance(error, ProviderUnavailable):
            error.retry_after = wait_told(error.message) or error.retry_after
        return error


PROVIDER = ProviderSpec(
    name=NAME,
    summary="Replicate, where many makers' models run",
    default_model=_DEFAULT_MODEL,
    key_variable="REPLICATE_API_TOKEN",
    base_url_variable="REPLICATE_BASE_URL",
    keys="https://replicate.com/account/api-tokens",
    cancels=True,
    model_form=MODEL_FORM,
    model_form_called="OWNER/NAME or OWNER/NAME:VERSION",
    build=ReplicateProvider,
)
