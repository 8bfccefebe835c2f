"""How AUTOMATIC1111 and Forge speak: what a request holds, what an answer tells, which checkpoints there are."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import PureWindowsPath
from typing import Any

from promptlab.adapters.ai.encoding import from_base64, to_base64
from promptlab.adapters.ai.naming import named_fields
from promptlab.adapters.ai.protocol import ImageRequest, InputImage, ProviderFailed

CURRENT = "current"
"""The model that is whichever checkpoint is loaded."""

_REPORTED = (
    *("seed", "width", "height", "steps", "cfg_scale", "sampler_name", "denoising_strength", "clip_skip"),
    *("sd_model_name", "sd_model_hash", "sd_vae_name", "extra_generation_params", "version"),
)
_OBEYED = (
    *("prompt", "negative_prompt", "seed", "width", "height", "steps", "cfg_scale", "sampler_name"),
    "denoising_strength",
)
"""Fields that an answer reports as they were used, which is not always as they were sent."""

_LONGEST = 60


def fields_of(request: ImageRequest, names: Mapping[str, str]) -> dict[str, Any]:
    """Return the body of a request; `names` are those of the model's capabilities.

    Several images are made one after the other: that needs no more memory than one, and each is the image that its own
    seed makes alone.
    """
    fields = {**request.parameters, **named_fields(request, names, written=to_base64)}
    if request.mask is not None:
        fields["mask"] = to_base64(_mask(request.mask))
    if request.model != CURRENT:
        fields["override_settings"] = {**_settings(fields), "sd_model_checkpoint": request.model}
        fields["override_settings_restore_afterwards"] = True
    return fields


def _settings(fields: Mapping[str, Any]) -> dict[str, Any]:
    found = fields.get("override_settings", {})
    if not isinstance(found, dict):
        raise ProviderFailed(f"override_settings is {_short(found)}, expected a JSON object.", kind="bad_request")
    return found


def _mask(image: InputImage) -> InputImage:
    """Return a mask as the server reads one: what is to be redone is white there, and transparent here."""
    from PIL import Image, ImageOps

    out = BytesIO()
    try:
        with Image.open(BytesIO(image.data)) as picture:
            ImageOps.invert(picture.convert("RGBA").getchannel("A")).save(out, "PNG")
    except (OSError, ValueError) as error:
        raise ProviderFailed(f"The mask is no image: {error}.", kind="bad_request") from error
    return InputImage(data=out.getvalue(), media_type="image/png")


@dataclass(frozen=True, kw_only=True)
class Answered:
    """What an answer holds: its images, what it says of how they were made, and what is odd about them."""

    images: tuple[bytes, ...]
    effective_parameters: Mapping[str, Any]
    warnings: tuple[str, ...]


def read_answer(body: Mapping[str, Any], fields: Mapping[str, Any]) -> Answered:
    """Read an answer of success to a request with these fields; raises ProviderFailed where no image is in it."""
    info = _info(body.get("info"))
    found = body.get("images")
    first, count = _number(info.get("index_of_first_image")), _number(fields.get("n_iter")) or 1
    sent = found[first:] if isinstance(found, list) else []  # a grid of all comes first, if at all
    images = [image for text in sent[:count] if (image := _image(text)) is not None]
    if not images:
        raise ProviderFailed("The answer holds no image.", kind="bad_answer")
    changed = {name: info[name] for name in _OBEYED if name in fields and _differs(name, fields[name], info)}
    seeds = info.get("all_seeds")
    effective = {
        **{name: info[name] for name in _REPORTED if info.get(name) not in (None, {})},
        **({"seeds": seeds[:count]} if isinstance(seeds, list) and count > 1 else {}),
        **changed,
    }
    warnings = [f"The server used {name} {_short(used)}, not {_short(fields[name])}." for name, used in changed.items()]
    if len(sent) > count:
        warnings.append(f"Images beyond those asked for came, and are not kept: {len(sent) - count}.")
    return Answered(images=tuple(images), effective_parameters=effective, warnings=tuple(warnings))


def _info(found: object) -> dict[str, Any]:
    """Return what is told of how the images were made: JSON within a text, and nothing from lesser servers."""
    if isinstance(found, str):
        try:
            found = json.loads(found, parse_constant=lambda _name: None)
        except (ValueError, RecursionError):
            return {}
    return found if isinstance(found, dict) else {}


def _image(text: object) -> bytes | None:
    """Return the bytes of an image, None where there are none."""
    if not isinstance(text, str):
        return None
    try:
        return from_base64(text.rpartition(",")[2]) or None  # some servers send data URLs
    except ValueError:
        return None


def _number(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 0


def _differs(name: str, asked: object, info: Mapping[str, Any]) -> bool:
    used = info.get(name)
    if isinstance(asked, str) and isinstance(used, str):
        # A sampler may be asked for with its scheduler, `DPM++ 2M Karras`, which is reported on its own.
        return asked.strip() != used.strip() and not (name == "sampler_name" and asked.startswith(f"{used} "))
    return used is not None and used != asked


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def checkpoints_of(listed: object) -> Iterator[tuple[str, set[str]]]:
    """Yield each checkpoint of the server's list: as answers name it, and every name by which it can be asked for."""
    for item in listed if isinstance(listed, list) else []:
        about = {name: text for name, text in item.items() if isinstance(text, str)} if isinstance(item, dict) else {}
        title = about.get("title", "")
        short = PureWindowsPath(about.get("filename") or title.partition(" [")[0]).stem  # takes both kinds of slashes
        names = {about[name] for name in ("title", "model_name", "hash", "sha256") if name in about}
        yield short, {*names, short, title.partition(" [")[0], f"{short} [{about.get('hash')}]"}
