"""Forge on loopback, as in its modules/api and modules/processing: checkpoints, samplers, seeds, what it passes over.

`python -m tests.vendors.forge` serves by hand: set FORGE_BASE_URL to what it prints and FORGE_API_AUTH to any `x:y`.
"""

import base64
import json
import random
import re
from collections.abc import Mapping
from typing import Any

from PIL import UnidentifiedImageError
from tests.loopback import LoopbackService, Rejected, Reply, json_error, main, painted
from tests.openai_requests import Request
from tests.vendors import KEY, Vendor

_WHOLE = (
    *("seed", "subseed", "batch_size", "n_iter", "steps", "width", "height", "hr_second_pass_steps", "mask_blur"),
    *("inpainting_fill", "inpaint_full_res_padding", "resize_mode"),
)
_REAL = ("cfg_scale", "distilled_cfg_scale", "denoising_strength", "subseed_strength", "eta", "hr_scale")
_TYPES: dict[str, type[Any]] = {
    **dict.fromkeys(_WHOLE, int),
    **dict.fromkeys(_REAL, float),
    **dict.fromkeys(("prompt", "negative_prompt", "sampler_name", "scheduler", "mask"), str),
    **dict.fromkeys(("override_settings", "alwayson_scripts"), dict),
    **dict.fromkeys(("styles", "init_images"), list),
}
"""The fields that are checked; those that it does not know are passed over."""

_DEFAULTS: dict[str, Any] = {
    "prompt": "", "negative_prompt": "", "seed": -1, "subseed": -1, "batch_size": 1, "n_iter": 1, "steps": 50,
    "width": 512, "height": 512, "cfg_scale": 7.0, "denoising_strength": 0.75, "sampler_name": "Euler",
    "override_settings": {},
    "save_images": False,
}  # fmt: skip
SAMPLERS = ("DPM++ 2M", "Euler", "Euler a")
_SCHEDULERS = ("Karras", "Exponential")
CHECKPOINTS = {
    "v1-5-pruned-emaonly": {
        "title": "v1-5-pruned-emaonly.safetensors [6ce0161689]",
        "model_name": "v1-5-pruned-emaonly",
        "hash": "6ce0161689",
        "sha256": "6ce0161689b3853acaa03779ec93eafe75a02f4ced659bee03f50797806fa2fa",
        "filename": "/srv/forge/models/Stable-diffusion/v1-5-pruned-emaonly.safetensors",
        "config": None,
    },
    "juggernaut.v9": {
        "title": "sdxl\\juggernaut.v9.safetensors",
        "model_name": "sdxl_juggernaut.v9",
        "hash": None,
        "sha256": None,
        "filename": "C:\\forge\\models\\Stable-diffusion\\sdxl\\juggernaut.v9.safetensors",
        "config": None,
    },
}


