"""The images that the test server answers with, and the tokens that it counts for them."""

import hashlib
from collections.abc import Mapping
from io import BytesIO
from typing import Any

from PIL import Image, ImageDraw
from tests.openai_requests import Request

# Published for gpt-image-1.5 at 1024x1024; a wide or a high image takes half as much again.
_OUTPUT_TOKENS = {"low": 272, "medium": 1056, "high": 4160, "xhigh": 7396, "max": 16640}
_INPUT_IMAGE_TOKENS = 323


def size_of(fields: Mapping[str, Any]) -> str:
    """Return the size that the service chooses where it is left to it."""
    size: str = fields.get("size", "auto")
    return "1024x1024" if size == "auto" else size


def quality_of(fields: Mapping[str, Any]) -> str:
    quality: str = fields.get("quality", "auto")
    return "medium" if quality == "auto" else quality


def drawn(request: Request, number: int) -> bytes:
    """Return an image of the size and format asked for: stripes that follow from the prompt, the inputs before them."""
    width, height = map(int, size_of(request.fields).split("x"))
    digest = hashlib.sha256(f"{request.fields['prompt']}\0{number}".encode()).digest()
    image = Image.new("RGB", (width, height), tuple(digest[:3]))
    pen = ImageDraw.Draw(image)
    for stripe in range(6):
        top = height * digest[3 + stripe] // 256
        pen.rectangle((0, top, width, top + height // 12), fill=tuple(digest[9 + 3 * stripe : 12 + 3 * stripe]))
    for position, part in enumerate(part for part in request.files if part.name != "mask"):
        with Image.open(BytesIO(part.data)) as given:
            image.paste(given.convert("RGB").resize((width // 4, height // 4)), (position * width // 4, height // 3))
    out = BytesIO()
    image.save(out, request.fields.get("output_format", "png"), compress_level=1)
    return out.getvalue()


def usage_of(request: Request, count: int) -> dict[str, Any]:
    """Return the usage as the service reports it."""
    text = -(-len(request.fields["prompt"]) // 4)
    images = _INPUT_IMAGE_TOKENS * len(request.files)
    width, height = map(int, size_of(request.fields).split("x"))
    each = _OUTPUT_TOKENS[quality_of(request.fields)] * (1 if width == height else 3) // (1 if width == height else 2)
    return {
        "input_tokens": text + images,
        "input_tokens_details": {"text_tokens": text, "image_tokens": images},
        "output_tokens": each * count,
        "output_tokens_details": {"image_tokens": each * count, "text_tokens": 0},
        "total_tokens": text + images + each * count,
    }
