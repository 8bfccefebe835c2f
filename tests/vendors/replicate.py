"""Replicate on loopback: predictions of official models and of versions, models that describe themselves, uploads.

`python -m tests.vendors.replicate` serves by hand: set REPLICATE_BASE_URL to what it prints and REPLICATE_API_TOKEN to
any text. A prompt that holds `NSFW` is refused.
"""

from collections.abc import Callable, Mapping
from typing import Any

from PIL import UnidentifiedImageError
from tests.loopback import JobService, Rejected, Reply, json_error, main, painted
from tests.openai_requests import FilePart, Request
from tests.vendors import KEY, Vendor

from promptlab.adapters.ai.encoding import from_data_url

FLUX, KONTEXT = "black-forest-labs/flux-2-pro", "black-forest-labs/flux-kontext-pro"
SDXL_VERSION = "7762fd07cf82c948538e41f63f77d685e02b063e37e496e96eefd46c929f9bdc"
SDXL = f"stability-ai/sdxl:{SDXL_VERSION}"
TINY_VERSION = "1" * 64

SECONDS = 4.0
REFUSED = "NSFW content detected. Try running it again, or try a different prompt."

_IMAGE = {"type": "string", "format": "uri"}
_IMAGES = {"type": "array", "items": _IMAGE}
_NUMBER, _TEXT, _FLAG = {"type": "integer"}, {"type": "string"}, {"type": "boolean"}

_MODELS: Mapping[str, Mapping[str, Any]] = {
    FLUX: {
        "prompt": _TEXT, "input_images": _IMAGES, "aspect_ratio": _TEXT, "resolution": _TEXT, "width": _NUMBER,
        "height": _NUMBER, "safety_tolerance": _NUMBER, "seed": _NUMBER, "output_format": _TEXT,
        "output_quality": _NUMBER,
    },
    KONTEXT: {
        "prompt": _TEXT, "input_image": _IMAGE, "aspect_ratio": _TEXT, "seed": _NUMBER, "output_format": _TEXT,
        "safety_tolerance": _NUMBER, "prompt_upsampling": _FLAG,
    },
    "bytedance/seedream-4": {
        "prompt": _TEXT, "image_input": _IMAGES, "size": _TEXT, "aspect_ratio": _TEXT, "width": _NUMBER,
        "height": _NUMBER, "enhance_prompt": _FLAG, "sequential_image_generation": _TEXT, "max_images": _NUMBER,
    },
    "acme/tomorrow": {"prompt": _TEXT, "prompt_upsampling": _FLAG, "pictures": _IMAGES, "number_of_images": _NUMBER},
    "acme/plain": {"prompt": _TEXT, "photo": _IMAGE, "mask": _IMAGE, "seed": _NUMBER},
    SDXL: {
        "prompt": _TEXT, "negative_prompt": _TEXT, "image": _IMAGE, "mask": _IMAGE, "width": _NUMBER,
        "height": _NUMBER, "num_outputs": _NUMBER, "scheduler": _TEXT, "num_inference_steps": _NUMBER,
        "guidance_scale": {"type": "number"}, "prompt_strength": {"type": "number"}, "seed": _NUMBER,
    },
    f"acme/tiny:{TINY_VERSION}": {"prompt": _TEXT, "image": _IMAGE, "seed": _NUMBER},
}  # fmt: skip
"""Each model's fields. Those of `acme`'s, and of the versions, are in no table of promptlab's."""

_NOTHING_YET: Mapping[str, Any] = {
    "model": "acme/any", "version": "hidden", "input": {}, "output": None, "error": None, "logs": "", "metrics": {},
    "created_at": "2026-11-23T00:00:00Z", "started_at": None, "completed_at": None, "data_removed": False,
}  # fmt: skip

_LIMITS = {"num_inference_steps": (1, 500), "num_outputs": (1, 4), "safety_tolerance": (0, 6)}


