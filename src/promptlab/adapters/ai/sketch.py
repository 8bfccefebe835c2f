"""The offline provider: draws on this machine, at once and for nothing, so that all can be tried without a key."""

import hashlib
import json
import secrets
from collections.abc import Callable

from promptlab.adapters.ai import sketch_drawing
from promptlab.adapters.ai.capabilities import Capabilities
from promptlab.adapters.ai.catalogue import read_catalogue
from promptlab.adapters.ai.protocol import ImageProvider, ImageRequest, ImageResult, OutcomeUnknown, ProviderFailed
from promptlab.adapters.ai.registry import ProviderSpec
from promptlab.settings import ProviderSettings

NAME = "sketch"
_SIZE = "768x768"


class SketchProvider:
    """Draws a landscape that follows from the request alone: the same request and seed are the same bytes."""

    name = NAME

    def __init__(self, lookup: Callable[[str], Capabilities]) -> None:
        self._lookup = lookup

    def capabilities(self, model: str) -> Capabilities:
        return self._lookup(model)

    def generate(self, request: ImageRequest, *, accepted: Callable[[str], None]) -> ImageResult:  # noqa: ARG002
        """Draw; there is nothing to wait for, so `accepted` is never called."""
        seed = secrets.randbits(31) if request.seed is None else request.seed
        size = str(request.parameters.get("size", _SIZE))
        looks = sketch_drawing.Looks(prompt=request.combined_prompt, width=_side(size, 0), height=_side(size, 1))
        images = tuple(
            _draw(request, looks, _entropy(request, seed=seed, index=index)) for index in range(request.count)
        )
        return ImageResult(
            images=images,
            effective_parameters={"size": size, "output_format": "png", "seed": seed},
            cost_usd=0.0,
        )

    def resume(self, handle: str, *, seconds: float | None = None) -> ImageResult:  # noqa: ARG002 - nothing runs
        raise OutcomeUnknown(f"The offline provider has no job {handle!r}.", kind="no_handle")

    def cancel(self, handle: str) -> None:
        """Do nothing: a drawing is finished before anybody could ask."""

    def check(self) -> str:
        self.generate(
            ImageRequest(model="", user_prompt="", parameters={"size": "64x64"}), accepted=lambda _handle: None
        )
        return "It draws, on this machine; it needs neither key nor network."

    def close(self) -> None:
        """There is nothing to close."""


def _side(size: str, position: int) -> int:
    sides = size.split("x")
    if len(sides) != 2 or not all(side.isascii() and side.isdecimal() and 64 <= int(side) <= 2048 for side in sides):
        raise ProviderFailed(f"size={size} is not WIDTHxHEIGHT, each from 64 to 2048.", kind="bad_request")
    return int(sides[position])


def _entropy(request: ImageRequest, *, seed: int, index: int) -> bytes:
    """Return a hash of everything that may change the picture."""
    pictures = [*request.inputs, *([request.mask] if request.mask else [])]
    told = [request.model, request.system_prompt, request.user_prompt, dict(request.parameters), seed, index]
    hashes = [hashlib.sha256(picture.data).hexdigest() for picture in pictures]
    return hashlib.sha256(json.dumps([*told, *hashes], sort_keys=True, default=str).encode()).digest()


def _draw(request: ImageRequest, looks: sketch_drawing.Looks, entropy: bytes) -> bytes:
    mask = request.mask.data if request.mask else None
    try:
        return sketch_drawing.draw(looks, entropy, inputs=[image.data for image in request.inputs], mask=mask)
    except (OSError, ValueError) as error:  # what Pillow raises over bytes that are no image
        raise ProviderFailed(f"An input image cannot be read: {error}", kind="bad_request") from error


def _build(_settings: ProviderSettings, lookup: Callable[[str], Capabilities]) -> ImageProvider:
    return SketchProvider(lookup)


PROVIDER = ProviderSpec(
    name=NAME,
    summary="draws offline, at once and free of charge, for trying things out",
    default_model=read_catalogue().default_model(NAME),
    key_needed=False,
    build=_build,
)
