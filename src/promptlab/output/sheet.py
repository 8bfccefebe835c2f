"""Several pictures side by side as one: for a terminal that draws them, and for a viewer that opens one at a time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

from promptlab.errors import InvalidInput

if TYPE_CHECKING:
    from PIL.Image import Image

_GREY = (128, 128, 128)
_TALLEST = 1600
"""Pixels of a sheet for a viewer, which any of them shows at once."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a picture lies in its sheet, in pixels."""

    left: int
    width: int


def side_by_side(
    pictures: Sequence[bytes], *, width: int, height: int, gap: int, above: int = 0
) -> "tuple[Image, list[Place]]":
    """Return a sheet with the pictures in a row, equally high, and the place of each.

    It is at most that many pixels wide and high. `gap` pixels are between two of them, `above` pixels over them.

    Raises:
        InvalidInput: one of them cannot be read as a picture.
    """
    from PIL import Image

    opened = [_opened(data) for data in pictures]
    shapes = [each.width / each.height for each in opened]
    room = max(len(opened), width - gap * (len(opened) - 1))
    tall = max(1, min(height - above, int(room / sum(shapes)), max(each.height for each in opened)))
    places = list(_places(_fitted([int(tall * shape) for shape in shapes], room), gap))
    sheet = Image.new("RGB", (places[-1].left + places[-1].width, tall + above), _GREY)
    for each, place in zip(opened, places, strict=True):
        sheet.paste(each.resize((place.width, tall), Image.Resampling.LANCZOS), (place.left, above))
    return sheet, places


def captioned(pictures: Sequence[tuple[str, bytes]]) -> bytes:
    """Return a PNG of the pictures in a row, each with its name over it; of one picture just its pixels.

    Nothing that was written into their files is in it. Raises what `side_by_side` raises.
    """
    if len(pictures) == 1:
        return _png(_opened(pictures[0][1]))
    from PIL import ImageDraw, ImageFont

    above = 48
    sheet, places = side_by_side(
        [data for _name, data in pictures], width=16_000, height=_TALLEST, gap=above // 2, above=above
    )
    font, pen = ImageFont.load_default(size=above * 2 // 3), ImageDraw.Draw(sheet)
    for (name, _data), place in zip(pictures, places, strict=True):
        pen.text((place.left + place.width / 2, above / 2), name, fill="white", font=font, anchor="mm")
    return _png(sheet)


def _png(picture: "Image") -> bytes:
    kept = BytesIO()
    picture.save(kept, "PNG", compress_level=1)
    return kept.getvalue()


def _opened(data: bytes) -> "Image":
    from PIL import Image, ImageOps

    try:
        found = ImageOps.exif_transpose(Image.open(BytesIO(data))).convert("RGBA")
        paper = Image.new("RGBA", found.size, "white")  # a new picture, which has nothing but pixels
        paper.alpha_composite(found)
        return paper.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InvalidInput("One of the pictures cannot be drawn.") from error


def _fitted(widths: Sequence[int], room: int) -> list[int]:
    """Return the widths, each at least one pixel; only of a picture that is all but a line something is cut."""
    fitted: list[int] = []
    for after, width in zip(reversed(range(len(widths))), widths, strict=True):
        fitted.append(max(1, min(width, room - sum(fitted) - after)))
    return fitted


def _places(widths: Sequence[int], gap: int) -> Iterator[Place]:
    left = 0
    for width in widths:
        yield Place(left=left, width=width)
        left += width + gap
