"""Pieces of Markdown that hold whatever is put into them.

What people and services wrote stands in `<code>`, with every mark of punctuation as a number: so it can neither end
its cell nor be Markdown or HTML, and GitHub and GitLab make no mention, reference or picture of it.
"""

import re
from collections.abc import Iterable, Sequence

from promptlab.output.cells import one_line, visible

_PUNCTUATION = re.compile(r"[!-+\--/:-@\[-`{-~]")
_NOT_OF_A_URL = re.compile(r"[^A-Za-z0-9:/.?=%_~-]")


def code(text: str | None, length: int) -> str:
    """Return a text of somebody's in one line of at most that many characters, as it stands."""
    shown = one_line(visible(text or ""), length)
    return f"<code>{_PUNCTUATION.sub(_number, shown)}</code>" if shown else ""


def picture(link: str, alternative: str, width: int) -> str:
    """Return the picture behind a link, so many pixels wide; GitHub and GitLab let a click open it."""
    return f'<img src="{_attribute(link)}" width="{width}" alt="{_attribute(alternative)}">'


def table(headings: Sequence[str], rows: Iterable[Sequence[str]], *, room: int, left_out: str) -> str:
    """Return a table of cells that are Markdown already; a heading that starts with `>` is for numbers.

    Rows go in while there is room, in bytes; `left_out` says how many do not, such as `{} more`.
    """
    head = _row([heading.removeprefix(">") for heading in headings])
    lines = [head, _row(["--:" if heading.startswith(">") else "---" for heading in headings])]
    room -= len("\n".join([*lines, left_out, ""]).encode())
    missing = 0
    for row in map(_row, rows):
        room -= len(row.encode()) + 1
        if room < 0:
            missing += 1
        else:
            lines.append(row)
    return "\n".join([*lines, *(["", left_out.format(missing)] if missing else [])]) + "\n"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _attribute(text: str) -> str:
    return _NOT_OF_A_URL.sub(_number, visible(text))


def _number(found: "re.Match[str]") -> str:
    return f"&#{ord(found[0])};"
