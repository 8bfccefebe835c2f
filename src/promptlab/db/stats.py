"""Aggregates over generations and ratings, computed by the database."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, SQLColumnExpression, case, func, select
from sqlmodel import Session, col

from promptlab.db.engine import driver_rows
from promptlab.db.models import Generation, PromptVersion
from promptlab.db.opinions import Rating
from promptlab.db.states import GenerationState

COUNTED_STATES = (
    GenerationState.SUCCEEDED,
    GenerationState.REFUSED,
    GenerationState.FAILED,
    GenerationState.UNKNOWN,
    GenerationState.PLANNED,
)

MAY_COST = (GenerationState.SUCCEEDED, GenerationState.FAILED, GenerationState.UNKNOWN)
"""The states in which a cost that is not known is no zero."""

_COLUMNS: dict[str, SQLColumnExpression[Any]] = {
    "version": col(PromptVersion.id),
    "provider": col(PromptVersion.provider),
    "model": col(PromptVersion.model),
}
TIMES = {"day": "YYYY-MM-DD", "week": "YYYY-MM-DD", "month": "YYYY-MM"}
"""How the beginning of each is written."""

GROUPS = (*_COLUMNS, *TIMES)
"""What the aggregates can be grouped by. A day is `2026-11-24`, a week its Monday, a month `2026-11`, all in UTC."""

_CURRENT = (col(Rating.generation_id) == col(Generation.id)) & col(Rating.superseded_at).is_(None)


def totals(session: Session, by: str, conditions: Sequence[ColumnElement[bool]]) -> dict[Any, dict[str, Any]]:
    """Return counts, mean of the generations' ratings, and cost, by group."""
    rating = col(Generation.result_rating)
    succeeded = col(Generation.state) == GenerationState.SUCCEEDED
    columns = {
        "generations": func.count(),
        **{state.value: _count(col(Generation.state) == state) for state in COUNTED_STATES},
        "rated": _count(succeeded & rating.is_not(None)),
        "unrated": _count(succeeded & rating.is_(None)),
        "mean": func.avg(rating),
        "cost_usd": func.sum(col(Generation.cost_usd)),
        "unpriced": _count(col(Generation.state).in_(MAY_COST) & col(Generation.cost_usd).is_(None)),
    }
    group = _group(session, by)
    rows = session.execute(_grouped(group, conditions, *(value.label(name) for name, value in columns.items())))
    return {row[0]: dict(zip(columns, row[1:], strict=True)) for row in rows}


def distribution(session: Session, by: str, conditions: Sequence[ColumnElement[bool]]) -> dict[Any, dict[int, int]]:
    """Return how many current ratings gave each score, by group."""
    statement = (
        _grouped(_group(session, by), conditions, col(Rating.score), func.count())
        .join(Rating, _CURRENT)
        .group_by(col(Rating.score))
    )
    found: dict[Any, dict[int, int]] = {}
    for group, score, count in session.execute(statement):
        found.setdefault(group, {})[score] = count
    return found


def means(session: Session, by: str, conditions: Sequence[ColumnElement[bool]]) -> dict[Any, list[tuple[float, int]]]:
    """Return how many generations have each rating, the mean of their raters, by group."""
    rating = col(Generation.result_rating)
    statement = _grouped(_group(session, by), [*conditions, rating.is_not(None)], rating, func.count())
    found: dict[Any, list[tuple[float, int]]] = {}
    for group, value, count in session.execute(statement.group_by(rating)):
        found.setdefault(group, []).append((float(value), count))
    return found


