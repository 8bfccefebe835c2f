"""Black Forest Labs on loopback, from the OpenAPI that its documentation holds: jobs, moderation, credits.

`python -m tests.vendors.bfl` serves by hand: set BFL_BASE_URL to what it prints and BFL_API_KEY to any text.
"""

from typing import Any

from PIL import UnidentifiedImageError
from tests.loopback import JobService, Rejected, Reply, json_error, main, painted
from tests.openai_requests import Request
from tests.vendors import KEY, Vendor

from promptlab.adapters.ai.encoding import from_base64

_FLUX_2 = {
    "prompt", "prompt_upsampling", "seed", "width", "height", "safety_tolerance", "output_format",
    "input_image", *(f"input_image_{number}" for number in range(2, 9)),
}  # fmt: skip
_FLUX_3 = {"prompt", "images", "aspect_ratio", "resolution", "safety_tolerance", "grounding", "version"}
_FIELDS = {
    **dict.fromkeys(("flux-2-max", "flux-2-pro", "flux-2-klein-4b", "flux-2-klein-9b"), _FLUX_2),
    "flux-2-flex": _FLUX_2 | {"guidance", "steps"},
    "flux-3-image": _FLUX_3,
}
CREDITS = 4


class BflService(JobService):
    name = "bfl"

    def kind(self, request: Request) -> str:
        if request.path == "/v1/credits":
            return "check"
        return "look" if request.path == "/v1/get_result" else "images"

    def answer(self, kind: str, request: Request, number: int) -> Reply:
        if kind == "look":
            return self._look(request)
        if not request.headers.get("x-key"):
            raise Rejected(Reply(body={"detail": "Not authenticated"}, status=403))
        if kind == "check":
            return Reply(body={"credits": 212.5})
        self._require_valid(request)
        name = self.take_job(request)
        url = f"{self.base_url}/v1/get_result?id={name}"
        return Reply(body={"id": name, "polling_url": url, "cost": CREDITS, "input_mp": 0.0, "output_mp": 1.0})

    def _require_valid(self, request: Request) -> None:
        model = request.path.removeprefix("/v1/")
        if request.method != "POST" or model not in _FIELDS:
            raise Rejected(Reply(body={"detail": "Not Found"}, status=404))
        unknown = [name for name in request.fields if name not in _FIELDS[model]]
        if unknown:
            raise _invalid(unknown[0], "Extra inputs are not permitted")
        for side in ("width", "height"):
            if request.fields.get(side, 64) < 64:
                raise _invalid(side, "Input should be greater than or equal to 64")
        try:
            _painted(request, 0)
        except (UnidentifiedImageError, ValueError):
            raise _invalid("input_image", "Invalid image") from None

    def _look(self, request: Request) -> Reply:
        name = request.query.get("id", "")
        try:
            found = self.look_at(name)
        except KeyError:
            return _status(name, "Task not found")
        if found is None:
            return _status(name, "Pending")
        asked, end = found
        if end is not None:
            return end
        seed = asked.fields.get("seed", int(name.removeprefix("job-")))
        result = {"sample": self.publish(_painted(asked, seed)), "prompt": asked.fields["prompt"], "duration": 2.5}
        return _status(name, "Ready", result={**result, "seed": seed})


def _painted(request: Request, seed: int) -> bytes:
    fields = request.fields
    texts = [value for name, value in fields.items() if name.startswith("input_image")] + fields.get("images", [])
    size = fields.get("width", 1024), fields.get("height", 1024)
    form = "PNG" if fields.get("output_format") == "png" else "JPEG"
    return painted(fields["prompt"], size=size, seed=seed, inputs=[from_base64(text) for text in texts], form=form)


def _status(name: str, status: str, **about: Any) -> Reply:
    nothing = {"result": None, "progress": None, "details": None, "preview": None}
    return Reply(body={"id": name, "status": status, **nothing, **about})


def _invalid(field: str, message: str) -> Rejected:
    return Rejected(
        Reply(body={"detail": [{"loc": ["body", field], "msg": message, "type": "value_error"}]}, status=422)
    )


def moderated(status: str) -> Reply:
    return _status("job", status, details={"Moderation Reasons": ["Safety Filter"]})


VENDOR = Vendor(
    name="bfl",
    service=BflService,
    environment=lambda url: {"BFL_BASE_URL": url, "BFL_API_KEY": KEY},
    model="flux-2-pro",
    parameters={"width": 128, "height": 96, "output_format": "png"},
    impossible={"width": 13},
    cost_usd=0.04,
    refusals={
        "input": lambda service: service.end_with(moderated("Request Moderated")),
        "output": lambda service: service.end_with(moderated("Content Moderated")),
    },
    categories=["Safety Filter"],
    throttled=json_error(429, {"detail": "Rate limit exceeded"}, retry_after="7"),
    throttled_seconds=7,
    key_refused=json_error(403, {"detail": "Not authenticated {key}"}),
    failing=json_error(402, {"detail": "Insufficient credits {key}"}),
)

if __name__ == "__main__":
    main(BflService)
