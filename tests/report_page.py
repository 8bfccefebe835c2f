"""A report as the tests see it: its elements, its text, and what it would load."""

import base64
import hashlib
import re
from dataclasses import dataclass, field
from functools import cached_property
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path

from PIL import Image

_QUIET = {"style", "script"}


@dataclass
class Element:
    """A start tag, and the text up to the next one of its kind."""

    tag: str
    attributes: dict[str, str | None]
    text: str = ""


@dataclass
class ReportPage:
    """A report that was written to a file."""

    path: Path
    elements: list[Element] = field(default_factory=list)

    def __post_init__(self) -> None:
        parser = _Parser(self.elements)
        parser.feed(self.source)
        parser.close()

    @cached_property
    def source(self) -> str:
        return self.path.read_bytes().decode("utf-8")

    @cached_property
    def text(self) -> str:
        """What somebody reads, in one line; alternative texts and labels are read as well."""
        [body] = self.all("body")
        labels = [
            value or ""
            for each in self.elements
            for name, value in each.attributes.items()
            if name in {"alt", "aria-label", "title"}
        ]
        return " ".join(" ".join([body.text, *labels]).split())

    def all(self, tag: str, *, of: str | None = None) -> list[Element]:
        """Return the elements of a tag, of a class where one is named."""
        return [
            each
            for each in self.elements
            if each.tag == tag and (of is None or of in (each.attributes.get("class") or "").split())
        ]

    def texts(self, tag: str) -> list[str]:
        return [" ".join(each.text.split()) for each in self.all(tag)]

    @property
    def links(self) -> list[str]:
        return [href for each in self.all("a") if (href := each.attributes.get("href") or "") and href[0] != "#"]

    @property
    def pictures(self) -> list[bytes]:
        """The bytes of each picture that is embedded."""
        sources = [each.attributes.get("src") or "" for each in self.all("img")]
        return [base64.b64decode(source.partition(",")[2]) for source in sources if source.startswith("data:")]

    def sizes(self) -> set[tuple[int, int]]:
        """Return the sizes that the pictures really have."""
        return {Image.open(BytesIO(data)).size for data in self.pictures}

    def policy_allows_what_is_inside(self) -> bool:
        """Say whether style and script have the hashes that the policy names, and nothing else may be loaded."""
        [meta] = [each for each in self.all("meta") if each.attributes.get("http-equiv") == "Content-Security-Policy"]
        policy = meta.attributes["content"] or ""
        hashes = [
            f"{tag}-src 'sha256-{base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()}'"
            for tag in ("style", "script")
            for inside in re.findall(f"<{tag}>(.*?)</{tag}>", self.source, re.DOTALL)
        ]
        rules = [rule.strip() for rule in policy.split(";")]
        return len(hashes) == 2 and {"default-src 'none'", "img-src data:", *hashes} <= set(rules)


class _Parser(HTMLParser):
    def __init__(self, elements: list[Element]) -> None:
        super().__init__()
        self._elements = elements
        self._open: list[Element] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, dict(attrs))
        self._elements.append(element)
        if tag not in {"meta", "img", "input", "line", "circle", "rect", "br"}:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._elements.append(Element(tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop().tag != tag:
            pass

    def handle_data(self, data: str) -> None:
        quiet = self._open and self._open[-1].tag in _QUIET
        for element in self._open:
            element.text += "" if quiet else data
