"""Queries on first looks: what was fixed before the data of a gate was looked at."""

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from promptlab.db.opinions import FirstLook


def get_or_keep(session: Session, look: FirstLook) -> FirstLook:
    """Return the first look at these two versions, which is this one if there was none; of two at once one is first."""
    if found := find(session, look):
        return found
    try:
        with session.begin_nested():
            session.add(look)
    except IntegrityError:
        if found := find(session, look):
            return found
        raise
    return look


def find(session: Session, look: FirstLook) -> FirstLook | None:
    """Return the first look at the two versions of this one, None where there is none."""
    statement = select(FirstLook).where(
        col(FirstLook.project_id) == look.project_id,
        col(FirstLook.baseline_id) == look.baseline_id,
        col(FirstLook.candidate_id) == look.candidate_id,
    )
    return session.exec(statement).one_or_none()
