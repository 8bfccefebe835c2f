"""Pictures in the terminal: kitty's or sixel graphics where there are any, coloured half blocks elsewhere."""

import logging
from collections.abc import Callable, Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

View = dict[str, Any]
ReadImage = Callable[[str], bytes]
"""Returns the bytes of an image from the URL that is kept of it."""

_WIDEST = 36  # columns, which make 18 lines for a square: small, but recognised, and several fit beside each other
_GAP = 2


def can_show_pictures(console: "Console") -> bool:
    """Say whether pictures can be drawn: on a terminal with colours that nobody has turned off."""
    return console.is_terminal and console.color_system is not None and not console.no_color


def picture_row(console: "Console", item: View, read: ReadImage) -> "RenderableType":
    """Return the inputs and images of one generation side by side, each with what it is below.

    Importing the library asks the terminal what it can draw, so it is imported here and not before.
    """
    from rich.table import Table

    # A blind view says nothing of its generation; its id would tell what was made together.
    whose = f"generation {item['id']}: " if "version" in item else ""
    shown = [*_named("input", item["inputs"]), *_named(f"{whose}image", item["outputs"])]
    widest = min(_WIDEST, max(1, (console.width - _GAP * (len(shown) - 1)) // max(1, len(shown))))
    row = Table.grid(padding=(0, _GAP, 0, 0))
    row.add_row(*(_picture(image, read(image["url"]), widest) for _name, image in shown))
    row.add_row(*(name for name, _image in shown), style="dim")
    return row


def _picture(image: View, data: bytes, widest: int) -> "RenderableType":
    # Where a terminal does not say how large its cells are, the library logs a traceback and takes the usual size.
    logging.getLogger("textual_image").setLevel(logging.ERROR)
    from PIL import Image
    from textual_image.renderable import Image as Picture

    width = max(1, min(widest, round(_WIDEST * image["width"] / image["height"])))
    return Picture(Image.open(BytesIO(data)), width=width, height="auto")


def _named(what: str, images: Sequence[View]) -> list[tuple[str, View]]:
    of_all = f" of {len(images)}"
    return [
        (f"{what} {place}{of_all}" if len(images) > 1 else what, image) for place, image in enumerate(images, start=1)
    ]
