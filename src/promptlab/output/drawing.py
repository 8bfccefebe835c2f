"""Pictures drawn in a terminal, side by side, as large as there is room for; made ahead of their time if need be."""

import logging
import math
import sys
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING, Any

from promptlab.output.sheet import Place, side_by_side
from promptlab.output.terminal import Brush

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console, RenderableType

_OTHER_LINES = 9
"""Of a screen, for what stands above and below the pictures."""
_FEWEST_LINES = 6
_GAP_CELLS = 2


@dataclass(frozen=True)
class Drawing:
    """Pictures ready to be written: `size` is that of the terminal that they were made for."""

    size: tuple[int, int]
    picture: "RenderableType | str"
    captions: str

    def onto(self, console: "Console") -> None:
        """Write pictures and captions."""
        if isinstance(self.picture, str):
            console.file.write(self.picture)
        else:
            console.print(self.picture)
        console.print(self.captions, style="dim", no_wrap=True, overflow="crop")


class Easel:
    """Draws pictures for one terminal with one brush. To be made where the terminal can be asked."""

    def __init__(self, console: "Console", brush: Brush) -> None:
        self._console, self._brush = console, brush
        # Where a terminal does not say how large its cells are, the library logs a traceback and takes the usual size.
        logging.getLogger("textual_image").setLevel(logging.ERROR)
        with _no_questions():
            from textual_image import renderable
        from textual_image._terminal import get_cell_size

        self._kinds = {
            Brush.KITTY: renderable.TGPImage,
            Brush.SIXEL: renderable.SixelImage,
            Brush.BLOCKS: renderable.HalfcellImage,
        }
        self._cell = get_cell_size()  # asks the terminal, for a tenth of a second at most, and once

    @property
    def size(self) -> tuple[int, int]:
        """How many columns and lines the terminal has now."""
        found = self._console.size
        return found.width, found.height

    def draw(self, pictures: Sequence[tuple[str, bytes]]) -> Drawing:
        """Return the drawing of pictures and their captions; this may be done in another thread.

        Raises:
            InvalidInput: one of them cannot be read as a picture.
        """
        columns, lines = size = self.size
        lines = max(_FEWEST_LINES, lines - _OTHER_LINES)
        wide, tall = self._cell
        sheet, places = side_by_side(
            [data for _caption, data in pictures], width=columns * wide, height=lines * tall, gap=_GAP_CELLS * wide
        )
        cells = min(columns, math.ceil(sheet.width / wide)), min(lines, math.ceil(sheet.height / tall))
        picture = self._kinds[self._brush](sheet, width=cells[0], height=cells[1])
        captions = _below([caption for caption, _data in pictures], places, wide)
        return Drawing(size, self._written(picture, size), captions)

    def _written(self, picture: Any, size: tuple[int, int]) -> "RenderableType | str":
        """Return what is to be written for the picture. Of kitty's a part is sent when it is shown, so it waits."""
        if self._brush is Brush.KITTY:
            return picture  # type: ignore[no-any-return]
        from rich.console import Console

        colours: Any = self._console.color_system
        paper = Console(file=StringIO(), force_terminal=True, color_system=colours, width=size[0], height=size[1])
        paper.print(picture)
        assert isinstance(paper.file, StringIO)  # noqa: S101 - made four lines above
        return paper.file.getvalue()


def _below(captions: Sequence[str], places: Sequence[Place], cell_width: int) -> str:
    """Return a line with each caption below the beginning of its picture."""
    line = ""
    for caption, place in zip(captions, places, strict=True):
        column = place.left // cell_width
        line = f"{line[: max(0, column - 1)].ljust(column)}{caption}"
    return line


@contextmanager
def _no_questions() -> "Iterator[None]":
    """Let the library be imported without asking the terminal what it can draw: it asks where stdout is one."""
    before = sys.__stdout__
    vars(sys)["__stdout__"] = None
    try:
        yield
    finally:
        vars(sys)["__stdout__"] = before
