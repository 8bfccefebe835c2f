"""Queries on cases and their images."""

from collections.abc import Sequence
from typing import Any

from sqlmodel import Session, col, select

from promptlab.db.models import Case, CaseImage


def find(session: Session, project_id: int, content_hash: str) -> Case | None:
    """Return the case with that content, None without one."""
    return session.exec(
        select(Case).where(Case.project_id == project_id, col(Case.content_hash) == content_hash)
    ).one_or_none()


def add(
    session: Session, project_id: int, *, content_hash: str, variables: dict[str, Any], images: Sequence[CaseImage]
) -> Case:
    """Keep a new case with its images, and return it with its id."""
    case = Case(project_id=project_id, content_hash=content_hash, variables=variables)
    session.add(case)
    session.flush()
    for image in images:
        image.case_id = case.id or 0
        session.add(image)
    return case


def keys(session: Session, case_ids: Sequence[int]) -> dict[int, str | None]:
    """Return the key of each case."""
    if not case_ids:
        return {}
    rows = session.exec(select(Case.id, Case.key).where(col(Case.id).in_(case_ids))).all()
    return {identity: key for identity, key in rows if identity is not None}
