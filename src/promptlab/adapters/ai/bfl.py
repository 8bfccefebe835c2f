"""Black Forest Labs: FLUX, over jobs that are asked about until they are done."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from promptlab.adapters.ai.capabilities import Capabilities
from promptlab.adapters.ai.catalogue import read_catalogue
from promptlab.adapters.ai.credits import proof_by_credits
from promptlab.adapters.ai.encoding import to_base64
from promptlab.adapters.ai.error_bodies import detail_of, json_of
from promptlab.adapters.ai.http import HttpClient
from promptlab.adapters.ai.http_errors import Answer, Complaint
from promptlab.adapters.ai.jobs import Job, accepted_job, wait_for
from promptlab.adapters.ai.prices import unit_cost
from promptlab.adapters.ai.protocol import (
    ImageRequest,
    ImageResult,
    OutcomeUnknown,
    ProviderError,
    ProviderFailed,
    Refused,
)
from promptlab.adapters.ai.registry import ProviderSpec
from promptlab.settings import ProviderSettings

NAME = "bfl"
BASE_URL = "https://api.bfl.ai"

_DOMAIN = "bfl.ai"
_DEFAULT_MODEL = read_catalogue().default_model(NAME)
_REFUSALS = {"Request Moderated": "input", "Content Moderated": "output"}
_FAILURES = frozenset({"Error", "Failed"})
_NOT_FOUND = "Task not found"
_RACING_LOOKS = 3
"""A job that has just been accepted may not be found yet; so many looks believe that."""


class BflProvider:
    """Submits a job, asks about it at the address that the answer names, and fetches the image from where it lies."""

    name = NAME

    def __init__(self, settings: ProviderSettings, lookup: Callable[[str], Capabilities]) -> None:
        key = settings.key
        base_url = settings.base_url or BASE_URL
        self._http = HttpClient(NAME, base_url, settings, secret_headers={"x-key": key}, domains=(_DOMAIN,))
        self._lookup = lookup

    def capabilities(self, model: str) -> Capabilities:
        """Say what the model takes; the service makes one image a request and knows no system prompt and no mask."""
        known = replace(self._lookup(model), system_prompt=False, mask=False, max_count=1)
        images = "images" if _is_third(model) else "input_image"
        return known if known.known else replace(known, guesses={"seed": "seed", "inputs": images})

    def generate(self, request: ImageRequest, *, accepted: Callable[[str], None]) -> ImageResult:
        answer = self._http.post(f"/v1/{quote(request.model, safe='')}", json=self._fields_of(request))
        if not answer.ok:
            raise self._failure(answer)
        with accepted_job(request_id=None):
            job = self._job(request, answer)
        accepted(job.handle)
        return self._result(job, seconds=self._http.timeout)

    def resume(self, handle: str, *, seconds: float | None = None) -> ImageResult:
        return self._result(Job.of(handle), seconds=self._http.patience(seconds))

    def cancel(self, handle: str) -> None:
        """Do nothing: the service has no way to stop a job."""

    def check(self) -> str:
        """Ask how many credits are left, which costs none."""
        answer = self._http.look(f"{self._http.base_url}/v1/credits")
        if not answer.ok:
            raise self._failure(answer)
        return proof_by_credits(answer, base_url=self._http.base_url)

    def close(self) -> None:
        self._http.close()

    def _fields_of(self, request: ImageRequest) -> dict[str, Any]:
        """Return the body; what rewrites the prompt or searches the web unasked is turned off where that is known."""
        fields = {**self._quiet(request.model), **request.parameters, "prompt": request.combined_prompt}
        if request.seed is not None and self._lookup(request.model).seed:
            fields["seed"] = request.seed
        pictures = [to_base64(image) for image in request.inputs]
        if _is_third(request.model):
            return {**fields, **({"images": pictures} if pictures else {})}
        names = ["input_image", *(f"input_image_{number}" for number in range(2, len(pictures) + 1))]
        return {**fields, **dict(zip(names, pictures, strict=False))}

    def _quiet(self, model: str) -> dict[str, Any]:
        known = self._lookup(model).parameters or {}
        return {name: False for name in ("prompt_upsampling", "grounding") if name in known}

    def _job(self, request: ImageRequest, answer: Answer) -> Job:
        body = answer.decoded()
        url = body.get("polling_url")
        if not isinstance(url, str):
            raise ProviderFailed("The answer names no address to ask about the job.", kind="bad_answer")
        usage = {name: body[name] for name in ("cost", "input_mp", "output_mp") if body.get(name) is not None}
        about = {
            "usage": usage or None,
            "cost_usd": unit_cost(usage.get("cost"), self._lookup(request.model).price),
            "request_id": str(body.get("id") or "") or None,
            "effective_parameters": {**self._quiet(request.model), **request.note_of_combining},
        }
        return Job(url=url, about=self._http.clean(about))

    def _result(self, job: Job, *, seconds: float) -> ImageResult:
        looks = 0

        def read(answer: Answer) -> dict[str, Any] | None:
            nonlocal looks
            looks += 1
            return self._ready(answer, racing=seconds > 0 and looks <= _RACING_LOOKS)

        with accepted_job(request_id=job.about.get("request_id")):
            result = wait_for(lambda: self._http.look(job.url), read, provider=NAME, seconds=seconds)
            image = self._http.fetched(str(result.get("sample") or ""))
        about = dict(job.about)
        effective = {**about.pop("effective_parameters", {}), **_told(result)}
        return ImageResult(images=(image,), effective_parameters=effective, http_status=200, **about)

    def _ready(self, answer: Answer, *, racing: bool) -> dict[str, Any] | None:
        """Return the result of a job that is ready, None for one that is not; raises what any other end means."""
        body = json_of(answer)
        body = self._http.clean(body) if isinstance(body, dict) else {}
        status, result = body.get("status"), body.get("result")
        about: dict[str, Any] = {"http_status": answer.status, "details": _details(body)}
        if status == "Ready":
            return result if isinstance(result, dict) else {}
        if status in _REFUSALS:
            reasons = ", ".join(map(str, about["details"].get("categories", []))) or "it gives no reason"
            raise Refused(f"The service moderated the {_REFUSALS[status]}: {reasons}.", kind="content_policy", **about)
        if status in _FAILURES:
            raise ProviderFailed(f"The job ended with the status {status!r}.", kind="job_failed", **about)
        if (answer.ok and status != _NOT_FOUND) or racing:
            return None
        said = self._http.clean(detail_of(answer)) or status or f"HTTP {answer.status}"
        raise OutcomeUnknown(f"The service cannot say what became of the job: {said}.", kind="no_handle", **about)

    def _failure(self, answer: Answer) -> ProviderError:
        """Return the error that an answer without success means; a key is refused with a 403, or a 401."""
        message = detail_of(answer)
        kind = {401: "auth", 402: "quota", 403: "auth"}.get(answer.status)
        return self._http.failure(answer, Complaint(message=message, kind=kind), request_id=None)


def _is_third(model: str) -> bool:
    """Say whether the model is of FLUX 3, which takes a list of images."""
    return model.startswith("flux-3")


def _details(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a job's answer says of why, with the service's own reasons under `categories`."""
    found = body.get("details")
    details = dict(found) if isinstance(found, dict) else {}
    reasons = details.get("Moderation Reasons")
    return {**details, "categories": reasons} if isinstance(reasons, list) else details


def _told(result: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters that the service reports: the seed, and the prompt that it has really used."""
    return {name: result[name] for name in ("seed", "prompt") if isinstance(result.get(name), str | int)}


PROVIDER = ProviderSpec(
    name=NAME,
    summary="Black Forest Labs' FLUX models",
    default_model=_DEFAULT_MODEL,
    key_variable="BFL_API_KEY",
    base_url_variable="BFL_BASE_URL",
    keys="https://dashboard.bfl.ai",
    build=BflProvider,
)
