"""The user documentation as the tests see it: pages, their code, links, headings and tables."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parent.parent

_SPAN = re.compile(r"(?<!`)`([^`]+)`(?!`)")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


@dataclass(frozen=True)
class Page:
    """One Markdown file; `name` is its path from the root."""

    name: str

    @property
    def path(self) -> Path:
        return ROOT / self.name

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def blocks(self) -> list[list[str]]:
        """The lines of each block of code, fenced or indented by four."""
        return [lines for is_code, lines in self._parts if is_code]

    @cached_property
    def prose(self) -> str:
        """All that is no block of code."""
        return "\n".join("\n".join(lines) for is_code, lines in self._parts if not is_code)

    @property
    def spans(self) -> Iterator[str]:
        """Yield what stands between backquotes within the prose."""
        for found in _SPAN.finditer(self.prose):
            yield " ".join(found[1].replace("\\|", "|").split())

    @property
    def links(self) -> Iterator[str]:
        return (found[1] for found in _LINK.finditer(self.prose))

    @property
    def anchors(self) -> set[str]:
        """What a link to a heading says behind the #, as GitHub makes it."""
        headings = re.findall(r"^#+ (.+)$", self.prose, re.MULTILINE)
        return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}

    def tables(self) -> Iterator[list[list[str]]]:
        """Yield the rows of each table, without its heading."""
        rows: list[list[str]] = []
        for line in [*self.prose.splitlines(), ""]:
            if line.startswith("|"):
                rows.append([cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
            elif rows:
                yield rows[2:]
                rows = []

    @property
    def _parts(self) -> Iterator[tuple[bool, list[str]]]:
        """Yield code and prose in turn. As in Markdown, a blank line does not end an indented block."""
        lines: list[str] = []
        fenced = code = False
        for line in [*self.text.splitlines(), "```"]:
            fence = line.startswith("```")
            indented = line.startswith("    ") or (code and not line)
            is_code = (fenced and not fence) or (indented and not fenced and not fence)
            if is_code != code:
                yield code, _trimmed(lines, code=code, fenced=fenced)
                lines, code = [], is_code
            fenced ^= fence
            if not fence:
                lines.append(line)
        yield code, _trimmed(lines, code=code, fenced=False)


def _trimmed(lines: list[str], *, code: bool, fenced: bool) -> list[str]:
    while code and lines and not lines[-1]:
        lines = lines[:-1]
    return [line.removeprefix("    ") for line in lines] if code and not fenced else lines


def pages() -> list[Page]:
    """Return the README and every page of docs."""
    found = [*sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "docs" / "providers").glob("*.md"))]
    return [Page("README.md"), *(Page(path.relative_to(ROOT).as_posix()) for path in found)]