class ReplicateService(JobService):
    name = "replicate"

    def __init__(self, base_url: str, elsewhere_url: str) -> None:
        super().__init__(base_url, elsewhere_url)
        self._uploads: list[FilePart] = []

    def kind(self, request: Request) -> str:
        if request.path == "/v1/account":
            return "check"
        if request.path == "/v1/files":
            return "upload"
        if request.path.endswith("/cancel"):
            return "cancel"
        if request.method == "POST":
            return "images"
        return "look" if request.path.startswith("/v1/predictions/") else "schema"

    def answer(self, kind: str, request: Request, number: int) -> Reply:
        if not request.headers.get("authorization", "").startswith("Bearer "):
            raise _problem(401, "Unauthenticated", "You did not pass an authentication token")
        answers: Mapping[str, Callable[[Request], Reply]] = {
            "check": lambda _request: Reply(body={"type": "organization", "username": "acme", "name": "Acme"}),
            "upload": self._upload,
            "cancel": self._cancel,
            "images": self._order,
            "look": self._look,
            "schema": _described,
        }
        return answers[kind](request)

    def _order(self, request: Request) -> Reply:
        fields = dict(request.fields)
        model = _ordered(request.path, fields)
        unknown = fields.keys() - {"version", "input", "stream", "webhook", "webhook_events_filter"}
        if unknown or not isinstance(fields.get("input"), dict):
            raise _problem(422, "Input validation failed", f"- {min(unknown, default='input')} is not allowed")
        _require_valid(fields["input"], _MODELS[model])
        try:
            self._painted(model, fields["input"], 0)
        except (UnidentifiedImageError, ValueError):
            raise _problem(422, "Input validation failed", "- input.image: not an image") from None
        return self._prediction(self.take_job(request), {"status": "starting"})

    def _look(self, request: Request) -> Reply:
        name = request.path.rpartition("/")[2]
        try:
            found = self.look_at(name)
        except KeyError:
            raise _problem(404, "Not found", "The requested resource could not be found.") from None
        if name in self.cancelled:
            return self._prediction(name, {"status": "canceled"})
        if found is None:
            return self._prediction(name, {"status": "processing"})
        asked, end = found
        return self._prediction(name, self._made(name, asked) if end is None else _told(end))

    def _made(self, name: str, asked: Request) -> dict[str, Any]:
        """Return how a prediction ends that nobody has said anything else about: in images."""
        given, version = asked.fields["input"], asked.fields.get("version", "hidden")
        if "NSFW" in given["prompt"]:
            return {"status": "failed", "error": REFUSED}
        seed = given.get("seed", int(name.removeprefix("job-")))
        count = given.get("num_outputs") or given.get("number_of_images") or 1
        model = _ordered(asked.path, asked.fields)
        urls = [self.publish(self._painted(model, given, seed + index)) for index in range(count)]
        return {
            "status": "succeeded",
            "input": given,
            "output": urls if version != "hidden" or count > 1 else urls[0],
            "version": version,
            "logs": f"Using seed: {seed}\n100%|██████████| 50/50 [00:04<00:00, 12.50it/s]\n",
            "metrics": {"predict_time": SECONDS, "total_time": SECONDS + 2.5},
        }

    def _cancel(self, request: Request) -> Reply:
        name = request.path.removeprefix("/v1/predictions/").removesuffix("/cancel")
        self.cancelled.append(name)
        return self._prediction(name, {"status": "canceled"})

    def _upload(self, request: Request) -> Reply:
        [part] = [part for part in request.files if part.name == "content"]
        self._uploads.append(part)
        url = f"{self.base_url}/v1/files/{len(self._uploads) - 1}"
        about = {"name": part.filename, "content_type": part.content_type, "size": len(part.data), "etag": ""}
        return Reply(
            body={"id": "file", **about, "checksums": {}, "metadata": {}, "created_at": "", "urls": {"get": url}},
            status=201,
        )

    def _prediction(self, name: str, about: Mapping[str, Any]) -> Reply:
        url = f"{self.base_url}/v1/predictions/{name}"
        urls = {"get": url, "cancel": f"{url}/cancel", "web": f"https://replicate.com/p/{name}"}
        status = 201 if about["status"] == "starting" else 200
        return Reply(body={**_NOTHING_YET, "id": name, "urls": urls, **about}, status=status)

    def _painted(self, model: str, given: Mapping[str, Any], seed: int) -> bytes:
        schema = _MODELS[model]
        files = [[value] if schema[name] is _IMAGE else value for name, value in given.items() if _holds(schema[name])]
        size = given.get("width", 256), given.get("height", 256)
        inputs = [self._picture(text) for texts in files for text in texts]
        return painted(given["prompt"], size=size, seed=seed, inputs=inputs)

    def _picture(self, text: str) -> bytes:
        start = f"{self.base_url}/v1/files/"
        return self._uploads[int(text.removeprefix(start))].data if text.startswith(start) else from_data_url(text)


