"""fal's queue on loopback, as its own client and its documentation describe it: submit, status, result, cancel.

`python -m tests.vendors.fal` serves by hand: set PROMPTLAB_FAL_BASE_URL to what it prints and FAL_KEY to any text.
A prompt with the word `gore` is refused, one with `nude` comes back blurred.
"""

import math
import re
from collections.abc import Sequence
from typing import Any

from PIL import UnidentifiedImageError
from tests.loopback import JobService, Rejected, Reply, json_error, main, painted
from tests.openai_requests import Request
from tests.vendors import KEY, Vendor

from promptlab.adapters.ai.encoding import from_data_url, to_data_url
from promptlab.adapters.ai.protocol import InputImage

_FLUX = {"prompt", "seed", "image_size", "output_format", "sync_mode", "enable_safety_checker"}
_FLUX_2 = _FLUX | {"num_images", "guidance_scale", "num_inference_steps", "acceleration", "enable_prompt_expansion"}
_BANANA = {
    "prompt", "num_images", "seed", "aspect_ratio", "output_format", "safety_tolerance", "sync_mode", "resolution",
    "limit_generations", "enable_web_search",
}  # fmt: skip
_FIELDS = {
    "fal-ai/flux-2": _FLUX_2,
    "fal-ai/flux-2/edit": _FLUX_2 | {"image_urls"},
    "fal-ai/flux-2-pro": _FLUX | {"safety_tolerance"},
    "fal-ai/flux-2-pro/edit": _FLUX | {"safety_tolerance", "image_urls"},
    "fal-ai/flux/dev": _FLUX_2 - {"enable_prompt_expansion"},
    "fal-ai/flux/dev/image-to-image": (_FLUX_2 - {"enable_prompt_expansion", "image_size"}) | {"image_url", "strength"},
    # Two that promptlab does not know:
    "fal-ai/tomorrow/edit": _FLUX_2 | {"image_urls", "safety_tolerance"},
    "fal-ai/tomorrow/image-to-image": _FLUX_2 | {"image_url"},
    "fal-ai/nano-banana-pro": _BANANA,
    "fal-ai/nano-banana-pro/edit": _BANANA | {"image_urls"},
}
_SIZES = {"square_hd": (1024, 1024), "square": (512, 512), "landscape_4_3": (1024, 768), "portrait_4_3": (768, 1024)}
_REQUEST = re.compile(r"/(?P<app>[\w-]+/[\w.-]+)/requests/(?P<name>[\w-]+)(?P<what>/status|/cancel)?")
_OFFENSIVE, _BLURRED = "gore", "nude"


class FalService(JobService):
    name = "fal"

    def kind(self, request: Request) -> str:
        found = _REQUEST.fullmatch(request.path)
        if found is None:
            return "images"
        if not found["name"].startswith("job-"):
            return "check"
        return {"/status": "look", "/cancel": "cancel", None: "result"}[found["what"]]

    def answer(self, kind: str, request: Request, number: int) -> Reply:
        self._require_key(request)
        if kind == "images":
            return self._submit(request)
        found = _REQUEST.fullmatch(request.path)
        name = found["name"] if found else ""
        if kind == "look":
            return self._status(name)
        if kind == "cancel":
            return self._cancel(request, name)
        return self._result(name) if kind == "result" else _not_found()

    def _require_key(self, request: Request) -> None:
        if not request.headers.get("authorization", "").startswith("Key "):
            raise Rejected(Reply(body={"detail": "Authentication is required to access this application."}, status=401))

    def _submit(self, request: Request) -> Reply:
        """Take whatever a known application is sent: what is wrong with it shows in the result."""
        model = request.path.strip("/")
        if request.method != "POST" or model not in _FIELDS:
            raise Rejected(Reply(body={"detail": f"Application '{model}' not found"}, status=404))
        name = self.take_job(request)
        url = f"{self.base_url}/{'/'.join(model.split('/')[:2])}/requests/{name}"
        urls = {"response_url": url, "status_url": f"{url}/status", "cancel_url": f"{url}/cancel"}
        return Reply(body={"status": "IN_QUEUE", "request_id": name, "queue_position": 0, "logs": None, **urls})

    def _status(self, name: str) -> Reply:
        try:
            ended = self.look_at(name) is not None
        except KeyError:
            return _not_found()
        if name in self.cancelled:
            about = {"error": "Request was cancelled", "error_type": "client_cancelled"}
            return Reply(body={"status": "COMPLETED", "request_id": name, "logs": None, "metrics": {}, **about})
        if not ended:
            return Reply(body={"status": "IN_PROGRESS", "request_id": name, "logs": None}, status=202)
        return Reply(body={"status": "COMPLETED", "request_id": name, "logs": None, "metrics": {"inference_time": 2.5}})

    def _cancel(self, request: Request, name: str) -> Reply:
        if request.method != "PUT":
            return Reply(body={"detail": "Method Not Allowed"}, status=405)
        if name not in self._jobs:
            return Reply(body={"status": "NOT_FOUND"}, status=404)
        self.cancelled.append(name)
        return Reply(body={"status": "CANCELLATION_REQUESTED"}, status=202)

    def _result(self, name: str) -> Reply:
        """Replay what the model has answered: status, headers and body."""
        if name not in self._jobs:
            return _not_found()
        request, end = self._jobs[name]
        if name in self.cancelled:
            end = request_error(499, "Request was cancelled", "client_cancelled")
        try:
            reply = end or self._model(name, request)
        except Rejected as error:
            reply = error.reply
        return Reply(body=reply.body, status=reply.status, headers={**reply.headers, "x-fal-request-id": name})

    def _model(self, name: str, request: Request) -> Reply:
        model, fields = request.path.strip("/"), request.fields
        _require_valid(model, fields)
        if _OFFENSIVE in fields["prompt"]:
            return moderated()
        seed = fields.get("seed", int(name.removeprefix("job-")) + 1000)
        try:
            images = _painted(fields, seed)
        except (UnidentifiedImageError, ValueError):
            raise _invalid("image_urls", "Could not load the image.", "file_download_error") from None
        width, height = _size(fields)
        links = [self._link(image, fields) for image in images]
        about = {"width": width, "height": height, "content_type": f"image/{fields.get('output_format', 'png')}"}
        result = {
            "images": [{"url": link, **about} for link in links],
            "timings": {"inference": 2.5},
            "seed": seed,
            "has_nsfw_concepts": [_BLURRED in fields["prompt"]] * len(links),
            "prompt": fields["prompt"],
        }
        return Reply(body=result, headers={"x-fal-billable-units": str(_units(fields))})

    def _link(self, image: bytes, fields: Any) -> str:
        kind = f"image/{fields.get('output_format', 'png')}"
        return to_data_url(InputImage(data=image, media_type=kind)) if fields.get("sync_mode") else self.publish(image)


