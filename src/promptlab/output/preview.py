"""Pictures in the terminal: kitty's or sixel graphics where there are any, coloured half blocks elsewhere."""

from collections.abc import Callable, Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

View = dict[str, Any]
ReadImage = Callable[[str], bytes]
"""Returns the bytes of an image from the URL that is kept of it."""

_WIDEST = 28  # columns; a small picture is recognised, and several fit beside each other
_GAP = 2


def can_show_pictures(console: "Console") -> bool:
    """Say whether pictures can be drawn: on a terminal with colours that nobody has turned off."""
    return console.is_terminal and console.color_system is not None and not console.no_color


def picture_row(console: "Console", item: View, read: ReadImage) -> "RenderableType":
    """Return the inputs and images of one generation side by side, each with what it is below.

    Importing the library asks the terminal what it can draw, so it is imported here and not before.
    """
    from PIL import Image
    from rich.table import Table
    from textual_image.renderable import Image as Picture

    shown = [*_named("input", item["inputs"]), *_named("image", item["outputs"])]
    width = min(_WIDEST, max(1, (console.width - _GAP * (len(shown) - 1)) // max(1, len(shown))))
    row = Table.grid(padding=(0, _GAP, 0, 0))
    for _ in shown:
        row.add_column(width=width)
    row.add_row(*(Picture(Image.open(BytesIO(read(image["url"]))), width=width) for _name, image in shown))
    row.add_row(*(name for name, _image in shown), style="dim")
    return row


def _named(what: str, images: Sequence[View]) -> list[tuple[str, View]]:
    return [(f"{what} {place}" if len(images) > 1 else what, image) for place, image in enumerate(images, start=1)]
