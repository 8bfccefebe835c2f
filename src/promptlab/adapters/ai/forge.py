"""AUTOMATIC1111 and Forge: Stable Diffusion and FLUX on a machine of one's own, over `/sdapi/v1`."""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from promptlab.adapters.ai.capabilities import Capabilities
from promptlab.adapters.ai.error_bodies import detail_of, json_of
from promptlab.adapters.ai.forge_wire import CURRENT, checkpoints_of, fields_of, read_answer
from promptlab.adapters.ai.http import HttpClient
from promptlab.adapters.ai.http_errors import Answer, Complaint
from promptlab.adapters.ai.jobs import accepted_job
from promptlab.adapters.ai.protocol import (
    ImageRequest,
    ImageResult,
    OutcomeUnknown,
    ProviderError,
    ProviderFailed,
    ProviderUnavailable,
)
from promptlab.adapters.ai.registry import ProviderSpec
from promptlab.errors import nearest
from promptlab.settings import ProviderSettings

NAME = "forge"
KEY_VARIABLE = "FORGE_API_AUTH"

_ROOT = "/sdapi/v1"
_FEW = 10
_LOADED = "The checkpoint that the server has loaded"


@dataclass(frozen=True, kw_only=True)
class CheckpointCapabilities(Capabilities):
    """What a checkpoint takes. Variations of one seed have subseeds in a row instead (modules/processing.py)."""

    def for_parameters(self, parameters: Mapping[str, Any]) -> Capabilities:
        return replace(self, seed_per_image=self.seed_per_image and not parameters.get("subseed_strength"))


class ForgeProvider:
    """Asks for images and gets them in the answer: the server names no job, and makes one request after the other."""

    name = NAME

    def __init__(self, settings: ProviderSettings, lookup: Callable[[str], Capabilities]) -> None:
        key = settings.key
        base_url = (settings.base_url or "").rstrip("/").removesuffix(_ROOT)
        self._http = HttpClient(
            NAME,
            f"{base_url}{_ROOT}",
            settings,
            secret_headers={"authorization": f"Basic {base64.b64encode(key.encode()).decode()}"} if key else {},
            secrets=(key, key.partition(":")[2]),
        )
        self._lookup = lookup

    def capabilities(self, model: str) -> Capabilities:
        """Say what the server takes: every model is a checkpoint of its owner's, and all take the same."""
        found = self._lookup(model)
        found = found if found.known else self._lookup(CURRENT)
        called = _LOADED if model == CURRENT else None
        return CheckpointCapabilities(**vars(replace(found, system_prompt=False, called=called)))

    def generate(self, request: ImageRequest, *, accepted: Callable[[str], None]) -> ImageResult:  # noqa: ARG002
        """Ask and wait; nothing is named that could be asked for again, so `accepted` is never called."""
        checkpoint = self._checkpoint(request.model)
        fields = fields_of(request, self.capabilities(request.model).names)
        answer = self._http.post("/img2img" if request.inputs else "/txt2img", json=fields)
        if not answer.ok:
            raise self._failure(answer)
        with accepted_job(request_id=None):
            found = read_answer(answer.decoded(), fields)
        effective = self._http.clean({**found.effective_parameters, **request.note_of_combining})
        return ImageResult(
            images=found.images,
            effective_parameters=effective,
            http_status=answer.status,
            warnings=(*self._http.clean(list(found.warnings)), *_other_checkpoint(checkpoint, effective)),
        )

    def resume(self, handle: str, *, seconds: float | None = None) -> ImageResult:  # noqa: ARG002 - nothing runs
        raise OutcomeUnknown("The server names no job that could be asked about.", kind="no_handle")

    def cancel(self, handle: str) -> None:
        """Do nothing: the server can only be told to stop whatever it works on, which may be somebody else's."""

    def check(self) -> str:
        """Ask for the server's options, which say what is loaded."""
        answer = self._http.look(f"{self._http.base_url}/options")
        if not answer.ok:
            raise self._failure(answer)
        options, host = json_of(answer), urlsplit(self._http.base_url).netloc
        if not isinstance(options, dict) or "sd_model_checkpoint" not in options:
            return f"{host} answers, but names no checkpoint: that proves the network, not that it makes images."
        loaded = " ".join(str(options["sd_model_checkpoint"] or "none").split())
        return self._http.clean(f"{host} answers; its checkpoint is {loaded}.")

    def close(self) -> None:
        self._http.close()

    def _checkpoint(self, model: str) -> str | None:
        """Return how answers name the checkpoint, None where whichever is loaded will do or no list tells.

        The server would pass over a checkpoint that it does not have, and make images with another.

        Raises:
            ProviderUnavailable: the server could not be asked for its list.
            ProviderFailed: the checkpoint is not on that.
        """
        if model == CURRENT:
            return None
        try:
            answer = self._http.look(f"{self._http.base_url}/sd-models")
        except OutcomeUnknown as error:
            raise ProviderUnavailable(error.message, kind=error.kind) from error
        if answer.status in {401, 403}:
            raise self._failure(answer)
        known = list(checkpoints_of(json_of(answer)))
        found = next((short for short, names in known if model in names), None)
        if found is None and known:
            message = f"The server has no checkpoint {model!r}.{_those_of([short for short, _names in known], model)}"
            raise ProviderFailed(self._http.clean(message), kind="not_found")
        return found

    def _failure(self, answer: Answer) -> ProviderError:
        return self._http.failure(answer, _complaint(answer), request_id=None)


def _complaint(answer: Answer) -> Complaint:
    """Return what an error means.

    With a status of 500 and an explanation of its own, such as "Invalid encoded image", the server refuses a request,
    and would refuse it again; and so it is with an image that does not fit into its memory.
    """
    body = json_of(answer)
    about = body if isinstance(body, dict) else {}
    said = detail_of(answer) or ": ".join(str(about[name]) for name in ("error", "errors") if about.get(name))
    if answer.status == 401:
        return Complaint(message=said, kind="auth")
    if answer.status == 404 and about.get("detail") == "Not Found":
        return Complaint(message="There is no /sdapi/v1 at this address: the server must be started with --api.")
    if answer.status == 500 and "memory" in said.lower():
        return Complaint(message=said, kind="out_of_memory", terminal=True)
    refuses = answer.status == 500 and bool(about.get("detail"))
    return Complaint(message=said, kind="bad_request" if refuses else None, terminal=refuses)


def _those_of(checkpoints: list[str], wanted: str) -> str:
    """Return the nearest name there is, and the first of all."""
    more = f" and {len(checkpoints) - _FEW} more" if len(checkpoints) > _FEW else ""
    return f"{nearest(wanted, checkpoints)} It has {', '.join(sorted(checkpoints)[:_FEW])}{more}."


def _other_checkpoint(asked: str | None, effective: Mapping[str, Any]) -> list[str]:
    """Return a warning where the answer names another checkpoint than the one that was asked for."""
    used = effective.get("sd_model_name")
    if asked is None or not isinstance(used, str) or used == asked:
        return []
    return [f"The server used the checkpoint {used}, not {asked}."]


PROVIDER = ProviderSpec(
    name=NAME,
    summary="AUTOMATIC1111 or Forge on your own machine: the model is a checkpoint",
    default_model=CURRENT,
    key_variable=KEY_VARIABLE,
    credentials_advice=f"Set {KEY_VARIABLE} to a USER:PASSWORD of the server's option --api-auth.",
    key_needed=False,
    base_url_variable="FORGE_BASE_URL",
    base_url_example="http://127.0.0.1:7860",
    concurrency=1,
    build=ForgeProvider,
)
