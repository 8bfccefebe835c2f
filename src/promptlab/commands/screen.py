"""What somebody who rates or votes has before them, on stderr: a title, pictures or their links, and talk."""

import shutil
import sys
import tempfile
import textwrap
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from promptlab.commands.keyboard import Keyboard
from promptlab.commands.viewer import open_link
from promptlab.errors import PromptlabError
from promptlab.runtime import Runtime

if TYPE_CHECKING:
    from rich.console import RenderableType

    from promptlab.output.ahead import Ahead
    from promptlab.output.drawing import Drawing, Easel

View = dict[str, Any]

_GLUE = "\u00a0"
_NARROW, _BAR = 60, 20
"""Columns below which there is no bar, and those of one."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """What somebody is asked about: images by what they are called here, and what they belong to."""

    id: Hashable
    images: Sequence[tuple[str, Sequence[View]]]
    """Such as `inputs`, `images` or `left`, and of each the views."""
    subject: Any

    @property
    def pictures(self) -> list[tuple[str, View]]:
        """Each image with its caption."""
        return [
            (f"{name.removesuffix('s')} {place} of {len(views)}" if len(views) > 1 else name.removesuffix("s"), view)
            for name, views in self.images
            for place, view in enumerate(views, start=1)
        ]


class Screen:
    """Shows questions on one terminal: drawn where it can, with `preview` in half blocks too, else as links."""

    def __init__(self, runtime: Runtime, keyboard: Keyboard, *, preview: bool) -> None:
        self._runtime, self._keyboard, self._preview = runtime, keyboard, preview
        self._easel: Easel | None = None
        self._ahead: Ahead[Drawing] | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def begin(self) -> None:
        """Find out what the terminal can draw; the keyboard must be held."""
        from promptlab.output.ahead import Ahead
        from promptlab.output.sink import make_console
        from promptlab.output.terminal import brush_for

        console = make_console(sys.stderr)
        brush = brush_for(console, self._keyboard.inquire, blocks=self._preview) if self._keyboard.is_terminal else None
        if brush is not None:
            from promptlab.output.drawing import Easel

            self._easel, self._ahead = Easel(console, brush), Ahead()
        elif self._preview:
            self._runtime.output.note("No pictures can be drawn here; the links open them.")

    def end(self) -> None:
        """Remove what was made for the viewer."""
        if self._folder is not None:
            self._folder.cleanup()

    def say(self, text: str) -> None:
        """Say a sentence."""
        from promptlab.output.cells import wrapped
        from promptlab.output.sink import make_console

        sys.stderr.write(f"{wrapped(text, make_console(sys.stderr).width)}\n")
        sys.stderr.flush()

    def say_keys(self, keys: Sequence[str]) -> None:
        """Say which keys there are. A narrow terminal breaks the line between two of them, never within one."""
        glued = "  ".join(key.replace(" ", _GLUE) for key in keys)
        self.say(textwrap.fill(glued, shutil.get_terminal_size().columns).replace(_GLUE, " "))

    def show(self, picture: "RenderableType") -> None:
        """Print something that is made for a terminal."""
        from promptlab.output.sink import make_console, print_trimmed

        print_trimmed(make_console(sys.stderr), picture)

    def title(self, what: str, place: int, total: int) -> None:
        """Say how far it has come: `Item 7 of 60`, with a bar where there is room."""
        from promptlab.output.sink import make_console
        from promptlab.services.review_queue import MAX_COUNTED

        console = make_console(sys.stderr)
        of = f"more than {MAX_COUNTED:,}" if total > MAX_COUNTED else total
        console.print(f"\n{what} {place} of {of}", style="bold", end="")
        wide = console.is_terminal and console.width >= _NARROW and (console.encoding or "").startswith("utf")
        done = round(_BAR * (place - 1) / total)
        console.print(f"  {'━' * done}{'─' * (_BAR - done)}" if wide else "", style="dim")

    def pictures(self, question: Question) -> None:
        """Draw the pictures, or list their links."""
        from promptlab.output.sink import make_console

        if self._easel is not None and self._ahead is not None:
            try:
                drawing = self._ahead.take(question.id, partial(self._draw, question))
                if drawing.size != self._easel.size:
                    drawing = self._draw(question)
                drawing.onto(make_console(sys.stderr))
            except PromptlabError as error:
                self.say(error.message)
            else:
                return
        self._links(question)

    def expect(self, questions: Iterable[Question]) -> None:
        """Make the drawings of what comes next, while somebody looks at what is there."""
        if self._ahead is not None:
            self._ahead.expect({each.id: partial(self._draw, each) for each in questions})

    def open(self, question: Question) -> None:
        """Open the pictures in the viewer, as one: side by side, with their names, and without what is written inside.

        Services write prompts into their files, and some viewers show that.
        """
        try:
            links = [self._runtime.link(view["url"]) for _name, view in question.pictures]
            open_link(self._sheet(question), told=links)
        except PromptlabError as error:
            self.say(error.message)

    def _links(self, question: Question) -> None:
        from promptlab.output.generations import whole_links
        from promptlab.output.sink import make_console
        from promptlab.output.tables import details

        console = make_console(sys.stderr)
        links = [(name, whole_links(console, views, self._runtime.link)) for name, views in question.images]
        self.show(details(links))

    def _draw(self, question: Question) -> "Drawing":
        assert self._easel is not None  # noqa: S101 - only who has one draws
        return self._easel.draw(self._read(question))

    def _sheet(self, question: Question) -> str:
        """Return the address of a picture of all pictures, whose name tells nothing."""
        from promptlab.output.sheet import captioned

        self._folder = self._folder or tempfile.TemporaryDirectory(prefix="promptlab-")
        file = Path(self._folder.name) / f"{len(list(Path(self._folder.name).iterdir())) + 1}.png"
        file.write_bytes(captioned(self._read(question)))
        return file.as_uri()

    def _read(self, question: Question) -> list[tuple[str, bytes]]:
        read = self._runtime.storage.read
        return [(caption, read(view["url"])) for caption, view in question.pictures]
