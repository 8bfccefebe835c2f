"""Queries on prompt versions, and how a person names one."""

import re

from sqlalchemy import ColumnElement, func
from sqlmodel import Session, col, select

from promptlab.db.columns import MAX_ID, now
from promptlab.db.models import PromptVersion
from promptlab.db.pages import Page, fetch_page
from promptlab.errors import Conflict, InvalidInput, NotFound, nearest

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,99}")
_LIST_HINT = "`promptlab prompt list` shows what is there."


def get(session: Session, project_id: int, reference: str) -> PromptVersion:
    """Return the version that `3`, `banner@2` or `banner` (its newest live one) names, deleted or not.

    Raises:
        InvalidInput: not a reference at all.
        NotFound: no such version, with the nearest name.
    """
    name, at, number = reference.partition("@")
    if not at and _is_number(name):
        found = _where(session, project_id, col(PromptVersion.id) == _number(name, reference))
    elif not NAME.fullmatch(name) or (at and not _is_number(number)):
        raise InvalidInput(f"{reference!r} names no prompt version.", hint="Use an id (3), NAME@N (banner@2) or NAME.")
    elif at:
        found = _where(
            session,
            project_id,
            col(PromptVersion.name) == name,
            col(PromptVersion.version) == _number(number, reference),
        )
    else:
        found = newest_live(session, project_id, name)
    if found is None:
        raise NotFound(_not_found(session, project_id, reference, name), hint=_LIST_HINT)
    return found


def get_live(session: Session, project_id: int, reference: str) -> PromptVersion:
    """Return the version like `get`; raises Conflict for a deleted one."""
    version = get(session, project_id, reference)
    if version.deleted_at is not None:
        label = f"{version.name}@{version.version}"
        raise Conflict(f"{label} is deleted.", hint=f"`promptlab prompt restore {label}` brings it back.")
    return version


def newest_live(session: Session, project_id: int, name: str) -> PromptVersion | None:
    """Return the newest version of that name that is not deleted."""
    statement = (
        select(PromptVersion)
        .where(
            col(PromptVersion.project_id) == project_id,
            col(PromptVersion.name) == name,
            col(PromptVersion.deleted_at).is_(None),
        )
        .order_by(col(PromptVersion.version).desc())
        .limit(1)
    )
    return session.exec(statement).first()


def same_content(session: Session, project_id: int, name: str, content_hash: str) -> PromptVersion | None:
    """Return the newest live version of that name with that content."""
    statement = (
        select(PromptVersion)
        .where(
            col(PromptVersion.project_id) == project_id,
            col(PromptVersion.name) == name,
            col(PromptVersion.content_hash) == content_hash,
            col(PromptVersion.deleted_at).is_(None),
        )
        .order_by(col(PromptVersion.version).desc())
        .limit(1)
    )
    return session.exec(statement).first()


def next_number(session: Session, project_id: int, name: str) -> int:
    """Return the next version number of that name; numbers of deleted versions are not reused."""
    highest = select(func.max(PromptVersion.version)).where(
        col(PromptVersion.project_id) == project_id, col(PromptVersion.name) == name
    )
    return (session.exec(highest).one() or 0) + 1


def list_versions(
    session: Session, project_id: int, *, name: str | None, deleted: bool, limit: int, cursor: str | None
) -> Page[PromptVersion]:
    """Return a page of live versions (or of deleted ones), newest first; raises NotFound for a name nobody gave."""
    deleted_at = col(PromptVersion.deleted_at)
    statement = select(PromptVersion).where(
        col(PromptVersion.project_id) == project_id, deleted_at.is_not(None) if deleted else deleted_at.is_(None)
    )
    if name is not None:
        require_name(session, project_id, name)
        statement = statement.where(PromptVersion.name == name)
    return fetch_page(session, statement, key=col(PromptVersion.id), limit=limit, cursor=cursor)


def require_name(session: Session, project_id: int, name: str) -> None:
    """Raise NotFound, with the nearest name, where no version has that name, not even a deleted one."""
    named = select(PromptVersion.id).where(col(PromptVersion.project_id) == project_id, col(PromptVersion.name) == name)
    if session.exec(named.limit(1)).first() is None:
        known = _names(session, project_id)
        raise NotFound(f"No prompt has the name {name!r}.{nearest(name, known)}", hint=_LIST_HINT)


def ids_of_name(session: Session, project_id: int, name: str) -> list[int]:
    """Return the ids of all live versions of that name."""
    statement = select(PromptVersion.id).where(
        col(PromptVersion.project_id) == project_id,
        col(PromptVersion.name) == name,
        col(PromptVersion.deleted_at).is_(None),
    )
    return [identity for identity in session.exec(statement) if identity is not None]


def set_deleted(session: Session, version: PromptVersion, *, deleted: bool) -> None:
    """Mark the version as deleted or live; raises Conflict where it is so already."""
    label = f"{version.name}@{version.version}"
    if deleted == (version.deleted_at is not None):
        raise Conflict(f"{label} is {'already' if deleted else 'not'} deleted.")
    version.deleted_at = now() if deleted else None
    session.add(version)


def require_exact(reference: str) -> str:
    """Return the reference if it names one version and not the newest of a name; raises InvalidInput otherwise."""
    if not (_is_number(reference) or "@" in reference):
        raise InvalidInput(
            f"{reference!r} names every version of that prompt; this takes just one.",
            hint=f"Use an id or {reference}@N.",
        )
    return reference


def _where(session: Session, project_id: int, *conditions: ColumnElement[bool]) -> PromptVersion | None:
    return session.exec(select(PromptVersion).where(PromptVersion.project_id == project_id, *conditions)).one_or_none()


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _number(text: str, reference: str) -> int:
    number = int(text) if len(text) < 20 else MAX_ID + 1
    if number > MAX_ID:
        raise NotFound(f"There is no prompt version {reference!r}: no id is that large.")
    return number


def _not_found(session: Session, project_id: int, reference: str, name: str) -> str:
    known = _names(session, project_id)
    if name in known:
        return f"There is no {'live version of' if name == reference else 'prompt version'} {reference!r}."
    return f"There is no prompt version {reference!r}.{nearest(name, known)}"


def _names(session: Session, project_id: int) -> list[str]:
    return list(session.exec(select(PromptVersion.name).where(PromptVersion.project_id == project_id).distinct()))
