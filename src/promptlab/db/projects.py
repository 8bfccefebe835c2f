"""Queries on projects and on the lab they live in."""

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from promptlab.db.models import Lab, Project
from promptlab.errors import NotFound, nearest


def lab_uid(session: Session) -> str:
    """Return the name that this database gave itself; images are kept under it."""
    return session.exec(select(Lab.uid)).one()


def find(session: Session, name: str) -> Project | None:
    """Return the project of that name, None without one."""
    return session.exec(select(Project).where(col(Project.name) == name)).one_or_none()


def get(session: Session, name: str) -> Project:
    """Return the project of that name; raises NotFound, with the nearest name, without one."""
    if project := find(session, name):
        return project
    known = list(session.exec(select(Project.name)).all())
    raise NotFound(
        f"There is no project {name!r}.{nearest(name, known)}",
        hint=f"`promptlab --project {name} prompt create …` starts it.",
    )


def get_or_create(session: Session, name: str) -> Project:
    """Return the project of that name, made now if need be; two at once make one."""
    if project := find(session, name):
        return project
    project = Project(name=name)
    try:
        with session.begin_nested():
            session.add(project)
    except IntegrityError:
        return get(session, name)
    return project


def all_of_them(session: Session) -> list[Project]:
    """Return all projects, oldest first."""
    return list(session.exec(select(Project).order_by(col(Project.id))).all())


def order_seed(session: Session, project_id: int) -> int:
    """Return what the order of review in the project is drawn from."""
    return session.exec(select(Project.order_seed).where(col(Project.id) == project_id)).one()


def lock(session: Session, project_id: int) -> None:
    """Let one transaction at a time pass here, until it ends: for numbers that are handed out in turn."""
    # Not FOR UPDATE itself: every row that names the project would have to wait, the outcomes of others among them.
    session.exec(select(Project.id).where(col(Project.id) == project_id).with_for_update(key_share=True)).one()
