"""What raters say beside the score, by version: the mean of each criterion, and how often each tag was given."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement
from sqlmodel import Session

from promptlab.db import rubric_stats
from promptlab.db.pages import Page
from promptlab.db.rubric_stats import Said
from promptlab.db.stats import spread
from promptlab.services.views import View

GROUPS = ("criterion", "tag")


def stats(session: Session, by: str, conditions: Sequence[ColumnElement[bool]]) -> Page[View]:
    """Return a row for each criterion, or each tag, of each version, from its current ratings.

    Criteria are in the order of the alphabet; of tags the most frequent is first.
    """
    return Page(_criteria(session, conditions) if by == "criterion" else _tags(session, conditions), None)


def _criteria(session: Session, conditions: Sequence[ColumnElement[bool]]) -> list[View]:
    found = rubric_stats.criteria(session, conditions)
    return [
        {
            "criterion": said.what,
            **_version(said),
            "rated": (rated := sum(counts.values())),
            "mean": round(sum(score * count for score, count in counts.items()) / rated, 4),
            "distribution": spread(counts),
        }
        for said, counts in sorted(found.items(), key=lambda pair: (pair[0].what, *_place(pair[0])))
    ]


def _tags(session: Session, conditions: Sequence[ColumnElement[bool]]) -> list[View]:
    found, ratings = rubric_stats.tags(session, conditions), rubric_stats.ratings(session, conditions)
    often: dict[str, int] = {}
    for said, count in found.items():
        often[said.what] = often.get(said.what, 0) + count
    return [
        {"tag": said.what, **_version(said), "count": found[said], "ratings": ratings[said.version_id]}
        for said in sorted(found, key=lambda said: (-often[said.what], said.what, *_place(said)))
    ]


def _version(said: Said) -> View:
    return {"prompt_version_id": said.version_id, "name": said.name, "version": said.version}


def _place(said: Said) -> tuple[str, int]:
    return said.name, said.version
