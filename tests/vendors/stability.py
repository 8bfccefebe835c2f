"""Stability AI on loopback, from the OpenAPI of its platform: forms, moderation, blurred images.

`python -m tests.vendors.stability` serves by hand: set PROMPTLAB_STABILITY_BASE_URL to what it prints and
STABILITY_API_KEY to any text. A prompt with `blur` in it is made and blurred, one with `flagged` is refused at once.
"""

import base64
from collections.abc import Callable
from typing import Any

from PIL import UnidentifiedImageError
from tests.loopback import LoopbackService, Rejected, Reply, json_error, main, painted
from tests.openai_behaviour import Behaviour
from tests.openai_requests import Request
from tests.vendors import KEY, Vendor

_PATH = "/v2beta/stable-image/generate/"
_BALANCE = "/v1/user/balance"
_MAX_BYTES = 10 * 1024 * 1024
_MAX_SEED = 4294967294
_FORMATS = {"png": "PNG", "jpeg": "JPEG", "webp": "WEBP"}
_SIZES = {
    "1:1": (128, 128), "3:2": (152, 104), "5:4": (136, 112), "16:9": (168, 96), "21:9": (192, 80),
    "2:3": (104, 152), "4:5": (112, 136), "9:16": (96, 168), "9:21": (80, 192),
}  # fmt: skip
"""An eighth of what the service makes, so that nobody waits for it."""

_COMMON = {"prompt", "negative_prompt", "aspect_ratio", "seed", "output_format", "style_preset"}
_FIELDS = {
    "core": _COMMON,
    "ultra": _COMMON | {"strength"},
    "sd3": _COMMON | {"strength", "mode", "model", "cfg_scale"},
}
_MODELS = {"sd3.5-large", "sd3.5-large-turbo", "sd3.5-medium", "sd3.5-flash"}

_FLAGGED = (
    "Your request was flagged by our content moderation system, as a result your request was denied and you were not "
    "charged."
)
_PUBLIC_FIGURE = "Our system detected the likeness of a public figure in your image. Please upload a different image."


def error(status: int, name: str, *errors: str) -> Behaviour:
    """An error as the service spells it; `{key}` becomes the key that came."""
    return json_error(status, {"id": "a1b2c3d4e5f6", "name": name, "errors": list(errors)})


def _rejected(status: int, name: str, *errors: str) -> Rejected:
    return Rejected(Reply(body={"id": "a1b2c3d4e5f6", "name": name, "errors": list(errors)}, status=status))


class StabilityService(LoopbackService):
    name = "stability"

    def kind(self, request: Request) -> str:
        return "check" if request.path == _BALANCE else "images"

    def answer(self, kind: str, request: Request, number: int) -> Reply:
        if not request.headers.get("authorization", "").startswith("Bearer "):
            raise _rejected(401, "unauthorized", "missing authorization header")
        if kind == "check":
            return Reply(body={"credits": 412.5})
        _require_valid(request)
        if "flagged" in request.fields["prompt"]:
            raise _rejected(403, "content_moderation", _FLAGGED)
        seed = int(request.fields.get("seed", 0)) or number  # 0 is a random one
        reason = "CONTENT_FILTERED" if "blur" in request.fields["prompt"] else "SUCCESS"
        return _answered(_image(request, seed), request, seed=seed, reason=reason)


def _answered(image: bytes, request: Request, *, seed: int, reason: str) -> Reply:
    form = request.fields.get("output_format", "png")
    headers = {"x-request-id": "f00dfeed"}
    if request.headers.get("accept") == "application/json":
        return Reply(body=json_body(image, seed=seed, reason=reason), headers=headers)
    return Reply(
        body=image, headers={**headers, "content-type": f"image/{form}", "finish-reason": reason, "seed": str(seed)}
    )


def json_body(image: bytes, *, seed: int, reason: str) -> dict[str, Any]:
    """The other form of an answer, without headers of its own."""
    return {"image": base64.b64encode(image).decode(), "finish_reason": reason, "seed": seed}


def _image(request: Request, seed: int) -> bytes:
    fields = request.fields
    told = [fields["prompt"], *(fields.get(name, "") for name in ("model", "style_preset", "strength"))]
    return painted(
        "\n".join(told),
        size=_SIZES[fields.get("aspect_ratio", "1:1")],
        seed=seed,
        inputs=[part.data for part in request.files],
        form=_FORMATS[fields.get("output_format", "png")],
    )


