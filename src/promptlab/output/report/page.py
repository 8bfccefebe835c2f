"""The page of a report: made of templates that escape whatever they are given, with style and script inside."""

import base64
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from promptlab import __version__
from promptlab.output import verdicts
from promptlab.output.cells import counted, seconds, spent, visible
from promptlab.output.report import plots, words
from promptlab.output.report.album import GONE, Album, Place
from promptlab.output.report.fitting import Fitted
from promptlab.output.report.links import Links
from promptlab.output.word_diff import as_text, changes

if TYPE_CHECKING:
    from jinja2 import Environment

View = dict[str, Any]

_TEMPLATES = Path(__file__).with_name("templates")
_PREFIX = "data:image/jpeg;base64,"
_FIELDS = {"system_prompt": "System prompt", "user_prompt": "User prompt", "raw": "Sent as it is"}
_CHOICES = {
    "win": "cases that are won",
    "tie": "cases that tie",
    "loss": "cases that are lost",
    "unrated": "cases with something unrated",
    "refused": "cases with something refused",
    "failed": "cases with something failed",
    "unknown": "cases with something unknown",
    "planned": "cases with something not made yet",
    "notes": "cases with notes",
}


@dataclass(frozen=True, kw_only=True)
class Shown:
    """How an image stands in a page: a sentence where it is missing, else its picture as a URL that holds it."""

    missing: str | None
    source: str
    width: int
    height: int
    link: str | None


class Page:
    """The page of a report's view, `notes` at its foot."""

    def __init__(self, view: View, links: Links, *, title: str | None) -> None:
        self._view, self._links = view, links
        self._title = title or words.title_of(view)

    def size_of(self, row: View) -> int:
        """Return how many bytes a row takes without what its pictures hold."""
        return len(self._row(row, None).encode())

    def size_of_frame(self) -> int:
        """Return how many bytes everything but the rows takes."""
        empty = Fitted(cases=[])
        return sum(len(part.encode()) for part in self._parts(empty, None, notes=[]))

    def parts(self, fitted: Fitted, album: Album, *, notes: Sequence[str]) -> Iterator[str]:
        """Yield the page, piece by piece."""
        return self._parts(fitted, album, notes=notes)

    def _parts(self, fitted: Fitted, album: Album | None, *, notes: Sequence[str]) -> Iterator[str]:
        view = self._view
        states = {state for row in view["cases"] for state in self._states(row).split()}
        return self._templates.get_template("page.html").generate(
            view=view,
            versions=view["versions"],
            blind=view["blind"],
            comparison=view.get("comparison"),
            title=self._title,
            total_cases=len(view["cases"]),
            choices=[(state, name) for state, name in _CHOICES.items() if state in states],
            cases=(self._row(row, album) for row in fitted.cases),
            fitted=fitted,
            notes=notes,
            program=__version__,
            **self._inside,
        )

    def _row(self, row: View, album: Album | None) -> str:
        from markupsafe import Markup

        made = self._templates.get_template("case.html").render(
            row=row,
            label=words.label_of(row),
            states=self._states(row),
            versions=self._view["versions"],
            blind=self._view["blind"],
            picture=lambda image: self._shown(image, album),
        )
        return Markup(made)  # noqa: S704 - made by a template that escapes

    def _states(self, row: View) -> str:
        return "" if self._view["blind"] else words.states_of(row)

    def _shown(self, image: View, album: Album | None) -> Shown:
        place = album.places[image["sha256"]] if album else Place()
        return Shown(
            missing=place.missing,
            source=_PREFIX if album is None else "" if place.missing else album.source(image["sha256"]),
            width=place.width or image["width"],
            height=place.height or image["height"],
            link=None if place.missing == GONE else self._links.of(image["url"]),
        )

    @cached_property
    def _inside(self) -> View:
        """Style and script, and the policy that lets a browser use these and nothing else."""
        from markupsafe import Markup

        style, script = (_TEMPLATES.joinpath(name).read_text(encoding="utf-8") for name in ("style.css", "script.js"))
        policy = (
            f"default-src 'none'; img-src data:; style-src {_hash(style)}; script-src {_hash(script)}; "
            "base-uri 'none'; form-action 'none'"
        )
        return {"style": Markup(style), "script": Markup(script), "policy": policy}  # noqa: S704 - files of ours

    @cached_property
    def _templates(self) -> "Environment":
        from jinja2 import Environment, FileSystemLoader, StrictUndefined

        made = Environment(
            autoescape=True, loader=FileSystemLoader(_TEMPLATES), undefined=StrictUndefined, finalize=_finalized
        )
        made.filters |= {
            **{name: getattr(words, name) for name in ("day", "error", "listed", "raters", "remark", "value_of")},
            **{name: getattr(plots, name) for name in plots.ALL},
            **{name: getattr(verdicts, name) for name in ("facts", "remarks", "sentence", "unit")},
            "counted": counted,
            "field": lambda name: _FIELDS.get(name, name.capitalize()),
            "mark_of": words.MARKS.__getitem__,
            "seconds": seconds,
            "spent": spent,
            "word_changes": lambda change: changes(as_text(change["from"]), as_text(change["to"])),
        }
        return made


def _finalized(value: object) -> object:
    """Make what could turn the direction of a text, or is no character at all, visible."""
    from markupsafe import Markup

    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
