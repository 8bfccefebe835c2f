"""ComfyUI: workflows of nodes, run by a server of one's own."""

import hashlib
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

from promptlab.adapters.ai.capabilities import Capabilities
from promptlab.adapters.ai.catalogue import read_catalogue
from promptlab.adapters.ai.comfyui_answers import categories, complaints
from promptlab.adapters.ai.comfyui_queue import ComfyuiQueue, name_of
from promptlab.adapters.ai.comfyui_workflow import PARAMETER, Workflow, WorkflowCapabilities
from promptlab.adapters.ai.http import HttpClient
from promptlab.adapters.ai.http_errors import Answer
from promptlab.adapters.ai.jobs import Job, accepted_job
from promptlab.adapters.ai.protocol import (
    ImageRequest,
    ImageResult,
    InputImage,
    OutcomeUnknown,
    ProviderError,
    ProviderFailed,
    ProviderUnavailable,
)
from promptlab.adapters.ai.registry import ProviderSpec
from promptlab.errors import InvalidInput
from promptlab.settings import ProviderSettings

NAME = "comfyui"
BASE_URL = "http://127.0.0.1:8188"

_DEFAULT_MODEL = read_catalogue().default_model(NAME) or ""
_FOLDER = "promptlab"
_SEED_BITS = 32
"""KSampler takes seeds of 64 bits, some other nodes no more than these."""


