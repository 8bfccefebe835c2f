"""Queries on case sets: named lists of cases in versions that never change."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from promptlab.db.cases import add_rows
from promptlab.db.columns import MAX_ID
from promptlab.db.models import Case, CaseImage, CaseSet, CaseSetItem
from promptlab.db.pages import Page, fetch_page
from promptlab.db.prompts import NAME
from promptlab.errors import InvalidInput, NotFound, nearest

_LIST_HINT = "`promptlab cases list` shows what is there."


class Item(NamedTuple):
    """A case of a set, and what the set calls it."""

    case_id: int
    key: str | None
    variables: Mapping[str, Any]


def newest(session: Session, project_id: int, name: str) -> CaseSet | None:
    """Return the newest version of the case set of that name."""
    statement = _named(project_id, name).order_by(col(CaseSet.version).desc()).limit(1)
    return session.exec(statement).first()


def get(session: Session, project_id: int, reference: str) -> CaseSet:
    """Return the version of a case set that `faces@2` or `faces` (its newest) names.

    Raises:
        InvalidInput: not a reference at all.
        NotFound: no such case set, with the nearest name; or no such version.
    """
    name, at, number = reference.partition("@")
    if not NAME.fullmatch(name) or (at and not (number.isascii() and number.isdigit())):
        raise InvalidInput(
            f"{reference!r} names no case set.", hint="Use NAME or NAME@N; a file is FILE.csv or .jsonl."
        )
    last = newest(session, project_id, name)
    if last is None:
        known = list(session.exec(select(CaseSet.name).where(CaseSet.project_id == project_id).distinct()))
        raise NotFound(f"There is no case set {name!r}.{nearest(name, known)}", hint=_LIST_HINT)
    found = last
    if at:
        version = int(number) if len(number) < 20 else MAX_ID + 1
        numbered = _named(project_id, name).where(CaseSet.version == version)
        exact = session.exec(numbered).one_or_none() if version <= MAX_ID else None
        if exact is None:
            raise NotFound(f"There is no {reference!r}; the newest is {name}@{last.version}.", hint=_LIST_HINT)
        found = exact
    return found


def add(session: Session, case_set: CaseSet, members: Sequence[tuple[int, str | None]]) -> CaseSet:
    """Keep a new version with its members, ids of cases with their keys, and return it with its id."""
    session.add(case_set)
    session.flush()
    owned = {"case_set_id": case_set.id, "project_id": case_set.project_id}
    rows = (
        {**owned, "position": position, "case_id": case_id, "key": key}
        for position, (case_id, key) in enumerate(members, start=1)
    )
    add_rows(session, "case_set_item", rows)
    return case_set


def items(session: Session, case_set_id: int) -> Iterator[Item]:
    """Yield the cases of a set in their order."""
    statement = (
        select(CaseSetItem.case_id, CaseSetItem.key, Case.variables)
        .join(Case)
        .where(CaseSetItem.case_set_id == case_set_id)
        .order_by(col(CaseSetItem.position))
    )
    return (Item(*row) for row in session.exec(statement))


def images(session: Session, case_set_id: int) -> Sequence[CaseImage]:
    """Return the images of all cases of a set, in their order."""
    statement = (
        select(CaseImage)
        .join(CaseSetItem, col(CaseSetItem.case_id) == CaseImage.case_id)
        .where(CaseSetItem.case_set_id == case_set_id)
        .order_by(col(CaseSetItem.position), col(CaseImage.role), col(CaseImage.position))
    )
    return session.exec(statement).all()


def list_sets(session: Session, project_id: int, *, limit: int, cursor: str | None) -> Page[CaseSet]:
    """Return a page of all versions of all case sets, newest first."""
    statement = select(CaseSet).where(CaseSet.project_id == project_id)
    return fetch_page(session, statement, key=col(CaseSet.id), limit=limit, cursor=cursor)


def list_items(session: Session, case_set_id: int, *, limit: int, cursor: str | None) -> Page[CaseSetItem]:
    """Return a page of the members of a set, in their order."""
    statement = select(CaseSetItem).where(CaseSetItem.case_set_id == case_set_id)
    return fetch_page(session, statement, key=col(CaseSetItem.position), limit=limit, cursor=cursor, newest_first=False)


def _named(project_id: int, name: str) -> SelectOfScalar[CaseSet]:
    return select(CaseSet).where(CaseSet.project_id == project_id, CaseSet.name == name)
