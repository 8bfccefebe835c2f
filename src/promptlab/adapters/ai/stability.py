"""Stability AI: Stable Image Ultra and Core, Stable Diffusion 3.5; the answer to a request is its image."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from promptlab.adapters.ai.capabilities import Capabilities
from promptlab.adapters.ai.catalogue import read_catalogue
from promptlab.adapters.ai.credits import proof_by_credits
from promptlab.adapters.ai.encoding import from_base64
from promptlab.adapters.ai.forms import FormParts, form_parts
from promptlab.adapters.ai.http import HttpClient
from promptlab.adapters.ai.http_errors import Answer
from promptlab.adapters.ai.protocol import (
    ImageRequest,
    ImageResult,
    OutcomeUnknown,
    ProviderError,
    ProviderFailed,
    Refused,
)
from promptlab.adapters.ai.registry import ProviderSpec
from promptlab.adapters.ai.stability_errors import complaint_of, request_id_of, with_hint
from promptlab.settings import ProviderSettings

NAME = "stability"
BASE_URL = "https://api.stability.ai"

_DEFAULT_MODEL = read_catalogue().default_model(NAME)
_DIFFUSION = "sd3"
"""What the names of the models begin with that share an address, which this is too."""

_STRENGTH = 0.7
"""How much of an input image is changed where nobody says; the service wants a figure and has none of its own."""

_SUCCESS, _FILTERED = "SUCCESS", "CONTENT_FILTERED"


class StabilityProvider:
    """Asks for one image and waits for it in the same request, which is always a multipart form."""

    name = NAME

    def __init__(self, settings: ProviderSettings, lookup: Callable[[str], Capabilities]) -> None:
        key = settings.key
        headers = {"authorization": f"Bearer {key}"}
        self._http = HttpClient(NAME, settings.base_url or BASE_URL, settings, secret_headers=headers)
        self._lookup = lookup

    def capabilities(self, model: str) -> Capabilities:
        """Say what the model takes; the service makes one image a request, and takes the seed 0 for none."""
        return replace(self._lookup(model), system_prompt=False, mask=False, max_count=1, min_seed=1)

    def generate(self, request: ImageRequest, *, accepted: Callable[[str], None]) -> ImageResult:  # noqa: ARG002
        """Ask, and wait; there is nothing to ask for again, so `accepted` is never called."""
        answer = self._http.post(_path(request.model), headers={"accept": "image/*"}, files=self._form(request))
        if not answer.ok:
            raise self._failure(answer)
        try:
            return self._result(request, answer)
        except ProviderError as error:
            error.http_status, error.request_id = answer.status, self._http.clean(request_id_of(answer))
            error.may_be_billed = True  # also what is blurred: the service calls that a successful generation
            raise

    def resume(self, handle: str, *, seconds: float | None = None) -> ImageResult:  # noqa: ARG002 - nothing runs
        raise OutcomeUnknown("The service keeps no images that could be asked for again.", kind="no_handle")

    def cancel(self, handle: str) -> None:
        """Do nothing: there are no jobs."""

    def check(self) -> str:
        """Ask how many credits are left, which costs none."""
        answer = self._http.look(f"{self._http.base_url}/v1/user/balance")
        if not answer.ok:
            raise self._failure(answer)
        return proof_by_credits(answer, base_url=self._http.base_url)

    def close(self) -> None:
        self._http.close()

    def _form(self, request: ImageRequest) -> FormParts:
        fields = {**request.parameters, "prompt": request.combined_prompt}
        if request.seed is not None and self._lookup(request.model).seed:
            fields["seed"] = request.seed
        if _is_diffusion(request.model):
            fields["model"] = request.model
            fields["mode"] = "image-to-image" if request.inputs else "text-to-image"
        files = [("image", ("image", image.data, image.media_type)) for image in request.inputs]
        return [*form_parts({**_assumed(request), **fields}), *files]

    def _result(self, request: ImageRequest, answer: Answer) -> ImageResult:
        raw = answer.headers.get("content-type", "").startswith("image/")
        said = answer.headers if raw else answer.decoded()
        reason = said.get("finish-reason" if raw else "finish_reason") or _SUCCESS
        _require_success(self._http.clean(str(reason)))
        return ImageResult(
            images=(answer.body if raw else _decoded(said.get("image")),),
            effective_parameters={**_assumed(request), **request.note_of_combining, **_seed(said.get("seed"))},
            request_id=self._http.clean(request_id_of(answer)),
            http_status=answer.status,
        )

    def _failure(self, answer: Answer) -> ProviderError:
        return self._http.failure(with_hint(answer), complaint_of(answer), request_id=request_id_of(answer))


def _is_diffusion(model: str) -> bool:
    return model.startswith(_DIFFUSION)


def _path(model: str) -> str:
    return f"/v2beta/stable-image/generate/{_DIFFUSION if _is_diffusion(model) else quote(model, safe='')}"


def _assumed(request: ImageRequest) -> dict[str, Any]:
    """Return what the service demands and nobody has said."""
    return {"strength": _STRENGTH} if request.inputs and "strength" not in request.parameters else {}


def _require_success(reason: str) -> None:
    if reason == _FILTERED:
        message = "The service blurred the image, because it is against its content policy."
        raise Refused(message, kind="content_policy", details={"finish_reason": reason, "categories": [reason]})
    if reason != _SUCCESS:
        raise ProviderFailed(f"The service ended with {reason[:100]!r}.", kind="bad_answer")


def _decoded(image: object) -> bytes:
    try:
        return from_base64(image if isinstance(image, str) and image else "*")
    except ValueError:
        raise ProviderFailed("The answer holds no image.", kind="bad_answer") from None


def _seed(value: object) -> dict[str, int]:
    """Return the seed that was really used, a number or a text that is one."""
    text = str(value)
    return {"seed": int(text)} if text.isascii() and text.isdecimal() and len(text) < 20 else {}


PROVIDER = ProviderSpec(
    name=NAME,
    summary="Stability AI's Stable Image and Stable Diffusion models",
    default_model=_DEFAULT_MODEL,
    key_variable="STABILITY_API_KEY",
    keys="https://platform.stability.ai/account/keys",
    build=StabilityProvider,
)
