"""How Azure and the compatible servers differ from OpenAI's own service, in paths, parameters, answers and errors.

Read in the sources of mudler/LocalAI, sgl-project/sglang, vllm-project/vllm-omni and ollama/ollama; LiteLLM's proxy and
openai's Azure client were run. See the design's notes on self-hosted servers.
"""

import re
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tests.openai_behaviour import Links
from tests.openai_pictures import quality_of, size_of, usage_of
from tests.openai_requests import Request, WireError, check

ZERO_USAGE = {
    "input_tokens": 0,
    "input_tokens_details": {"image_tokens": 0, "text_tokens": 0},
    "output_tokens": 0,
    "total_tokens": 0,
}


class Dialect:
    """OpenAI's own ways; the others say what is different."""

    root = "/v1"
    """What the base URL ends in."""
    lists: frozenset[str] = frozenset({"/v1/models"})
    """The paths of the list of models."""
    listed: tuple[str, ...] = ("gpt-image-2.6-sunburst", "gpt-image-2")
    needs_key = True

    def understood(self, request: Request) -> Request:
        """Return the request as it is carried out; raises WireError for one that is refused."""
        self.require_key(request)
        if request.path not in {f"{self.root}/images/generations", f"{self.root}/images/edits"}:
            raise WireError(f"Invalid URL (POST {request.path})", code="unknown_url", status=404)
        check(request)
        return request

    def require_key(self, request: Request) -> None:
        if self.needs_key and request.key is None:
            raise WireError("You didn't provide an API key.", code="missing_api_key", status=401)

    def count(self, request: Request) -> int:
        return int(request.fields.get("n", 1))

    def links(self, _request: Request) -> Links | None:
        """Return where images are linked to; None where they are in the answer."""
        return None

    def file_path(self, number: int) -> str:
        return f"/files/{number}.png"

    def answer(self, request: Request, items: list[dict[str, str]]) -> dict[str, Any]:
        return {
            "created": int(time.time()),
            "background": "transparent" if request.fields.get("background") == "transparent" else "opaque",
            "output_format": request.fields.get("output_format", "png"),
            "quality": quality_of(request.fields),
            "size": size_of(request.fields),
            "data": items,
            "usage": usage_of(request, len(items)),
        }

    def complaint(self, error: WireError) -> tuple[int, object]:
        """Return the status and the body, JSON or text, for what the request is refused with."""
        return error.status, error.body

    def models(self, request: Request) -> dict[str, Any]:
        self.require_key(request)
        return {"object": "list", "data": [self.model(name) for name in self.listed]}

    def model(self, name: str) -> dict[str, Any]:
        return {"id": name, "object": "model", "created": 1, "owned_by": "somebody", "shutdown_date": None}


class Azure(Dialect):
    """Both surfaces; the key is in a header of its own, and models are deployments."""

    root = ""
    lists = frozenset({"/openai/v1/models", "/openai/models"})
    deployments: Mapping[str, str] = {"pictures": "gpt-image-2", "pictures / mini": "gpt-image-2"}
    _v1 = re.compile(r"/openai/v1/images/(generations|edits)")
    _older = re.compile(r"/openai/deployments/([^/]+)/images/(generations|edits)")

    def understood(self, request: Request) -> Request:
        self.require_key(request)
        older = self._older.fullmatch(request.path)
        if older is None and not self._v1.fullmatch(request.path):
            raise WireError("Resource not found", code="404", status=404)
        if older and not re.fullmatch(r"\d{4}-\d{2}-\d{2}(-preview)?", request.query.get("api-version", "")):
            raise WireError("Resource not found", code="404", status=404)
        model = self.deployments.get(
            older[1].replace("%20", " ").replace("%2F", "/") if older else request.fields["model"]
        )
        if model is None:
            message = "The API deployment for this resource does not exist."
            raise WireError(message, code="DeploymentNotFound", status=404)
        request = replace(request, fields={**request.fields, "model": model})
        check(request)
        return request

    def require_key(self, request: Request) -> None:
        if "api-key" not in request.headers:
            message = "Access denied due to invalid subscription key or wrong API endpoint."
            raise WireError(message, code="401", status=401)


class LiteLLM(Dialect):
    """The proxy before OpenAI: nulls, usage of zero, and the HTTP status in the place of the code."""

    def answer(self, request: Request, items: list[dict[str, str]]) -> dict[str, Any]:
        nulls = {"b64_json": None, "url": None, "revised_prompt": None, "provider_specific_fields": None}
        return {
            "created": int(time.time()),
            "background": None,
            "output_format": None,
            "quality": None,
            "size": None,
            "data": [{**nulls, **item} for item in items],
            "usage": ZERO_USAGE,
        }

    def complaint(self, error: WireError) -> tuple[int, object]:
        said = error.body["error"]
        status = 400 if said["code"] == "model_not_found" else error.status
        about = {"message": f"litellm.BadRequestError: OpenAIException - {said['message']}", "code": str(status)}
        return status, {"error": {**said, "param": str(said["param"]), **about}}