class ComfyuiProvider:
    """Fills a workflow, puts it into the server's queue, and fetches the images that its history names."""

    name = NAME

    def __init__(self, settings: ProviderSettings, lookup: Callable[[str], Capabilities]) -> None:
        key = settings.key
        headers = {"authorization": f"Bearer {key}"} if key else {}
        self._http = HttpClient(NAME, settings.base_url or BASE_URL, settings, secret_headers=headers)
        self._queue = ComfyuiQueue(self._http, provider=NAME)
        self._lookup = lookup

    def capabilities(self, model: str) -> Capabilities:
        """Say what holds for every workflow; `for_parameters` of it says what the one in a request takes."""
        named = None if model == _DEFAULT_MODEL else model
        return WorkflowCapabilities(**vars(self._lookup(model)), model=named, any_workflow=self._lookup(_DEFAULT_MODEL))

    def generate(self, request: ImageRequest, *, accepted: Callable[[str], None]) -> ImageResult:
        seed = random.getrandbits(_SEED_BITS) if request.seed is None else request.seed
        try:
            workflow = Workflow.of(request.parameters.get(PARAMETER))
            graph = workflow.filled({**self._values(request, workflow), "seed": seed})
        except InvalidInput as error:
            raise ProviderFailed(error.message, kind="bad_request") from error
        answer = self._http.post("/prompt", json={"prompt": graph})
        if not answer.ok:
            raise self._queue.failure(answer)
        about = self._about(request, workflow, seed)
        with _accepted(about):
            job = self._job(answer, about)
        accepted(job.handle)
        return self._result(job, seconds=self._http.timeout)

    def resume(self, handle: str, *, seconds: float | None = None) -> ImageResult:
        return self._result(Job.of(handle), seconds=self._http.patience(seconds))

    def cancel(self, handle: str) -> None:
        self._queue.cancel(Job.of(handle))

    def check(self) -> str:
        """Ask what the server runs on, which starts nothing."""
        answer = self._http.look(self._queue.url("/system_stats"))
        if not answer.ok:
            raise self._queue.failure(answer)
        body, host = answer.decoded(), urlsplit(self._http.base_url).netloc
        system, devices = body.get("system"), body.get("devices")
        if not isinstance(system, Mapping):
            raise ProviderFailed(f"{host} answers, but not as ComfyUI does.", kind="not_found")
        listed = devices if isinstance(devices, list) else []
        names = [str(each.get("name")) for each in listed if isinstance(each, Mapping)]
        version = system.get("comfyui_version") or "of an unknown version"
        return f"{host} runs ComfyUI {self._http.clean(str(version))} on {self._http.clean(', '.join(names)) or '?'}."

    def close(self) -> None:
        self._http.close()

    def _values(self, request: ImageRequest, workflow: Workflow) -> dict[str, Any]:
        """Return what fills the placeholders but for the seed; the input images are uploaded for that."""
        given = {name: value for name, value in request.parameters.items() if name != PARAMETER}
        images = {f"input_{number}": self._uploaded(image) for number, image in enumerate(request.inputs, start=1)}
        return {
            **given,
            **images,
            "prompt": request.user_prompt if workflow.separates_system_prompt else request.combined_prompt,
            "system_prompt": request.system_prompt or "",
            "count": request.count,
            "model": request.model,
        }

    def _uploaded(self, image: InputImage) -> str:
        """Upload an image under a name that follows from its content; return what a LoadImage node calls it."""
        name = f"{hashlib.sha256(image.data).hexdigest()[:32]}.{image.media_type.rpartition('/')[2]}"
        form: dict[str, Any] = {
            "files": {"image": (name, image.data, image.media_type)},
            "data": {"subfolder": _FOLDER, "type": "input"},
        }
        try:
            answer = self._http.post("/upload/image", **form)
            if not answer.ok:
                raise self._queue.failure(answer)
        except OutcomeUnknown as error:  # whatever became of the upload: nothing is in the queue yet
            raise ProviderUnavailable(error.message, kind=error.kind, http_status=error.http_status) from error
        found = answer.decoded()
        parts = (found.get("subfolder"), found.get("name") or name)
        return "/".join(part for part in parts if isinstance(part, str) and part)

    def _about(self, request: ImageRequest, workflow: Workflow, seed: int) -> dict[str, Any]:
        """Return what the result of a job needs to know of its request."""
        known = self._lookup(request.model)
        price = (known if known.known else self._lookup(_DEFAULT_MODEL)).price
        note = {} if workflow.separates_system_prompt else request.note_of_combining
        seeds = {"seed": seed} if "seed" in workflow.placeholders else {}
        return {"per_image": price.per_image, "effective_parameters": {**seeds, **note}}

    def _job(self, answer: Answer, about: Mapping[str, Any]) -> Job:
        """Return the job that was accepted. One of which only some outputs can be made is cancelled, and a failure."""
        body = self._http.clean(answer.decoded())
        name = body.get("prompt_id")
        if not isinstance(name, str) or not name:
            raise ProviderFailed("The answer names no job.", kind="bad_answer")
        job = self._queue.job(name, about)
        if body.get("node_errors"):
            with suppress(ProviderError):  # that the job goes on is no matter beside why it is of no use
                self._queue.cancel(job)
            message = f"Only a part of the workflow can run: {complaints(body)}."
            raise ProviderFailed(message, kind="bad_workflow", http_status=answer.status, details=categories(body))
        return job

    def _result(self, job: Job, *, seconds: float) -> ImageResult:
        with _accepted(job.about):
            end = self._queue.wait(job, seconds=seconds)
            if not end.images:
                raise ProviderFailed("The workflow ended without an image: give it a SaveImage node.", kind="no_image")
            images = tuple(map(self._http.fetched, self._queue.image_urls(end)))
        per_image = job.about.get("per_image")
        return ImageResult(
            images=images,
            effective_parameters=job.about.get("effective_parameters", {}),
            cost_usd=None if per_image is None else round(per_image * len(images), 6),
            request_id=name_of(job),
            http_status=200,
            warnings=end.warnings,
        )


@contextmanager
def _accepted(about: Mapping[str, Any]) -> Iterator[None]:
    """Let errors within say that the server has accepted the job, and that this cost nothing where no image does."""
    try:
        with accepted_job(request_id=about.get("request_id")):
            yield
    except ProviderFailed as error:
        error.cost_usd = 0.0 if about.get("per_image") == 0 else None
        raise


PROVIDER = ProviderSpec(
    name=NAME,
    summary=f"ComfyUI workflows, at {BASE_URL} unless told otherwise",
    default_model=_DEFAULT_MODEL,
    key_variable="COMFYUI_API_KEY",
    key_needed=False,
    base_url_variable="COMFYUI_BASE_URL",
    own_server=True,
    concurrency=2,  # it runs one job at a time, and the next one waits in its queue meanwhile
    cancels=True,
    build=ComfyuiProvider,
)
