"""Small pieces of what is shown: times, money, links, and text that cannot upset a terminal."""

import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

_AGES = ((60, "s", 1), (3600, "min", 60), (86400, "h", 3600), (float("inf"), "d", 86400))
_SMALLEST = 0.0001
_PIECE = re.compile(r"(?<=: )promptlab .*|[^\s`]*`[^`]*`[^\s`]*|\S+")

STATE_STYLES = {
    "succeeded": "green",
    "refused": "yellow",
    "failed": "red",
    "unknown": "magenta",
    "planned": "dim",
    "sending": "cyan",
    "cancelled": "dim",
    "running": "cyan",
    "paused": "yellow",
    "stopped": "yellow",
    "done": "green",
}
"""Of generations, then of batches."""


def plain(text: str) -> "Text":
    """Return text as it is shown: control characters, which could command the terminal, become visible."""
    from rich.text import Text

    return Text(visible(text))


def visible(text: str) -> str:
    """Return text whose control characters, marks that turn its direction and lone surrogates are `\ufffd`."""
    if text.replace("\n", "").isprintable():  # the usual case, which Python tells at once
        return text
    return "".join("\ufffd" if _commands(character) else character for character in text)


def said(item: Mapping[str, Any]) -> str:
    """Return what was found, and how to mend it where that is known; a service may end its sentence without a stop."""
    message, hint = item["message"], item["hint"]
    stop = "" if not hint or message.endswith((".", "!", "?", "…", ":")) else "."
    return f"{message}{stop} {hint}" if hint else str(message)


def short(text: str | None, length: int) -> "Text":
    """Return the first line's worth of a text, with an ellipsis where something was left out."""
    return plain(one_line(text, length))


def one_line(text: str | None, length: int) -> str:
    """Return a text in one line of at most that many characters, as it is meant by `short`."""
    words = " ".join((text or "").split())
    return words if len(words) <= length else words[: length - 1] + "…"


def wrapped(text: str, width: int) -> str:
    """Return a text in lines of at most that many columns, broken at blanks only.

    A command, in backticks or from `: promptlab` on to the end of its line, stays in one piece: it is for copying.
    """
    return "\n".join(_wrapped(line, width) for line in text.split("\n"))


def state(value: str) -> "Text":
    """Return a state in its colour."""
    from rich.text import Text

    return Text(value, style=STATE_STYLES.get(value, ""))


def counted(number: int, what: str) -> str:
    """Return `1 image`, `2 images`."""
    return f"{number} {what}" + ("" if number == 1 else "s")


def local_time(moment: str | None) -> str:
    """Return an ISO time of the JSON view in the clock of the person, to the minute."""
    return "" if moment is None else _parse(moment).astimezone().strftime("%Y-%m-%d %H:%M")


def age(moment: str) -> str:
    """Return how long ago an ISO time of the JSON view was, in the largest unit that fits."""
    seconds = max(0.0, (datetime.now(UTC) - _parse(moment)).total_seconds())
    return next(f"{int(seconds // size)} {unit}" for limit, unit, size in _AGES if seconds < limit)


def money(usd: float | None) -> str:
    """Return US dollars to a hundredth of a cent; a price that is not known is no zero, nor is a very small one."""
    if usd is None:
        return "?"
    if 0 < usd < _SMALLEST:
        return f"<${_SMALLEST}"
    cents, rest = f"{usd:.4f}"[:-2], f"{usd:.4f}"[-2:].rstrip("0")
    return f"${cents}{rest}" if usd else "$0"


def seconds(milliseconds: float | None) -> str:
    """Return milliseconds as seconds."""
    if milliseconds is None:
        return ""
    return f"{milliseconds / 1000:.{1 if milliseconds >= 1000 else 2}f} s"


def duration(seconds: float | None) -> str:
    """Return a time of seconds to hours in its two largest units: `42 s`, `3 min 5 s`, `2 h 10 min`."""
    if seconds is None:
        return ""
    whole = round(seconds)
    for large, small, size, part in (("h", "min", 3600, 60), ("min", "s", 60, 1)):
        if whole >= size:
            rest = whole % size // part
            return f"{whole // size} {large}" + (f" {rest} {small}" if rest else "")
    return f"{whole} s"


def spent(item: Mapping[str, Any]) -> str:
    """Return what something cost, as far as that is known: `$0.12 + ?` where it is not of all."""
    if item["cost_usd"] is None:
        return "?" if item["unpriced"] else ""
    return money(item["cost_usd"]) + (" + ?" if item["unpriced"] else "")


def image_link(console: "Console", image: dict[str, Any], link: str) -> "Text":
    """Return a link to an image: clickable on a terminal that can, else the whole address."""
    from rich.style import Style
    from rich.text import Text

    if not (console.is_terminal and console.color_system) or console.legacy_windows:
        return Text(link, overflow="fold", no_wrap=False)
    name = urlsplit(image["url"]).path.rpartition("/")[2]
    stem, dot, kind = name.rpartition(".")
    shown = f"{stem[:10]}{dot}{kind} {image['width']}x{image['height']}"
    return Text(shown, style=Style(link=link, underline=True))


def _wrapped(line: str, width: int) -> str:
    from rich.cells import cell_len

    if cell_len(line) <= width:
        return line
    lines = [""]
    for piece in _PIECE.findall(line):
        longer = f"{lines[-1]} {piece}" if lines[-1] else piece
        if not lines[-1] or cell_len(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(piece)
    return "\n".join(lines)


def _commands(character: str) -> bool:
    return character not in "\n\t" and unicodedata.category(character) in {"Cc", "Cf", "Cs"} and character != "\u200d"


def _parse(moment: str) -> datetime:
    return datetime.fromisoformat(moment)
