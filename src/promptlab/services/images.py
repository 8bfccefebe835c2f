"""What image bytes really are: sniffed from the bytes themselves, decoded to the end, and bounded in size.

Nobody's word is taken for it: not a file's name, not a provider's media type.
"""

from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_PIXELS = 90_000_000
"""More than a 61-megapixel photograph, and still no more than 360 MB when decoded."""

MAX_FRAMES = 64

_KINDS = {
    "PNG": ("image/png", ".png"),
    "JPEG": ("image/jpeg", ".jpg"),
    "MPO": ("image/jpeg", ".jpg"),  # what many telephones write: a JPEG with a second picture behind it
    "WEBP": ("image/webp", ".webp"),
    "GIF": ("image/gif", ".gif"),
}
_OPENERS = [kind for kind in _KINDS if kind != "MPO"]  # which the opener of JPEG finds out by itself
_EXTENSIONS = dict(_KINDS.values())


class UnusableImage(Exception):
    """These bytes are no complete image; `reason` completes the sentence «it …»."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, kw_only=True)
class ImageInfo:
    """What an image is; width and height in pixels."""

    media_type: str
    width: int
    height: int
    animated: bool = False
    transparent: bool = False
    """Whether there is an alpha channel."""


def extension(media_type: str) -> str:
    """Return the file name extension of a media type, with its dot."""
    return _EXTENSIONS[media_type]


def inspect_image(data: bytes) -> ImageInfo:
    """Decode an image to its end and return what it is.

    Raises:
        UnusableImage: empty, no image of a kind that is kept, too large, cut off or damaged.
    """
    if not data:
        raise UnusableImage("is empty")
    from PIL import Image, UnidentifiedImageError

    # Pillow's own guard warns at this size and raises at twice of it; ours below comes first and always raises.
    Image.MAX_IMAGE_PIXELS = None
    try:
        with Image.open(BytesIO(data), formats=_OPENERS) as image:
            return _inspect(image)
    except UnusableImage:
        raise
    except UnidentifiedImageError as error:
        raise UnusableImage("is no PNG, JPEG, WebP or GIF image") from error
    except Exception as error:
        raise UnusableImage(f"is cut off or damaged ({error or type(error).__name__})") from error


def _inspect(image: "Image") -> ImageInfo:
    if image.width * image.height > MAX_PIXELS:
        raise UnusableImage(f"has {image.width}x{image.height} pixels, more than {MAX_PIXELS:,}")
    media_type, _extension = _KINDS[image.format or ""]
    frames = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)
    if frames > MAX_FRAMES:
        raise UnusableImage(f"has {frames} frames, more than {MAX_FRAMES}")
    for frame in range(frames):
        image.seek(frame)
        image.load()
    return ImageInfo(
        media_type=media_type,
        width=image.width,
        height=image.height,
        animated=frames > 1,
        transparent=image.has_transparency_data,
    )
