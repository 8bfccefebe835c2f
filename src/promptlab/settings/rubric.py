"""A project's rubric: what its raters are asked beside the overall score. It is written in settings, as a table."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

MOST_CRITERIA, MOST_TAGS = 9, 20

_PARTS = ("overall", "criteria", "tags")
_NAME = re.compile(r"[^\W\d_][\w-]{0,29}\Z")
_TAKEN = frozenset({"overall", "generation", "score", "rater", "note", "tags"})
"""Names that mean something else, in stats and in a spreadsheet of ratings."""
_LONGEST_SENTENCE = 200


class Unusable(ValueError):
    """A value that cannot be used, with the sentence that says why."""


@dataclass(frozen=True)
class Rubric:
    """What raters look at: the overall score in a sentence, criteria with theirs in order, and issue tags."""

    overall: str | None = None
    criteria: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    tags: Sequence[str] = ()

    def __str__(self) -> str:
        return f"criteria {', '.join(self.criteria) or 'none'}; tags {', '.join(self.tags) or 'any'}"


def parse_rubric(value: Any) -> Rubric:
    """Return the rubric that a table of settings describes, or the same as JSON in a text.

    Raises:
        Unusable: with a sentence about the part that cannot be used.
    """
    if isinstance(value, str):
        value = _json(value)
    if not isinstance(value, dict):
        raise Unusable("it must be a table, [rubric], with criteria, tags and overall.")
    for name in value:
        if name not in _PARTS:
            raise Unusable(f"it has no part {_shown(name)}; its parts are overall, criteria and tags.")
    overall = value.get("overall")
    if overall is not None:
        _check_sentence("overall", overall)
    return Rubric(overall, MappingProxyType(_criteria(value.get("criteria", {}))), _tags(value.get("tags", [])))


def _criteria(value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        raise Unusable('criteria must be a table of names and sentences, such as likeness = "Is it the same fox?"')
    if len(value) > MOST_CRITERIA:
        raise Unusable(f"it has {len(value)} criteria, and {MOST_CRITERIA} are the most that a person can hold apart.")
    _check_names("criterion", list(value))
    for name, meaning in value.items():
        if name.lower() in _TAKEN:
            raise Unusable(f"{name!r} is no name for a criterion: it means something else already.")
        _check_sentence(f"the criterion {name}", meaning)
    return value


def _tags(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise Unusable('tags must be a list of names, such as ["hands", "text"].')
    if len(value) > MOST_TAGS:
        raise Unusable(f"it has {len(value)} tags, and {MOST_TAGS} are the most.")
    _check_names("tag", value)
    return tuple(value)


def _check_names(what: str, names: Sequence[Any]) -> None:
    seen: set[str] = set()
    for name in names:
        if not isinstance(name, str) or not _NAME.match(name):
            raise Unusable(
                f"{_shown(name)} is no name for a {what}: up to 30 letters, digits, '_' and '-', a letter first."
            )
        if name.lower() in seen:
            raise Unusable(f"the {what} {name!r} is there twice.")
        seen.add(name.lower())


def _check_sentence(what: str, text: Any) -> None:
    if not isinstance(text, str) or not text.strip() or not text.isprintable() or len(text) > _LONGEST_SENTENCE:
        raise Unusable(f"{what} needs a sentence that says what it means, of at most {_LONGEST_SENTENCE} letters.")


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Unusable("it is no JSON; in a file it is a table, [rubric].") from error


def _shown(name: object) -> str:
    return ascii(name)[:40] if isinstance(name, str | int | float) else "what is no text"