def _holds(field: object) -> bool:
    """Say whether a field holds images."""
    return field is _IMAGE or field is _IMAGES


def _told(end: Reply) -> dict[str, Any]:
    assert isinstance(end.body, dict)
    return end.body


def _ordered(path: str, fields: Mapping[str, Any]) -> str:
    """Return which model an order is for."""
    if path == "/v1/predictions":
        found = [model for model in _MODELS if model.endswith(f":{fields.get('version')}")]
        if not found:
            raise _problem(422, "Invalid version or not permitted", "The specified version does not exist.")
        return found[0]
    model = path.removeprefix("/v1/models/").removesuffix("/predictions")
    if model not in _MODELS:
        raise _problem(404, "Not found", "The requested resource could not be found.")
    return model


def _require_valid(given: Mapping[str, Any], schema: Mapping[str, Any]) -> None:
    wrong = sorted(given.keys() - schema.keys())
    if wrong:
        raise _problem(422, "Input validation failed", f"- input: Additional property {wrong[0]} is not allowed")
    if "prompt" not in given:
        raise _problem(422, "Input validation failed", "- input: prompt is required")
    kinds = {"string": str, "integer": int, "number": int | float, "boolean": bool, "array": list}
    for name, value in given.items():
        lowest, highest = _LIMITS.get(name, (value, value))
        if not isinstance(value, kinds[schema[name]["type"]]) or not lowest <= value <= highest:
            raise _problem(422, "Input validation failed", f"- input.{name}: Must be within its limits")


def _described(request: Request) -> Reply:
    """Answer what a model, or a version, says of itself."""
    model = request.path.removeprefix("/v1/models/")
    model, _versions, version = model.partition("/versions/")
    schema = _MODELS.get(f"{model}:{version}" if version else model)
    if schema is None:
        raise _problem(404, "Not found", "The requested resource could not be found.")
    described = {"openapi_schema": {"components": {"schemas": {"Input": {"type": "object", "properties": schema}}}}}
    if version:
        about = {"created_at": "2026-11-23T00:00:00Z", "cog_version": "0.16.8"}
        return Reply(body={"id": version, **about, **described})
    owner, _slash, name = model.partition("/")
    return Reply(body={"owner": owner, "name": name, "latest_version": {"id": "hidden", **described}})


def _problem(status: int, title: str, detail: str) -> Rejected:
    return Rejected(Reply(body={"title": title, "detail": detail, "status": status}, status=status))


def ended(status: str, **about: Any) -> Reply:
    """Return how a prediction ends, without what is the same for all."""
    return Reply(body={"status": status, **about})


VENDOR = Vendor(
    name="replicate",
    service=ReplicateService,
    environment=lambda url: {"REPLICATE_BASE_URL": url, "REPLICATE_API_TOKEN": KEY},
    model=KONTEXT,
    parameters={"output_format": "png"},
    impossible={"safety_tolerance": 7},
    size=(256, 256),
    reported={"output_format": "png", "prompt_upsampling": False},
    cost_usd=0.04,
    refusals={
        "nsfw": lambda service: service.end_with(ended("failed", error=REFUSED)),
        "sensitive": lambda service: service.end_with(
            ended("failed", error="The input or output was flagged as sensitive. Please try again. (E005)")
        ),
        "nothing left": lambda service: service.end_with(
            ended("succeeded", output=[], logs="Using seed: 7\nNSFW content detected in image 0\n")
        ),
        "black": lambda service: service.end_with(
            ended(
                "succeeded",
                output=service.publish(painted("black", size=(64, 64), seed=0)),
                logs="Potential NSFW content was detected in one or more images. A black image will be returned "
                "instead. Try again with a different prompt and/or seed.",
            )
        ),
    },
    throttled=json_error(429, {"detail": "Request was throttled. Your rate limit resets in ~30s."}),
    throttled_seconds=30,
    key_refused=json_error(401, {"title": "Unauthenticated", "detail": "Invalid token {key}.", "status": 401}),
    failing=json_error(402, {"title": "Insufficient credit", "detail": "Insufficient credit {key}.", "status": 402}),
    cancels=True,
)

if __name__ == "__main__":
    main(ReplicateService)
