"""The rubric at work: what it says as data, and whether a rater keeps to it."""

from collections.abc import Iterable

from promptlab.errors import InvalidInput, nearest
from promptlab.services.views import View
from promptlab.settings.rubric import Rubric

EXAMPLE = """\
[rubric]
overall = "Would I put it up as it is?"
tags = ["hands", "text", "cropped", "blurred"]

[rubric.criteria]
likeness = "Is it what the prompt asks for?"
composition = "Does the eye find the subject at once?"
"""
"""The lines of a `promptlab.toml` that make a rubric."""

_LOOK = "`promptlab rubric` shows the project's."


def view(rubric: Rubric | None) -> View:
    """Return a rubric as data; of a project without one it is empty."""
    rubric = rubric or Rubric()
    return {
        "overall": rubric.overall,
        "criteria": [{"name": name, "meaning": meaning} for name, meaning in rubric.criteria.items()],
        "tags": list(rubric.tags),
    }


def check(rubric: Rubric | None, *, criteria: Iterable[str], tags: Iterable[str]) -> None:
    """Check that a rating keeps to the rubric, if there is one; without tags of its own it takes any.

    Raises:
        InvalidInput: a criterion or a tag that it does not name; the sentence offers the nearest.
    """
    if rubric is None:
        return
    for name in criteria:
        if name not in rubric.criteria:
            raise InvalidInput(f"{name!r} is no criterion.{nearest(name, list(rubric.criteria))}", hint=_LOOK)
    for tag in tags:
        if rubric.tags and tag not in rubric.tags:
            raise InvalidInput(f"{tag!r} is no tag of this project.{nearest(tag, list(rubric.tags))}", hint=_LOOK)
