"""Aggregates over what raters say beside the score: criteria and tags, which are JSON, taken apart by the database."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Integer, SQLColumnExpression, cast, func, select, true
from sqlmodel import Session, col

from promptlab.db.models import Generation, PromptVersion
from promptlab.db.opinions import Rating

_CURRENT = (col(Rating.generation_id) == col(Generation.id)) & col(Rating.superseded_at).is_(None)


@dataclass(frozen=True, kw_only=True)
class Said:
    """A version, and something that its ratings say: a criterion or a tag."""

    version_id: int
    name: str
    version: int
    what: str


def criteria(session: Session, conditions: Sequence[ColumnElement[bool]]) -> dict[Said, dict[int, int]]:
    """Return of each version how often its current ratings give each score to each criterion."""
    each = _members(session, "json_each", "json_each_text", col(Rating.criteria), "key", "value")
    score = cast(each.c.value, Integer)
    found: dict[Said, dict[int, int]] = {}
    for version_id, name, version, what, given, count in session.execute(
        _ratings(conditions, each.c.key, score, func.count()).join(each, true()).group_by(each.c.key, score)
    ):
        said = Said(version_id=version_id, name=name, version=version, what=what)
        found.setdefault(said, {})[given] = count
    return found


def tags(session: Session, conditions: Sequence[ColumnElement[bool]]) -> dict[Said, int]:
    """Return of each version in how many of its current ratings each tag is."""
    each = _members(session, "json_each", "json_array_elements_text", col(Rating.tags), "value")
    rows = session.execute(_ratings(conditions, each.c.value, func.count()).join(each, true()).group_by(each.c.value))
    return {
        Said(version_id=version_id, name=name, version=version, what=what): count
        for version_id, name, version, what, count in rows
    }


def ratings(session: Session, conditions: Sequence[ColumnElement[bool]]) -> dict[int, int]:
    """Return how many current ratings each version has."""
    return {row[0]: row[3] for row in session.execute(_ratings(conditions, func.count()))}


def _members(session: Session, in_sqlite: str, elsewhere: str, column: Any, *names: str) -> Any:
    """Return the members of a JSON column as a table of its own."""
    name = in_sqlite if session.get_bind().dialect.name == "sqlite" else elsewhere
    return getattr(func, name)(column).table_valued(*names).alias("member")


def _ratings(conditions: Sequence[ColumnElement[bool]], *columns: SQLColumnExpression[Any]) -> Any:
    version = (col(PromptVersion.id), col(PromptVersion.name), col(PromptVersion.version))
    statement = select(*version, *columns).select_from(Generation).join(PromptVersion).join(Rating, _CURRENT)
    return statement.where(*conditions).group_by(*version)
