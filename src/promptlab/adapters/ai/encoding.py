"""Images as text, the ways in which services write them."""

from contextlib import suppress
from urllib.parse import unquote_to_bytes

import pybase64  # a tenth of the time of the standard library's, which is a fifth of what an image takes

from promptlab.adapters.ai.protocol import InputImage


def to_base64(image: InputImage) -> str:
    return pybase64.b64encode_as_string(image.data)


def to_data_url(image: InputImage) -> str:
    return f"data:{image.media_type};base64,{to_base64(image)}"


def from_base64(text: str) -> bytes:
    """Return the bytes, of either alphabet; line breaks and left-out padding do no harm.

    Raises:
        ValueError: this is no base64.
        AttributeError: this is no text, whatever the service calls it.
    """
    # Nearly all text is as it should be, and megabytes are not gone through four times.
    with suppress(ValueError, TypeError):
        return pybase64.b64decode(text, validate=True)
    packed = "".join(text.split()).replace("-", "+").replace("_", "/")
    return pybase64.b64decode(packed + "=" * (-len(packed) % 4), validate=True)


def from_data_url(url: str) -> bytes:
    """Return what a `data:` URL holds; raises ValueError where it is none."""
    about, comma, data = url.partition(",")
    if not comma:
        raise ValueError("no data URL")
    return from_base64(data) if about.endswith(";base64") else unquote_to_bytes(data)
