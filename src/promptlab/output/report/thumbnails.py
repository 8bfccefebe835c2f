"""Small pictures of images, as JPEG: for a page that must not become large."""

from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

from promptlab.services.images import MAX_PIXELS

if TYPE_CHECKING:
    from PIL.Image import Image

_GAP = 1.0
"""Whole pixels are averaged as far as that goes, which takes a quarter of the time; only the rest is resampled."""

_BEST = 92
"""The quality of pictures in full size that are made anew."""


class Undrawable(Exception):
    """These bytes cannot be drawn."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """How small a picture is: pixels of its longer edge, and JPEG's quality."""

    edge: int
    quality: int


STEPS = (
    Step(edge=512, quality=78),
    Step(edge=400, quality=76),
    Step(edge=340, quality=72),
    Step(edge=280, quality=66),
    Step(edge=220, quality=60),
    Step(edge=160, quality=50),
)
"""From the best to the smallest that still shows something."""

SMALLEST_BYTES = 1_000
"""About what the smallest picture takes at least."""


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A picture for a page."""

    data: bytes
    media_type: str
    width: int
    height: int


def thumbnail(data: bytes, step: Step) -> Picture:
    """Return an image as a thumbnail; of an animation its first frame, on white where it is transparent.

    Raises:
        Undrawable: it cannot be read.
    """
    from PIL import Image, ImageOps

    try:
        with Image.open(BytesIO(data)) as image:
            if image.width * image.height > MAX_PIXELS:
                raise Undrawable
            image.draft("RGB", (step.edge, step.edge))
            # The longer edge is bounded, so it may be turned as the camera says after it is small.
            turned = ImageOps.exif_transpose(_small(image, step.edge))
            return _saved(turned, step.quality)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise Undrawable from error


def redrawn(data: bytes) -> Picture:
    """Return an image in full size without anything that its file says of how it was made. Raises Undrawable."""
    from PIL import Image, ImageOps

    try:
        with Image.open(BytesIO(data)) as image:
            if image.width * image.height > MAX_PIXELS:
                raise Undrawable
            return _saved(ImageOps.exif_transpose(image), _BEST)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise Undrawable from error


def _small(image: "Image", edge: int) -> "Image":
    if image.mode == "P":  # the numbers of colours have no average
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    image.thumbnail((edge, edge), reducing_gap=_GAP)
    return image


def _saved(image: "Image", quality: int) -> Picture:
    kept = BytesIO()
    flat = _on_white(image)
    flat.save(kept, "JPEG", quality=quality, optimize=True)
    return Picture(data=kept.getvalue(), media_type="image/jpeg", width=flat.width, height=flat.height)


def _on_white(image: "Image") -> "Image":
    from PIL import Image

    if not image.has_transparency_data:
        return image.convert("RGB")
    whole = image.convert("RGBA")
    flat = Image.new("RGBA", whole.size, "white")
    flat.alpha_composite(whole)
    return flat.convert("RGB")
