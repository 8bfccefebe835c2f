"""What a terminal can draw: asked in one breath, and never waited for long."""

import os
import re
import sys
from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING

from promptlab.output.preview import can_show_pictures

if TYPE_CHECKING:
    from rich.console import Console

Ask = Callable[[str, re.Pattern[bytes], float], re.Match[bytes] | None]
"""Sends a question to the terminal and returns what it answers within so many seconds, None if it does not."""

_WITH_KITTYS_GRAPHICS = frozenset({"xterm-kitty", "xterm-ghostty"})
_IN_ANOTHER = ("tmux", "screen")
_ATTRIBUTES = re.compile(rb"\x1b\[\?([\d;]*)c")
_SIXEL = b"4"


class Brush(StrEnum):
    """How pictures get onto a terminal."""

    KITTY = "kitty"
    SIXEL = "sixel"
    BLOCKS = "half blocks"


def brush_for(console: "Console", ask: Ask, *, blocks: bool) -> Brush | None:
    """Return how pictures are drawn here: real ones where the terminal has them, else half blocks if they may be used.

    None where nothing is to be drawn. A terminal within another (tmux) draws no real ones: it answers for itself, not
    for those who look at it.
    """
    if not can_show_pictures(console):
        return None
    return _graphics(ask) or (Brush.BLOCKS if blocks else None)


def _graphics(ask: Ask) -> Brush | None:
    terminal = os.environ.get("TERM", "")
    if "TMUX" in os.environ or terminal.startswith(_IN_ANOTHER):
        return None
    if terminal in _WITH_KITTYS_GRAPHICS:
        return Brush.KITTY if sys.stdout.isatty() else None  # the library sends these pictures to stdout
    answer = ask("\x1b[c", _ATTRIBUTES, _patience())
    return Brush.SIXEL if answer and _SIXEL in answer[1].split(b";") else None


def _patience() -> float:
    """Return for how many seconds an answer is waited for: every terminal has one, but it may be on its way."""
    return 1.0 if "SSH_CONNECTION" in os.environ else 0.3
