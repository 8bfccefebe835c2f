"""fal: many makers' models, over a queue that is asked until a model has answered."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlsplit

from promptlab.adapters.ai.capabilities import Capabilities
from promptlab.adapters.ai.catalogue import read_catalogue
from promptlab.adapters.ai.error_bodies import detail_of, json_of
from promptlab.adapters.ai.fal_errors import complaint_of, end_of, is_of_model, told_to_retry
from promptlab.adapters.ai.fal_wire import endpoint_of, fields_of, guesses_of, pictures_of, reported, units_of
from promptlab.adapters.ai.http import HttpClient
from promptlab.adapters.ai.http_errors import Answer
from promptlab.adapters.ai.jobs import Job, accepted_job, for_good, is_trouble, wait_for
from promptlab.adapters.ai.naming import limited_by_names
from promptlab.adapters.ai.prices import unit_cost
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

NAME = "fal"
BASE_URL = "https://queue.fal.run"

_DOMAIN = "fal.run"
_DEFAULT_MODEL = read_catalogue().default_model(NAME)
_NO_REQUEST = "fal-ai/flux-2/requests/00000000-0000-0000-0000-000000000000/status"


class FalProvider:
    """Puts a request into the queue, and asks at the addresses that the answer names until the model's own is there."""

    name = NAME

    def __init__(self, settings: ProviderSettings, lookup: Callable[[str], Capabilities]) -> None:
        key = settings.key
        headers = {"authorization": f"Key {key}"}
        base_url = settings.base_url or BASE_URL
        self._http = HttpClient(NAME, base_url, settings, secret_headers=headers, domains=(_DOMAIN,))
        self._lookup = lookup
        self._cancelled: set[str] = set()

    def capabilities(self, model: str) -> Capabilities:
        """Say what the model takes, which is what it has names for where it is known."""
        known, names = self._lookup(model), self._lookup(model).names
        if not known.known:
            return replace(known, system_prompt=False, mask=False, guesses=guesses_of(model))
        return replace(limited_by_names(known), system_prompt="system_prompt" in names, mask="mask" in names)

    def generate(self, request: ImageRequest, *, accepted: Callable[[str], None]) -> ImageResult:
        known = self._lookup(request.model)
        endpoint = endpoint_of(request, known)
        answer = self._http.post(f"/{quote(endpoint, safe='/')}", json=fields_of(request, known))
        if not answer.ok:
            raise self._failure(told_to_retry(answer))
        with accepted_job(request_id=None):
            job = self._job(request, answer)
        accepted(job.handle)
        return self._result(job, seconds=self._http.timeout)

    def resume(self, handle: str, *, seconds: float | None = None) -> ImageResult:
        try:
            return self._result(Job.of(handle), seconds=self._http.patience(seconds))
        except ProviderUnavailable as error:  # how the job has ended, which asking again would not change
            raise for_good(error) from None

    def cancel(self, handle: str) -> None:
        """Ask for an end; a model that is already at work may go on, and a request that has ended stays as it is."""
        job = Job.of(handle)
        if job.cancel_url is None:
            return
        answer = self._http.look(job.cancel_url, method="PUT")
        if not answer.ok and answer.status not in {400, 404}:  # ALREADY_COMPLETED, NOT_FOUND
            raise self._failure(answer)
        self._cancelled.add(job.url)

    def check(self) -> str:
        """Ask about a request that cannot exist, which costs nothing and puts nothing into the queue."""
        answer = self._http.look(f"{self._http.base_url}/{_NO_REQUEST}")
        if not answer.ok and answer.status != 404:
            raise self._failure(answer)
        host = urlsplit(self._http.base_url).netloc
        return f"{host} answers and does not refuse this key; whether it may buy shows with the first image."

    def close(self) -> None:
        self._http.close()

    def _job(self, request: ImageRequest, answer: Answer) -> Job:
        body, known = answer.decoded(), self._lookup(request.model)
        url, result_url, cancel_url = (body.get(f"{name}_url") for name in ("status", "response", "cancel"))
        if not isinstance(url, str) or not isinstance(result_url, str):
            raise ProviderFailed("The answer names no address to ask about the request.", kind="bad_answer")
        endpoint = endpoint_of(request, known)
        about = {
            "result_url": result_url,
            "model": request.model,
            "request_id": str(body.get("request_id") or "") or None,
            "effective_parameters": {
                **({"model": endpoint} if endpoint != request.model else {}),
                **({} if "system_prompt" in known.names else request.note_of_combining),
            },
        }
        cancel_url = cancel_url if isinstance(cancel_url, str) else None
        return Job(url=url, cancel_url=cancel_url, about=self._http.clean(about))

    def _result(self, job: Job, *, seconds: float) -> ImageResult:
        started = time.monotonic()
        with accepted_job(request_id=job.about.get("request_id")):
            ended = wait_for(
                lambda: self._http.look(job.url),
                lambda answer: self._ended(job, answer),
                provider=NAME,
                seconds=seconds,
            )
            answer = wait_for(
                lambda: self._http.look(str(job.about.get("result_url"))),
                lambda answer: answer,
                provider=NAME,
                seconds=max(0.0, seconds - (time.monotonic() - started)),
                trouble=lambda answer: is_trouble(answer) and not is_of_model(answer),
            )
            if answer.ok:
                return self._made(job, answer, ended)
            error = self._end(answer, ended)
            error.cost_usd = self._cost(job, answer)
            raise error

    def _ended(self, job: Job, answer: Answer) -> dict[str, Any] | None:
        """Return what is said of a request that has ended, None for one that has not."""
        body = json_of(answer)
        if answer.ok:
            return self._http.clean(body) if isinstance(body, dict) and body.get("status") == "COMPLETED" else None
        if answer.status == 404 and job.url in self._cancelled:
            raise ProviderFailed("The request was taken out of the queue.", kind="cancelled", http_status=404)
        raise self._lost(answer)

    def _end(self, answer: Answer, ended: Mapping[str, Any]) -> ProviderError:
        """Return what it means that the model has answered with an error, or that its answer cannot be had."""
        if not is_of_model(answer):
            return _failed_by(ended) if ended.get("error") else self._lost(answer)
        return end_of(self._failure(answer), answer)

    def _lost(self, answer: Answer) -> ProviderError:
        said = self._http.clean(detail_of(answer)) or f"HTTP {answer.status}"
        message = f"The service cannot say what became of the request: {said}."
        return OutcomeUnknown(message, kind="no_handle", http_status=answer.status)

    def _made(self, job: Job, answer: Answer, ended: Mapping[str, Any]) -> ImageResult:
        result = self._http.clean(answer.decoded())
        pictures, units, cost_usd = pictures_of(result), units_of(answer), self._cost(job, answer)
        if not pictures.found:
            error = _blurred() if pictures.flagged else _failed_by(ended)
            error.cost_usd = cost_usd
            raise error
        images = tuple(each if isinstance(each, bytes) else self._fetched(each) for each in pictures.found)
        return ImageResult(
            images=images,
            effective_parameters={**job.about.get("effective_parameters", {}), **reported(result)},
            usage={"billable_units": units} if units is not None else None,
            cost_usd=cost_usd,
            request_id=job.about.get("request_id"),
            http_status=answer.status,
            warnings=pictures.warnings,
        )

    def _cost(self, job: Job, answer: Answer) -> float | None:
        return unit_cost(units_of(answer), self._lookup(str(job.about.get("model"))).price)

    def _fetched(self, url: str) -> bytes:
        return self._http.fetched(self._http.resolved(url))

    def _failure(self, answer: Answer) -> ProviderError:
        return self._http.failure(answer, complaint_of(answer), request_id=answer.headers.get("x-fal-request-id"))


def _blurred() -> ProviderError:
    message = "The safety checker has blurred what was made."
    return Refused(message, kind="content_policy", http_status=200, details={"categories": ["has_nsfw_concepts"]})


def _failed_by(ended: Mapping[str, Any]) -> ProviderFailed:
    """Return the failure that the status of an ended request tells of, where its result says nothing of it."""
    said, kind = ended.get("error"), ended.get("error_type")
    message = said if isinstance(said, str) and said else "The answer holds no image."
    return ProviderFailed(message, kind=kind if isinstance(kind, str) else "bad_answer", http_status=200)


PROVIDER = ProviderSpec(
    name=NAME,
    summary="fal's queue: FLUX, Nano Banana and many makers' models",
    default_model=_DEFAULT_MODEL,
    key_variable="FAL_KEY",
    keys="https://fal.ai/dashboard/keys",
    cancels=True,
    model_form=r"[^/\s]+(/[^/\s]+)+",
    model_form_called="OWNER/NAME, such as fal-ai/flux-2, with or without a path behind it",
    build=FalProvider,
)