class LocalAI(Dialect):
    """Links unless base64 is asked for; input images in the JSON, and no path for edits; no key unless it is set up."""

    listed = ("flux.1-dev",)
    needs_key = False

    def understood(self, request: Request) -> Request:
        if request.path != "/v1/images/generations":
            raise WireError("Not Found", code="404", status=404)
        for part in request.fields.get("files", []):
            if not isinstance(part, str):
                raise WireError("files must be base64 or URLs", code="500", status=500)
        return replace(request, fields={**request.fields, "size": request.fields.get("size", "512x512")})

    def links(self, request: Request) -> Links | None:
        return None if request.fields.get("response_format") == "b64_json" else Links.ABSOLUTE

    def file_path(self, number: int) -> str:
        return f"/generated-images/b64{number}.png"

    def answer(self, request: Request, items: list[dict[str, str]]) -> dict[str, Any]:
        usage = {"prompt_tokens": 0, "completion_tokens": 0, **ZERO_USAGE}
        return {"created": int(time.time()), "id": "an-id", "data": items, "usage": usage}


class _FastAPI(Dialect):
    """Fields are checked one by one, and what does not fit is a list of details."""

    needs_key = False
    takes: frozenset[str] = frozenset({"model", "prompt", "n", "size", "response_format", "seed", "negative_prompt"})
    most = 10

    def understood(self, request: Request) -> Request:
        if request.path not in {"/v1/images/generations", "/v1/images/edits"}:
            raise WireError("Not Found", code="404", status=404)
        for name in request.fields:
            if name not in self.takes:
                raise WireError("Extra inputs are not permitted", code="extra_forbidden", param=name, status=422)
        if not 1 <= self.count(request) <= self.most:
            message = f"Input should be less than or equal to {self.most}"
            raise WireError(message, code="less_than_equal", param="n", status=422)
        return request

    def complaint(self, error: WireError) -> tuple[int, object]:
        said = error.body["error"]
        if error.status != 422:
            return error.status, {"detail": said["message"]}
        detail = {"type": said["code"], "loc": ["body", said["param"]], "msg": said["message"], "input": None}
        return 422, {"detail": [detail]}


class SGLang(_FastAPI):
    """Relative links unless base64 is asked for, and keys of its own in the answer."""

    listed = ("black-forest-labs/FLUX.2-dev",)
    takes = _FastAPI.takes | {"num_inference_steps", "guidance_scale", "width", "height", "output_format"}

    def links(self, request: Request) -> Links | None:
        return None if request.fields.get("response_format") == "b64_json" else Links.RELATIVE

    def file_path(self, number: int) -> str:
        return f"/v1/images/{number}/content"

    def answer(self, request: Request, items: list[dict[str, str]]) -> dict[str, Any]:
        more = {"revised_prompt": request.fields["prompt"], "file_path": "outputs/1.png"}
        found = [{"b64_json": None, "url": None, **item, **more} for item in items]
        return {"id": "an-id", "created": int(time.time()), "data": found, "inference_time_s": 1.5}


class VLLMOmni(_FastAPI):
    """Base64 only, and a field for the system prompt."""

    listed = ("Qwen/Qwen-Image",)
    takes = _FastAPI.takes | {"system_prompt", "use_system_prompt", "num_inference_steps"}

    def answer(self, _request: Request, items: list[dict[str, str]]) -> dict[str, Any]:
        return {"created": int(time.time()), "data": [{**item, "url": None, "revised_prompt": None} for item in items]}


class Ollama(Dialect):
    """One image, whatever `n` says; edits are JSON, so that a form is no JSON to it."""

    listed = ("x/flux2-klein",)
    needs_key = False

    def understood(self, request: Request) -> Request:
        if not request.path.startswith("/v1/images/"):
            raise WireError("404 page not found", code="404", status=404)
        if request.headers.get("content-type") != "application/json":
            raise WireError("invalid character '-' in numeric literal", code="400")
        if request.fields["model"] not in self.listed:
            raise WireError(f"model '{request.fields['model']}' not found", code="404", status=404)
        return request

    def count(self, _request: Request) -> int:
        return 1

    def answer(self, _request: Request, items: list[dict[str, str]]) -> dict[str, Any]:
        return {"created": int(time.time()), "data": items}

    def complaint(self, error: WireError) -> tuple[int, object]:
        said = error.body["error"]["message"]
        if said == "404 page not found":
            return 404, said
        kind = "not_found_error" if error.status == 404 else "invalid_request_error"
        return error.status, {"error": {"message": said, "type": kind, "param": None, "code": None}}


OPENAI = Dialect()
AZURE = Azure()
LITELLM, LOCALAI, SGLANG, VLLM_OMNI, OLLAMA = LiteLLM(), LocalAI(), SGLang(), VLLMOmni(), Ollama()
DIALECTS = {
    "openai": OPENAI,
    "azure": AZURE,
    "litellm": LITELLM,
    "localai": LOCALAI,
    "sglang": SGLANG,
    "vllm-omni": VLLM_OMNI,
    "ollama": OLLAMA,
}
