"""Which cases of a batch are shown where there is no room for all, picked from generations that come one by one."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from promptlab.output.cells import one_line

MAX_DRAWS = 3
"""Draws of a case that are shown for each version."""

MAX_IMAGES = 4
"""Images of a generation that are shown."""

_DIGITS = re.compile(r"(\d+)")


@dataclass(frozen=True)
class Shown:
    """What is shown of a generation: its images, else what became of it."""

    draw: int
    generation_id: int
    state: str
    kind: str | None
    urls: Sequence[str]


@dataclass
class ShownCase:
    """A case, by the ids of the versions that it was given to."""

    label: str
    by_version: dict[int, list[Shown]] = field(default_factory=dict)


class CaseChoice:
    """The first cases in the order of their names, and how many there are. 2 stands before 10."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._picked: dict[tuple[Any, ...], ShownCase] = {}
        self._seen: set[Any] = set()
        self.has_images = False

    @property
    def cases(self) -> list[ShownCase]:
        return [self._picked[place] for place in sorted(self._picked)]

    @property
    def count(self) -> int:
        return len(self._seen)

    def add(self, item: dict[str, Any]) -> None:
        """Take a generation's view into account."""
        self._seen.add(item["case"] or item["case_id"])
        self.has_images |= bool(item["outputs"])
        place = _place(item)
        if place not in self._picked:
            self._picked[place] = ShownCase(_label(item))
            if len(self._picked) > self._limit:
                del self._picked[max(self._picked)]
        if place in self._picked:
            draws = self._picked[place].by_version.setdefault(item["prompt_version_id"], [])
            draws.append(_shown(item))
            draws.sort(key=lambda shown: shown.draw)
            del draws[MAX_DRAWS:]


def _place(item: dict[str, Any]) -> tuple[Any, ...]:
    """Return what sorts cases: named ones by name, with numbers in it by size, then the others in order of arrival."""
    if item["case"] is None:
        return 1, item["case_id"] or 0
    parts = _DIGITS.split(item["case"])
    return 0, *(_size(part) if place % 2 else part for place, part in enumerate(parts))


def _size(digits: str) -> tuple[int, str, str]:
    """Return what sorts numbers of any length by their size."""
    stripped = digits.lstrip("0")
    return len(stripped), stripped, digits


def _label(item: dict[str, Any]) -> str:
    if item["case"] is not None:
        return str(item["case"])
    prompt = one_line(item["rendered_user_prompt"], 60)
    return prompt if item["case_id"] is None else f"case {item['case_id']}: {prompt}"


def _shown(item: dict[str, Any]) -> Shown:
    urls = [output["url"] for output in item["outputs"][:MAX_IMAGES]]
    return Shown(item["draw"], item["id"], item["state"], (item["error"] or {}).get("kind"), urls)