def _require_valid(model: str, fields: Any) -> None:
    unknown = [name for name in fields if name not in _FIELDS[model]]
    if unknown:
        raise _invalid(unknown[0], "Extra inputs are not permitted", "extra_forbidden")
    for name in ("prompt", "image_url", "image_urls"):
        if name in _FIELDS[model] and not fields.get(name):
            raise _invalid(name, "field required", "value_error.missing")
    if not 1 <= fields.get("num_images", 1) <= 4:
        raise _invalid("num_images", "Input should be less than or equal to 4", "less_than_equal")
    size, tolerance = fields.get("image_size", "landscape_4_3"), fields.get("safety_tolerance", "2")
    if not (size in _SIZES if isinstance(size, str) else all(512 <= side <= 2048 for side in size.values())):
        raise _invalid("image_size", "Input should be between 512 and 2048", "value_error")
    if not isinstance(tolerance, str):
        raise _invalid("safety_tolerance", "Input should be '1', '2', '3', '4' or '5'", "enum")


def _size(fields: Any) -> tuple[int, int]:
    size = fields.get("image_size", "landscape_4_3")
    return _SIZES[size] if isinstance(size, str) else (size["width"], size["height"])


def _units(fields: Any) -> int:
    """Megapixels that are begun, of the images and of the inputs."""
    inputs = len(fields.get("image_urls", [])) + ("image_url" in fields)
    return int(fields.get("num_images", 1)) * math.ceil(math.prod(_size(fields)) / 1_000_000) + inputs


def _painted(fields: Any, seed: int) -> Sequence[bytes]:
    urls = [*fields.get("image_urls", []), *([fields["image_url"]] if "image_url" in fields else [])]
    inputs = [from_data_url(url) for url in urls]
    form = fields.get("output_format", "png").upper()
    count = fields.get("num_images", 1)
    return [
        painted(fields["prompt"], size=_size(fields), seed=(seed, number), inputs=inputs, form=form)
        for number in range(count)
    ]


def _not_found() -> Reply:
    return Reply(body={"detail": "Request not found"}, status=404)


def _invalid(field: str, message: str, kind: str) -> Rejected:
    return Rejected(model_error(field, message, kind))


def model_error(field: str, message: str, kind: str, *, status: int = 422, **headers: str) -> Reply:
    """What a model answers to what it does not take; it repeats the input."""
    entry = {"loc": ["body", field], "msg": message, "type": kind, "input": "what was sent", "url": "https://docs"}
    spelled = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(body={"detail": [entry]}, status=status, headers=spelled)


def request_error(status: int, message: str, error_type: str, **headers: str) -> Reply:
    """What fal answers where it could not get an answer from the model."""
    spelled = {name.replace("_", "-"): value for name, value in headers.items()}
    body = {"detail": message, "error_type": error_type}
    return Reply(body=body, status=status, headers={"x-fal-error-type": error_type, **spelled})


def moderated() -> Reply:
    message = "The content could not be processed because it contained material flagged by a content checker."
    return model_error("prompt", message, "content_policy_violation")


def blurred(*flags: bool, urls: Sequence[str] = ()) -> Reply:
    """A result whose safety checker has blurred those images."""
    images = [{"url": url} for url in urls or ["https://nowhere.invalid/black.png"] * len(flags)]
    body = {"images": images, "has_nsfw_concepts": list(flags), "seed": 7, "prompt": "p"}
    return Reply(body=body, headers={"x-fal-billable-units": "1"})


VENDOR = Vendor(
    name="fal",
    service=FalService,
    environment=lambda url: {"PROMPTLAB_FAL_BASE_URL": url, "FAL_KEY": KEY},
    model="fal-ai/flux-2",
    parameters={"image_size": "640x512", "output_format": "png"},
    impossible={"image_size": "13x13"},
    size=(640, 512),
    reported={"prompt": "a harbour"},
    cost_usd=0.012,
    refusals={
        "violation": lambda service: service.end_with(moderated()),
        "blurred": lambda service: service.end_with(blurred(True)),
        "all blurred": lambda service: service.end_with(blurred(True, True)),
    },
    throttled=json_error(429, {"detail": "Too many requests, {key}"}, retry_after="7"),
    throttled_seconds=7,
    key_refused=json_error(401, {"detail": "No user found for Key ID and Secret: {key}"}),
    failing=json_error(403, {"detail": "User is locked. Reason: Exhausted balance. Top up your balance, {key}."}),
    cancels=True,
)

if __name__ == "__main__":
    main(FalService)
