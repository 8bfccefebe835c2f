"""What goes to Bedrock's image models and what comes back: Stability's form of it, and that of Amazon's own models."""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from promptlab.adapters.ai.bedrock_errors import is_block
from promptlab.adapters.ai.encoding import from_base64, to_base64
from promptlab.adapters.ai.protocol import ImageRequest, ProviderFailed, Refused

_AMAZON = re.compile(r"(^|[./])amazon\.")
"""In a model's id, in an inference profile's (`us.amazon.…`), in the ARN of either."""

_DIFFUSION = re.compile(r"stability\.sd3")
_TRANSFER = "style-transfer"
_STRENGTH = 0.7
"""How much of an input image SD 3.5 changes where nobody says; it wants a figure and has none of its own."""

_FINE = (None, "SUCCESS")
"""None by Amazon's description of the models, a word by Stability's own."""

_FILTERED = re.compile(r"filter", re.IGNORECASE)
_FILTER_REASON = re.compile(r"^filter reason:\s*", re.IGNORECASE)

_HIGHEST_SEED = 858_993_459
_FROM_TEXT = ("TEXT_IMAGE", "textToImageParams")
_VARIATION = ("IMAGE_VARIATION", "imageVariationParams")
_CONFIG = frozenset({"width", "height", "quality", "cfgScale"})
_SOME = re.compile(r"^some\b", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Body:
    """What is sent; `effective` is what nobody has asked for."""

    fields: Mapping[str, Any]
    effective: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Made:
    """What came of it; `effective` is what the model reports."""

    images: tuple[bytes, ...]
    effective: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


class Family(Protocol):
    """The form of requests and answers that a family of models shares."""

    max_count: int
    """How many images one request makes."""

    def body(self, request: ImageRequest) -> Body:
        """Return what to send."""
        ...

    def read(self, answer: Mapping[str, Any]) -> Made:
        """Return what the model made; raises Refused, or ProviderFailed where it made nothing."""
        ...


class Stability:
    """`{prompt, seed, image, …}` and `{seeds, finish_reasons, images}`."""

    max_count = 1

    def body(self, request: ImageRequest) -> Body:
        fields = {**request.parameters, "prompt": request.combined_prompt, **_pictures(request)}
        if request.seed is not None:
            fields["seed"] = request.seed
        assumed: dict[str, Any] = {}
        if request.inputs and _DIFFUSION.search(request.model):
            fields["mode"] = "image-to-image"
            assumed = {} if "strength" in fields else {"strength": _STRENGTH}
        return Body(fields={**assumed, **fields}, effective=assumed)

    def read(self, answer: Mapping[str, Any]) -> Made:
        reasons = [str(reason) for reason in _list(answer, "finish_reasons") if reason not in _FINE]
        filtered = [_FILTER_REASON.sub("", reason) for reason in reasons if _FILTERED.search(reason)]
        if filtered:
            details = {"finish_reasons": reasons, "categories": filtered}
            message = f"The model's content filter said no: {', '.join(filtered)}."
            raise Refused(message, kind="content_policy", details=details)
        if reasons:
            details = {"finish_reasons": reasons}
            raise ProviderFailed(f"The model ended with {reasons[0]!r}.", kind="model_error", details=details)
        seeds = [int(seed) for seed in _list(answer, "seeds") if _is_seed(seed)]
        return Made(images=_images(answer), effective={"seed": seeds[0]} if seeds else {})


class Amazon:
    """`{taskType, …Params, imageGenerationConfig}` and `{images, error}`: Nova Canvas, and Titan before it."""

    max_count = 5

    def body(self, request: ImageRequest) -> Body:
        config = {name: value for name, value in request.parameters.items() if name in _CONFIG}
        params = {name: value for name, value in request.parameters.items() if name not in _CONFIG}
        # Without a seed it takes 12, and makes the same image each time.
        seed = secrets.randbelow(_HIGHEST_SEED + 1) if request.seed is None else request.seed
        task, name = _VARIATION if request.inputs else _FROM_TEXT
        params["text"] = request.combined_prompt
        if request.inputs:
            params["images"] = [to_base64(image) for image in request.inputs]
        config |= {"seed": seed, "numberOfImages": request.count}
        return Body(fields={"taskType": task, name: params, "imageGenerationConfig": config}, effective={"seed": seed})

    def read(self, answer: Mapping[str, Any]) -> Made:
        error = answer.get("error")
        if not error:
            return Made(images=_images(answer))
        if not is_block(str(error)):
            raise ProviderFailed(f"The model ended with an error: {error}", kind="model_error")
        if _SOME.search(str(error)) and answer.get("images"):
            return Made(images=_images(answer), warnings=(str(error),))
        raise Refused(str(error), kind="content_policy", details={"error": error, "categories": []})


def family_of(model: str) -> Family:
    """Return in which form a model is talked to; what is not Amazon's own, as Stability's are."""
    return Amazon() if _AMAZON.search(model) else Stability()


def _pictures(request: ImageRequest) -> dict[str, str]:
    names = ("init_image", "style_image") if _TRANSFER in request.model else ("image",)
    if len(request.inputs) > len(names):
        takes = "two images" if len(names) > 1 else "one image"
        raise ProviderFailed(f"{request.model} takes {takes}, not {len(request.inputs)}.", kind="bad_request")
    return {name: to_base64(image) for name, image in zip(names, request.inputs, strict=False)}


def _images(answer: Mapping[str, Any]) -> tuple[bytes, ...]:
    try:
        images = tuple(from_base64(image) for image in _list(answer, "images") if image)
    except (ValueError, AttributeError):  # a text that is no base64, or no text
        images = ()
    if not images:
        raise ProviderFailed("The answer holds no image.", kind="bad_answer")
    return images


def _list(answer: Mapping[str, Any], name: str) -> list[Any]:
    found = answer.get(name)
    return found if isinstance(found, list) else []


def _is_seed(value: object) -> bool:
    return not isinstance(value, bool) and str(value).isascii() and str(value).isdecimal() and len(str(value)) < 20
