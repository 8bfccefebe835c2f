"""A line of text on the screen while it is typed, where the terminal shows nothing by itself."""

import re
import shutil
import sys
from collections.abc import Callable

_DELETIONS: dict[str, Callable[[str], str]] = {
    "\x7f": lambda text: text[:-1],
    "\x08": lambda text: text[:-1],
    "\x15": lambda _text: "",  # Ctrl-U
    "\x17": lambda text: re.sub(r"\S*\s*\Z", "", text),  # Ctrl-W
}


class TypedLine:
    """A line of text on the screen while it is typed."""

    def __init__(self, question: str) -> None:
        self._question = question
        self.text = ""
        write(question)

    def take(self, key: str) -> None:
        """Add what a key stands for, or take away what it deletes; other keys do nothing."""
        if key in _DELETIONS:
            self._show(_DELETIONS[key](self.text))
        elif key == "\t" or key.isprintable():
            added = " " if key == "\t" else key
            self.text += added
            write(added)

    def _show(self, text: str) -> None:
        """Write question and text anew, over the lines that they have taken."""
        from rich.cells import cell_len

        lines = max(0, cell_len(self._question + self.text) - 1) // shutil.get_terminal_size().columns
        up = f"\x1b[{lines}A" if lines else ""
        self.text = text
        write(f"\r{up}\x1b[J{self._question}{text}")


def write(text: str) -> None:
    """Write to the terminal at once."""
    sys.stderr.write(text)
    sys.stderr.flush()
