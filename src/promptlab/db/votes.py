"""Queries on votes: which images of two versions can stand side by side, and what raters said of them."""

from sqlalchemy import select
from sqlmodel import Session, col

from promptlab.db.models import Generation
from promptlab.db.opinions import Vote
from promptlab.db.states import GenerationState
from promptlab.errors import NotFound


def with_images(session: Session, project_id: int, version_id: int) -> dict[int | None, list[int]]:
    """Return the ids of a version's generations that have images, by case, draw by draw."""
    statement = (
        select(col(Generation.case_id), col(Generation.id))
        .where(
            col(Generation.project_id) == project_id,
            col(Generation.prompt_version_id) == version_id,
            col(Generation.state) == GenerationState.SUCCEEDED,
        )
        .order_by(col(Generation.draw), col(Generation.id))
    )
    found: dict[int | None, list[int]] = {}
    for case_id, generation_id in session.execute(statement):
        found.setdefault(case_id, []).append(generation_id)
    return found


def pairs_of(session: Session, project_id: int, rater: str) -> set[tuple[int, int]]:
    """Return the pairs that a rater has voted on, left and right."""
    statement = select(col(Vote.left_generation_id), col(Vote.right_generation_id)).where(
        col(Vote.project_id) == project_id, col(Vote.rater) == rater
    )
    return {(left, right) for left, right in session.execute(statement)}


def put(session: Session, vote: Vote) -> Vote:
    """Keep a vote in the place of one that its rater has given for the same pair; the pair is to be locked."""
    if earlier := _standing(session, vote):
        session.delete(earlier)
        session.flush()
    session.add(vote)
    session.flush()
    return vote


def take_back(session: Session, given: Vote) -> None:
    """Remove a vote; raises NotFound where it is gone, or another stands in its place."""
    found = _standing(session, given)
    if found is None:
        raise NotFound("That vote is not there any more.")
    if found.created_at != given.created_at:  # not by the id, which SQLite gives again once its vote is removed
        raise NotFound("You have voted on it elsewhere since, and that vote stands.")
    session.delete(found)
    session.flush()


def _standing(session: Session, vote: Vote) -> Vote | None:
    """Return what the rater of a vote says of its pair now, locked."""
    statement = select(Vote).where(
        col(Vote.left_generation_id) == vote.left_generation_id,
        col(Vote.right_generation_id) == vote.right_generation_id,
        col(Vote.rater) == vote.rater,
    )
    return session.execute(statement.with_for_update()).scalar_one_or_none()
