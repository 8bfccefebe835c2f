"""Makes the pictures of the README from a real run: `make pictures`."""

import os
import re
import sys
import tempfile
from collections.abc import Sequence
from io import StringIO
from pathlib import Path

import pexpect
from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

HERE = Path(__file__).parent
WIDTH = 80
# Whoever looks at a picture loads nothing from elsewhere for it.
_FORMAT = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)

_HOME = "/srv/lab/posters"

# What is asked of the terminal before pictures are drawn.
_ASKED = re.compile(r"\x1b_G.*?\x1b\\|\x1b\[(?:16t|c)")


def session(folder: Path, *arguments: str, keys: Sequence[tuple[str, str]] = (), lines: int = 60) -> str:
    """Run a command on a terminal and return what it showed; `keys` are what to wait for and what to press then."""
    environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", "PROMPTLAB_RATER": "ana"}
    child: pexpect.spawn[str] = pexpect.spawn(
        sys.executable, ["-m", "promptlab", *arguments],
        cwd=str(folder), env=environment, encoding="utf-8", timeout=60, dimensions=(lines, WIDTH),
    )  # fmt: skip
    shown = ""
    for awaited, key in keys:
        child.expect_exact(awaited)
        shown += f"{child.before}{child.after}"
        child.send(key)
    child.expect(pexpect.EOF)
    return tidy(_ASKED.sub("", shown + str(child.before)), str(folder.parent))


def tidy(shown: str, place: str) -> str:
    """Return what was shown with a home of the same length in the place of the folder that lives for this run only."""
    return shown.replace(place, _HOME.ljust(len(place), "x")[: len(place)])


def save(name: str, title: str, steps: Sequence[tuple[str, str]]) -> None:
    """Write one picture: each step is a command line and what it showed."""
    console = Console(record=True, width=WIDTH, file=StringIO(), force_terminal=True)
    for place, (command, shown) in enumerate(steps):
        if place:
            console.print()
        console.print(Text(f"$ promptlab {command}", style="bold"))
        console.print(Text.from_ansi(shown.replace("\r\n", "\n").rstrip()))
    console.save_svg(str(HERE / f"{name}.svg"), title=title, code_format=_FORMAT, unique_id=f"promptlab-{name}")


def main() -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as place:  # a short one, so that addresses keep to few lines
        folder = Path(place) / "tour"
        session(Path(place), "demo", "--dir", str(folder))
        compare = ["prompt", "diff", "poster@1", "poster@2"]
        buy = ["generate", "--prompt-version", "poster", "--var", "subject=lighthouse", "--seed", "7", "--preview"]
        save(
            "generate",
            "promptlab generate",
            [(" ".join(command), session(folder, *command)) for command in (compare, buy)],
        )
        keys = [("q quit", key) for key in "4q"]
        rate = session(folder, "rate", "--preview", keys=keys, lines=24)
        save("rate", "promptlab rate", [("rate --preview", rate)])
        save("stats", "promptlab stats", [("stats", session(folder, "stats"))])


if __name__ == "__main__":
    main()