class ForgeService(LoopbackService):
    name = "forge"

    def __init__(self, base_url: str, elsewhere_url: str) -> None:
        super().__init__(base_url, elsewhere_url)
        self.loaded = "v1-5-pruned-emaonly"
        self.form = "PNG"
        self.control_maps = 0
        """How many images of its scripts it puts behind those that it was asked for."""
        self.older = False
        """AUTOMATIC1111 refuses a sampler that Forge replaces by another."""

    def kind(self, request: Request) -> str:
        page = request.path.removeprefix("/sdapi/v1/")
        return {"txt2img": "images", "img2img": "images", "options": "check"}.get(page, "look")

    def answer(self, kind: str, request: Request, number: int) -> Reply:
        if request.key is None or ":" not in request.key:
            raise _refused(401, "Not authenticated" if request.key is None else "Invalid authentication credentials")
        page = request.path.removeprefix("/sdapi/v1/")
        lists: dict[str, object] = {
            "options": {"sd_model_checkpoint": CHECKPOINTS[self.loaded]["title"], "samples_format": self.form.lower()},
            "sd-models": list(CHECKPOINTS.values()),
            "samplers": [{"name": name, "aliases": [], "options": {}} for name in SAMPLERS],
            "scripts": {"txt2img": [], "img2img": []},
        }
        if kind != "images" and page not in lists:
            raise _refused(404, "Not Found")
        if (request.method == "POST") != (kind == "images"):
            raise _refused(405, "Method Not Allowed")
        return self._images(request, page) if kind == "images" else Reply(body=lists[page])

    def _images(self, request: Request, page: str) -> Reply:
        fields = _valid(request.fields)
        if page == "img2img" and fields.get("init_images") is None:
            raise _refused(404, "Init image not found")
        inputs = [_decoded(text) for text in fields.get("init_images") or []]
        if len(inputs) > fields["batch_size"] > 0:
            raise Rejected(Reply(body=b"Internal Server Error", status=500, headers={"content-type": "text/plain"}))
        if fields.get("mask"):
            inputs.append(_decoded(fields["mask"]))
        info = self._info(fields)
        try:
            pairs = zip(info["all_seeds"], info["all_subseeds"], strict=True)
            varied = bool(fields.get("subseed_strength"))
            images = [self._painted(info, [seed, subseed][: 1 + varied], inputs) for seed, subseed in pairs]
        except UnidentifiedImageError:
            raise _refused(500, "Invalid encoded image") from None
        if info["index_of_first_image"]:
            images.insert(0, painted("grid", size=(64, 64), seed=0))
        images += [painted("map", size=(64, 64), seed=each) for each in range(self.control_maps)]
        body = {
            "images": [base64.b64encode(image).decode() for image in images],
            "parameters": {**request.fields, "init_images": None, "mask": None},
            "info": json.dumps(info),
        }
        return Reply(body=body)

    def _info(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        sampler, scheduler = self._sampler(fields["sampler_name"])
        count = fields["batch_size"] * fields["n_iter"]
        first, second = (
            random.randrange(4294967294) if seed == -1 else seed for seed in (fields["seed"], fields["subseed"])
        )
        varied = bool(fields.get("subseed_strength"))
        asked = fields["override_settings"].get("sd_model_checkpoint")
        found = [name for name, about in CHECKPOINTS.items() if asked is not None and asked in {name, *about.values()}]
        checkpoint = found[0] if found else self.loaded  # what it does not have it passes over
        prompt = re.sub(r"#[^\n]*(\n|$)", "\n", fields["prompt"]).strip()
        return {
            "prompt": prompt,
            "negative_prompt": fields["negative_prompt"],
            "seed": first,
            "all_seeds": [first if varied else first + index for index in range(count)],
            "all_subseeds": [second + index for index in range(count)],
            **{name: fields[name] for name in ("width", "height", "cfg_scale", "steps", "denoising_strength")},
            "sampler_name": sampler,
            "sd_model_name": checkpoint,
            "sd_model_hash": CHECKPOINTS[checkpoint]["hash"],
            "sd_vae_name": None,
            "extra_generation_params": {"Schedule type": scheduler} if scheduler else {},
            "index_of_first_image": int(fields["save_images"] and count > 1),
            "infotexts": [f"{prompt}\nSteps: {fields['steps']}, Seed: {first + index}" for index in range(count)],
            "clip_skip": 1,
            "version": "f2.0.1v1.10.1",
        }

    def _sampler(self, asked: str) -> tuple[str, str | None]:
        scheduler = next((name for name in _SCHEDULERS if asked.endswith(f" {name}")), None)
        name = asked.removesuffix(f" {scheduler}")
        if name not in SAMPLERS and self.older:
            raise _refused(404, "Sampler not found")
        return name if name in SAMPLERS else SAMPLERS[0], scheduler

    def _painted(self, info: Mapping[str, Any], seeds: list[int], inputs: list[bytes]) -> bytes:
        size = info["width"] // 8 * 8, info["height"] // 8 * 8
        looks = [*seeds, *(info[name] for name in ("negative_prompt", "sd_model_name", "sampler_name", "steps"))]
        return painted(info["prompt"], size=size, seed=looks, inputs=inputs, form=self.form)


def _valid(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields with their defaults, numbers as such."""
    found = {**_DEFAULTS, **{name: value for name, value in fields.items() if value is not None}}
    for name in found.keys() & _TYPES.keys():
        kind = _TYPES[name]
        try:
            found[name] = kind(found[name]) if kind in {int, float} else found[name]
        except (ValueError, TypeError):
            found[name] = None
        if not isinstance(found[name], kind):
            error = {
                "type": f"{kind.__name__}_parsing",
                "loc": ["body", name],
                "msg": f"Input should be {kind.__name__}",
            }
            raise _refused(422, [error])
    return found


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text.split(";")[1].split(",")[1] if text.startswith("data:image/") else text)
    except (ValueError, IndexError):
        raise _refused(500, "Invalid encoded image") from None


def _refused(status: int, detail: object) -> Rejected:
    headers = {"www-authenticate": "Basic"} if status == 401 else {}
    return Rejected(Reply(body={"detail": detail}, status=status, headers=headers))


VENDOR = Vendor(
    name="forge",
    service=ForgeService,
    environment=lambda url: {"FORGE_BASE_URL": url, "FORGE_API_AUTH": f"me:{KEY}"},
    model="current",
    any_model=True,
    parameters={"width": 128, "height": 96, "steps": 4},
    impossible={"steps": "many"},
    reported={"width": 128, "height": 96, "steps": 4, "sd_model_name": "v1-5-pruned-emaonly"},
    cost_usd=0.0,
    throttled=None,
    key_refused=json_error(401, {"detail": "Incorrect username or password: {key}"}),
    failing=json_error(422, {"detail": [{"type": "missing", "loc": ["body", "steps"], "msg": "Not {key}"}]}),
)

if __name__ == "__main__":
    main(ForgeService)
