"""Aggregates over generations and ratings, computed by the database."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, SQLColumnExpression, case, func, select
from sqlmodel import Session, col

from promptlab.db.models import Generation, PromptVersion, Rating
from promptlab.db.states import GenerationState

COUNTED_STATES = (
    GenerationState.SUCCEEDED,
    GenerationState.REFUSED,
    GenerationState.FAILED,
    GenerationState.UNKNOWN,
)

GROUPS: dict[str, SQLColumnExpression[Any]] = {
    "version": col(PromptVersion.id),
    "provider": col(PromptVersion.provider),
    "model": col(PromptVersion.model),
}


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
        "unpriced": _count(succeeded & col(Generation.cost_usd).is_(None)),
    }
    rows = session.execute(_grouped(by, conditions, *(value.label(name) for name, value in columns.items())))
    return {row[0]: dict(zip(columns, row[1:], strict=True)) for row in rows}


def distribution(session: Session, by: str, conditions: Sequence[ColumnElement[bool]]) -> dict[Any, dict[int, int]]:
    """Return how many current ratings gave each score, by group."""
    statement = (
        _grouped(by, conditions, col(Rating.score), func.count())
        .join(Rating, (col(Rating.generation_id) == col(Generation.id)) & col(Rating.superseded_at).is_(None))
        .group_by(col(Rating.score))
    )
    found: dict[Any, dict[int, int]] = {}
    for group, score, count in session.execute(statement):
        found.setdefault(group, {})[score] = count
    return found


def percentiles(
    session: Session, by: str, conditions: Sequence[ColumnElement[bool]], wanted: Sequence[int]
) -> dict[Any, tuple[int | None, ...]]:
    """Return nearest-rank percentiles of the milliseconds that successes spent in the provider, by group."""
    group, time = GROUPS[by], col(Generation.execution_time)
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


def _grouped(by: str, where: Sequence[ColumnElement[bool]], *columns: SQLColumnExpression[Any]) -> Select[Any]:
    group = GROUPS[by]
    return select(group, *columns).join_from(Generation, PromptVersion).where(*where).group_by(group)


def _count(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)