def _require_valid(request: Request) -> None:
    """Reject what the service does, by the rules of each address and of the two modes."""
    if request.method != "POST" or request.path.removeprefix(_PATH) not in _FIELDS:
        raise _rejected(404, "not_found", "The resource was not found.")
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise _rejected(400, "bad_request", "content-type: must be multipart/form-data")
    if int(request.headers["content-length"]) > _MAX_BYTES:
        raise _rejected(413, "payload_too_large", "body: payloads cannot be larger than 10MiB in size")
    _require_fields(request)
    _require_mode(request)
    try:
        _image(request, 0)
    except (UnidentifiedImageError, OSError):
        raise _rejected(400, "bad_request", "image: is no jpeg, png or webp") from None


def _require_fields(request: Request) -> None:
    allowed = _FIELDS[request.path.removeprefix(_PATH)]
    wrong = [f"{name}: is not allowed" for name in request.fields if name not in allowed]
    wrong += [
        f"{name}: {request.fields[name]!r} is not valid"
        for name, rule in _RULES.items()
        if name in request.fields and not rule(request.fields[name])
    ]
    if "prompt" not in request.fields:
        wrong.append("prompt: is required")
    if wrong:
        raise _rejected(400, "bad_request", *wrong)


def _require_mode(request: Request) -> None:
    """An image and its strength come together, at most one, and not to `core`; `sd3` is told of it as well."""
    mode, has_image = request.fields.get("mode", "text-to-image"), bool(request.files)
    wrong = []
    if len(request.files) > 1 or any(part.name != "image" for part in request.files):
        wrong.append("image: must be one")
    if has_image and request.path.endswith("/core"):
        wrong.append("image: is not allowed")
    if has_image != ("strength" in request.fields):
        wrong.append("strength: is required when image is provided, and only then")
    if request.path.endswith("/sd3") and has_image != (mode == "image-to-image"):
        wrong.append(f"mode: is {mode}")
    if mode == "image-to-image" and "aspect_ratio" in request.fields:
        wrong.append("aspect_ratio: is only valid for text-to-image requests")
    if wrong:
        raise _rejected(400, "bad_request", *wrong)


def _number(low: float, high: float) -> Callable[[str], bool]:
    return lambda text: text.replace(".", "", 1).isdecimal() and low <= float(text) <= high


_RULES: dict[str, Callable[[str], bool]] = {
    "prompt": lambda text: 1 <= len(text) <= 10_000,
    "negative_prompt": lambda text: len(text) <= 10_000,
    "aspect_ratio": lambda text: text in _SIZES,
    "seed": lambda text: text.isdecimal() and int(text) <= _MAX_SEED,
    "output_format": lambda text: text in _FORMATS,
    "strength": _number(0, 1),
    "cfg_scale": _number(1, 10),
    "mode": lambda text: text in {"text-to-image", "image-to-image"},
    "model": lambda text: text in _MODELS,
}


VENDOR = Vendor(
    name="stability",
    service=StabilityService,
    environment=lambda url: {"PROMPTLAB_STABILITY_BASE_URL": url, "STABILITY_API_KEY": KEY},
    model="ultra",
    parameters={"aspect_ratio": "1:1", "output_format": "png"},
    impossible={"aspect_ratio": "13:7"},
    size=(128, 128),
    cost_usd=0.08,
    refusals={
        "input": lambda service: service.behave(error(403, "content_moderation", _FLAGGED)),
        "public figure": lambda service: service.behave(error(422, "public_figure", _PUBLIC_FIGURE)),
        "blurred": lambda service: service.behave(Behaviour(headers={"finish-reason": "CONTENT_FILTERED"})),
        "blurred, as JSON": lambda service: service.behave(
            Behaviour.json_body(json_body(painted("", size=(64, 64), seed=1), seed=1, reason="CONTENT_FILTERED"))
        ),
    },
    throttled=error(
        429,
        "rate_limit_exceeded",
        "You have exceeded the rate limit of 150 requests within a 10 second period, and have been timed out for 60 "
        "seconds. {key}",
    ),
    throttled_seconds=60,
    key_refused=error(401, "unauthorized", "missing or invalid API key {key}"),
    failing=error(402, "payment_required", "You lack sufficient credits to make this request. {key}"),
)

if __name__ == "__main__":
    main(StabilityService)
