"""The wire format of fal's image models: from a request to a body, from a result to images."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import zip_longest
from math import isfinite
from typing import Any

from promptlab.adapters.ai.capabilities import Capabilities
from promptlab.adapters.ai.encoding import from_data_url, to_data_url
from promptlab.adapters.ai.http_errors import Answer
from promptlab.adapters.ai.naming import named_fields
from promptlab.adapters.ai.protocol import ImageRequest

_QUIET = ("enable_prompt_expansion", "enhance_prompt", "enable_web_search")
_TEXTS = frozenset({"safety_tolerance"})  # numbers that the models take as texts
_SIZE = re.compile(r"(\d+)x(\d+)")
_REPORTED = ("seed", "prompt")
_SEED, _COUNT, _SINGLE, _LIST = "seed", "num_images", "image_url", "image_urls"


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """The images of a result, in its order: bytes, or a URL as it spells it; and what is left out."""

    found: tuple[bytes | str, ...]
    flagged: int
    """How many the safety checker has blurred."""
    warnings: tuple[str, ...]


def endpoint_of(request: ImageRequest, known: Capabilities) -> str:
    """Return the model that the request goes to: many have another for input images."""
    return (known.with_inputs or request.model) if request.inputs else request.model


def fields_of(request: ImageRequest, known: Capabilities) -> dict[str, Any]:
    """Return the body; what rewrites the prompt or searches the web unasked is turned off where that is known."""
    rules = known.parameters or {}
    parameters = {name: _spelled(name, value) if name in rules else value for name, value in request.parameters.items()}
    quiet = {name: False for name in _QUIET if name in rules}
    return {**quiet, **parameters, **named_fields(request, _names(request, known), written=to_data_url)}


def guesses_of(model: str) -> dict[str, str]:
    """Return where things go of a model that is not known: into the fields that are usual, as `_names` has them."""
    images = _LIST if _takes_list(model) else f"{_SINGLE} (several: {_LIST})"
    return {"seed": _SEED, "count": _COUNT, "inputs": images}


def _names(request: ImageRequest, known: Capabilities) -> Mapping[str, str]:
    """Return the model's names of fields; for one that is not known, those that are usual."""
    if known.known:
        return known.names
    several = len(request.inputs) > 1 or _takes_list(request.model)
    images = {"inputs": _LIST} if several else {"input": _SINGLE}
    count = {"count": _COUNT} if request.count > 1 else {}
    return {"seed": _SEED, **count, **images}


def _takes_list(model: str) -> bool:
    return model.endswith("/edit")


def _spelled(name: str, value: Any) -> Any:
    if name in _TEXTS:
        return str(value)
    size = _SIZE.fullmatch(value) if name == "image_size" and isinstance(value, str) else None
    return {"width": int(size[1]), "height": int(size[2])} if size else value


def pictures_of(result: Mapping[str, Any]) -> Pictures:
    """Return the images of a result, without those that its safety checker has blurred."""
    items = result.get("images") or [result.get("image")]
    items = [item for item in items if item] if isinstance(items, list) else []
    flags = result.get("has_nsfw_concepts")
    flags = flags if isinstance(flags, list) else [flags] * len(items)
    pairs = list(zip_longest(items, flags[: len(items)]))
    flagged = sum(1 for _item, flag in pairs if flag)
    warnings = [f"The safety checker has blurred {flagged} of {len(pairs)} images, which are left out."] * bool(flagged)
    found: list[bytes | str] = []
    for item, flag in pairs:
        if flag:
            continue
        try:
            found.append(_picture(item))
        except ValueError:
            warnings.append("One image of the answer has neither a URL nor data.")
    return Pictures(found=tuple(found), flagged=flagged, warnings=tuple(warnings))


def _picture(item: object) -> bytes | str:
    url = item.get("url") if isinstance(item, dict) else item
    if not isinstance(url, str) or not url:
        raise ValueError("no URL")
    return from_data_url(url) if url.startswith("data:") else url


def reported(result: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters that the model reports: the seed, and the prompt that it has really used."""
    return {name: result[name] for name in _REPORTED if isinstance(result.get(name), str | int)}


def units_of(answer: Answer) -> float | None:
    """Return how many of the model's units are billed, None where the answer does not say."""
    try:
        units = float(answer.headers["x-fal-billable-units"])
    except (KeyError, ValueError):
        return None
    return units if isfinite(units) and units >= 0 else None
