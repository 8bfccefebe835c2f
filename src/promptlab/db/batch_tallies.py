"""How far batches have come: counts over all that a batch covers, whoever bought it, and why something failed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, SQLColumnExpression, case, func, select
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from promptlab.db import attempts
from promptlab.db.models import Attempt, Batch, BatchItem, Generation, GenerationImageOutput, PromptVersion
from promptlab.db.pages import Page, fetch_page
from promptlab.db.states import GenerationState
from promptlab.db.stats import MAY_COST

_WENT_WRONG = (GenerationState.FAILED, GenerationState.REFUSED, GenerationState.UNKNOWN)


@dataclass(frozen=True, kw_only=True)
class Tally:
    """How many generations are in which state (a state without any is left out), and what they cost.

    `cost_usd` is the sum of what is known, `unpriced` how many of those that may have cost something are not in it.
    """

    counts: Mapping[GenerationState, int]
    cost_usd: float
    unpriced: int


@dataclass(frozen=True, kw_only=True)
class VersionTally(Tally):
    """The part of a batch that one prompt version has; `images` is how many came out."""

    prompt_version_id: int
    prompt: str
    version: int
    images: int


@dataclass(frozen=True, kw_only=True)
class ErrorTally:
    """How many generations ended in one state for one kind of error, and the last attempt of the first of them."""

    state: GenerationState
    kind: str | None
    count: int
    example: Attempt


def page(session: Session, project_id: int, *, limit: int, cursor: str | None) -> Page[Batch]:
    """Return a page of batches, newest first."""
    statement = select(Batch).where(col(Batch.project_id) == project_id)
    return fetch_page(session, statement, key=col(Batch.id), limit=limit, cursor=cursor)


def tally(session: Session, batch_id: int) -> list[VersionTally]:
    """Return how far each prompt version of the batch has come, by its id; one query, one pass over its items."""
    outputs = select(func.count()).where(col(GenerationImageOutput.generation_id) == col(Generation.id))
    counted = _counted([batch_id], col(Generation.prompt_version_id), func.sum(outputs.scalar_subquery())).subquery(
        "counted"
    )
    version = (col(PromptVersion.id), col(PromptVersion.name), col(PromptVersion.version))
    statement = select(*version, *list(counted.c)[1:]).join(counted, counted.c[0] == col(PromptVersion.id))
    found: dict[tuple[int, str, int], list[Any]] = {}
    for row in session.execute(statement.order_by(col(PromptVersion.id))):
        found.setdefault(tuple(row[:3]), []).append(row[3:])
    return [
        VersionTally(
            prompt_version_id=id_, prompt=name, version=number, images=sum(int(row[-1]) for row in rows), **_sums(rows)
        )
        for (id_, name, number), rows in found.items()
    ]


def totals(session: Session, batch_ids: Sequence[int]) -> dict[int, Tally]:
    """Return how far each of these batches has come, in one query; one that covers nothing is left out."""
    found: dict[int, list[Any]] = {}
    for row in session.execute(_counted(batch_ids, col(BatchItem.batch_id))):
        found.setdefault(row[0], []).append(row[1:])
    return {batch_id: Tally(**_sums(rows)) for batch_id, rows in found.items()}


def errors(session: Session, batch_id: int) -> list[ErrorTally]:
    """Return why generations of the batch failed, were refused or are unknown: by their last attempt, most first."""
    later = aliased(Attempt)
    last = select(func.max(col(later.number))).where(col(later.generation_id) == col(Generation.id)).scalar_subquery()
    kind, first = col(Attempt.error_kind), func.min(col(Generation.id))
    statement = (
        select(col(Generation.state), kind, func.count(), first)
        .select_from(BatchItem)
        .join(Generation)
        .join(Attempt, (col(Attempt.generation_id) == col(Generation.id)) & (col(Attempt.number) == last))
        .where(col(BatchItem.batch_id) == batch_id, col(Generation.state).in_(_WENT_WRONG))
        .group_by(col(Generation.state), kind)
        .order_by(func.count().desc(), first)
    )
    rows = session.execute(statement).all()
    tries = attempts.of_generations(session, [row[3] for row in rows]) if rows else []
    examples = {attempt.generation_id: attempt for attempt in tries}  # of several the last one stays
    return [ErrorTally(state=row[0], kind=row[1], count=row[2], example=examples[row[3]]) for row in rows]


def _counted(
    batch_ids: Sequence[int], group: SQLColumnExpression[int | None], *columns: SQLColumnExpression[Any]
) -> Select[Any]:
    """Return the query of what `_sums` adds up, by group and state; `columns` come behind it."""
    state, cost = col(Generation.state), col(Generation.cost_usd)
    unpriced = func.sum(case((cost.is_(None), 1), else_=0))
    return (
        select(
            group,
            state,
            func.count().label("count"),
            func.sum(cost).label("cost"),
            unpriced.label("unpriced"),
            *columns,
        )
        .select_from(BatchItem)
        .join(Generation)
        .where(col(BatchItem.batch_id).in_(batch_ids))
        .group_by(group, state)
    )


def _sums(rows: Iterable[Any]) -> dict[str, Any]:
    known = list(rows)
    return {
        "counts": {state: count for state, count, *_ in known},
        "cost_usd": round(sum(float(cost or 0) for _state, _count, cost, *_ in known), 6),
        "unpriced": sum(unpriced for state, _count, _cost, unpriced, *_ in known if state in MAY_COST),
    }
