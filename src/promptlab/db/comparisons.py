"""What people say of versions, counted by the database: a row for each version, block and rater.

A block is a case. Only versions that have no cases at all are paired by number: their k-th successes are a block.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import BigInteger, case, cast, func, select
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from promptlab.db.engine import driver_rows
from promptlab.db.models import CaseSet, CaseSetItem, Generation
from promptlab.db.opinions import Rating, Vote
from promptlab.db.states import GenerationState

_CURRENT = col(Rating.superseded_at).is_(None)
_SCORES = range(1, 6)
_PAIRS = 2**31  # ids are smaller, so this times one, and another, names the pair


def covered(session: Session, version_ids: Sequence[int]) -> list[tuple[Any, ...]]:
    """Return version, case or None, generations that succeeded, and those of them that are rated, of each case."""
    version, case_id = col(Generation.prompt_version_id), col(Generation.case_id)
    statement = select(version, case_id, func.count(), func.count(col(Generation.result_rating)))
    return driver_rows(session, statement.where(*_made_by(version_ids)).group_by(version, case_id))


def cells(session: Session, version_ids: Sequence[int], *, by_number: bool) -> list[tuple[Any, ...]]:
    """Return version, block, rater, sum and number of scores, and the newest rating, of each cell.

    A cell holds what one rater says now of one version in one block.
    """
    placed = _placed(version_ids, by_number=by_number)
    group = (placed.c.version_id, placed.c.block, col(Rating.rater))
    statement = (
        select(*group, func.sum(col(Rating.score)), func.count(), func.max(col(Rating.id)))
        .join(Rating, (col(Rating.generation_id) == placed.c.id) & _CURRENT)
        .group_by(*group)
    )
    return driver_rows(session, statement)


def patterns(session: Session, version_ids: Sequence[int]) -> list[tuple[Any, ...]]:
    """Return how often generations of each version were rated in each way, of those with two ratings or more.

    A row is the version, how many of its ratings gave 1, 2, 3, 4 and 5, and of how many generations that is so.
    """
    version, given = col(Generation.prompt_version_id), col(Rating.score)
    counts = [func.sum(case((given == score, 1), else_=0)).label(f"of_{score}") for score in _SCORES]
    each = (
        select(version.label("version_id"), *counts)
        .join(Rating, (col(Rating.generation_id) == col(Generation.id)) & _CURRENT)
        .where(*_made_by(version_ids))
        .group_by(version, col(Generation.id))
        .having(func.count() > 1)
        .subquery()
    )
    pattern = (each.c.version_id, *(each.c[f"of_{score}"] for score in _SCORES))
    return driver_rows(session, select(*pattern, func.count()).group_by(*pattern))


def has_votes(session: Session, project_id: int) -> bool:
    """Say whether anybody has voted in the project."""
    return session.execute(select(col(Vote.id)).where(col(Vote.project_id) == project_id).limit(1)).first() is not None


def votes(session: Session, version_ids: Sequence[int]) -> list[tuple[Any, ...]]:
    """Return left and right version, block, pair, rater and answer of the votes between these versions.

    They are in order of arrival. The block is the case; without cases it is the pair.
    """
    left, right = aliased(Generation), aliased(Generation)
    first, second = (cast(col(each), BigInteger) for each in (Vote.left_generation_id, Vote.right_generation_id))
    pair = case((first < second, first * _PAIRS + second), else_=second * _PAIRS + first)
    columns = (
        col(left.prompt_version_id),
        col(right.prompt_version_id),
        func.coalesce(col(left.case_id), pair),
        pair,
        col(Vote.rater),
        col(Vote.answer),
    )
    statement = (
        select(*columns)
        .join_from(Vote, left, col(left.id) == first)
        .join(right, col(right.id) == second)
        .where(*_made_by(version_ids, left), *_made_by(version_ids, right))
        .where(col(left.prompt_version_id) != col(right.prompt_version_id))
        .where(func.coalesce(left.case_id, 0) == func.coalesce(right.case_id, 0))
        .order_by(col(Vote.id))
    )
    return driver_rows(session, statement)


def case_set_of(session: Session, version_ids: Sequence[int]) -> str | None:
    """Return the name of the newest case set with a case that one of the versions was given, None without one."""
    given = select(col(Generation.case_id)).where(*_made_by(version_ids), col(Generation.case_id).is_not(None))
    statement = (
        select(col(CaseSet.name))
        .join(CaseSetItem, col(CaseSetItem.case_set_id) == col(CaseSet.id))
        .where(col(CaseSetItem.case_id).in_(given))
        .order_by(col(CaseSet.id).desc())
        .limit(1)
    )
    return session.execute(statement).scalar_one_or_none()


def generations_on(
    session: Session, version_ids: Sequence[int], blocks: Sequence[int], *, by_number: bool
) -> list[Generation]:
    """Return the successes of the versions in these blocks, oldest first."""
    placed = _placed(version_ids, by_number=by_number)
    statement = select(Generation).join(placed, col(Generation.id) == placed.c.id)
    return list(session.execute(statement.where(placed.c.block.in_(blocks)).order_by(col(Generation.id))).scalars())


def _placed(version_ids: Sequence[int], *, by_number: bool) -> Any:
    """Return the successes of the versions with their blocks, as a table of its own."""
    identity, version, case_id = col(Generation.id), col(Generation.prompt_version_id), col(Generation.case_id)
    number = func.row_number().over(partition_by=version, order_by=identity)
    block = (number if by_number else case_id).label("block")
    statement = select(identity, version.label("version_id"), block).where(*_made_by(version_ids))
    return statement.where(case_id.is_(None) if by_number else case_id.is_not(None)).subquery()


def _made_by(version_ids: Sequence[int], table: Any = Generation) -> tuple[Any, Any]:
    return col(table.prompt_version_id).in_(version_ids), col(table.state) == GenerationState.SUCCEEDED