def opinions(session: Session, conditions: Sequence[ColumnElement[bool]]) -> list[tuple[Any, ...]]:
    """Return generation, rater, score and milliseconds of each current rating of what somebody else has rated too.

    And of whatever else was timed.
    """
    ratings = func.count().over(partition_by=col(Rating.generation_id)).label("ratings")
    each = (
        select(col(Rating.generation_id), col(Rating.rater), col(Rating.score), col(Rating.duration_ms), ratings)
        .join_from(Generation, PromptVersion)
        .join(Rating, _CURRENT)
        .where(*conditions)
        .subquery()
    )
    wanted = (each.c.ratings > 1) | each.c.duration_ms.is_not(None)
    statement = select(each.c.generation_id, each.c.rater, each.c.score, each.c.duration_ms).where(wanted)
    return driver_rows(session, statement)


def by_rater(session: Session, conditions: Sequence[ColumnElement[bool]]) -> dict[str, dict[str, Any]]:
    """Return how many generations each rater has rated, the mean of these scores, and how often each was given."""
    rater = col(Rating.rater)
    statement = _grouped(rater, conditions, col(Rating.score), func.count()).join(Rating, _CURRENT)
    found: dict[str, dict[int, int]] = {}
    for name, score, count in session.execute(statement.group_by(col(Rating.score))):
        found.setdefault(name, {})[score] = count
    return {name: _summary(scores) for name, scores in found.items()}


def percentiles(
    session: Session, by: str, conditions: Sequence[ColumnElement[bool]], wanted: Sequence[int]
) -> dict[Any, tuple[int | None, ...]]:
    """Return nearest-rank percentiles of the milliseconds that successes spent in the provider, by group."""
    group, time = _group(session, by), col(Generation.execution_time)
    ranked = (
        select(
            group.label("grp"),
            time.label("time"),
            func.row_number().over(partition_by=group, order_by=time).label("rank"),
            func.count().over(partition_by=group).label("size"),
        )
        .join_from(Generation, PromptVersion)
        .where(col(Generation.state) == GenerationState.SUCCEEDED, time.is_not(None), *conditions)
        .subquery()
    )
    at = [func.min(case((ranked.c.rank * 100 >= ranked.c.size * p, ranked.c.time))) for p in wanted]
    rows = session.execute(select(ranked.c.grp, *at).group_by(ranked.c.grp))
    return {row[0]: tuple(row[1:]) for row in rows}


def spread(scores: dict[int, int]) -> dict[str, int]:
    """Return how often each score was given as JSON has it."""
    return {str(score): scores.get(score, 0) for score in range(1, 6)}


def conditions(
    project_id: int, *, version_ids: Sequence[int] | None, since: datetime | None, until: datetime | None
) -> list[ColumnElement[bool]]:
    """Return what narrows the aggregates; `version_ids` None means every live version."""
    found = [col(Generation.project_id) == project_id]
    if version_ids is None:
        found.append(col(PromptVersion.deleted_at).is_(None))
    else:
        found.append(col(Generation.prompt_version_id).in_(version_ids))
    if since is not None:
        found.append(col(Generation.created_at) >= since)
    if until is not None:
        found.append(col(Generation.created_at) < until)
    return found


def _group(session: Session, by: str) -> SQLColumnExpression[Any]:
    if by in _COLUMNS:
        return _COLUMNS[by]
    time, pattern = col(Generation.created_at), TIMES[by]
    if session.get_bind().dialect.name != "sqlite":
        return func.to_char(func.date_trunc(by, func.timezone("UTC", time)), pattern)
    # Of the text that is kept, because the date functions round 23:59:59.9999 up to the next day.
    text = func.substr(time, 1, len(pattern))
    return func.date(text, "weekday 0", "-6 days") if by == "week" else text


def _grouped(
    group: SQLColumnExpression[Any], where: Sequence[ColumnElement[bool]], *columns: SQLColumnExpression[Any]
) -> Select[Any]:
    return select(group, *columns).select_from(Generation).join(PromptVersion).where(*where).group_by(group)


def _summary(scores: dict[int, int]) -> dict[str, Any]:
    rated = sum(scores.values())
    mean = sum(score * count for score, count in scores.items()) / rated
    return {"rated": rated, "mean": mean, "distribution": scores}


def _count(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)
