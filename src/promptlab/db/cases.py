"""Queries on cases and their images."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import JSON, func, insert, literal, update
from sqlmodel import Session, col, select

from promptlab.db.columns import Table
from promptlab.db.models import Case, CaseImage

Element = TypeVar("Element")

_PAGE = 1_000
"""Rows that are written or looked for at once: on their way they take more memory than where they come from."""


class Known(NamedTuple):
    """A case that is there, and what it is called."""

    id: int
    key: str | None


def find(session: Session, project_id: int, content_hash: str) -> Case | None:
    """Return the case with that content, None without one."""
    return session.exec(
        select(Case).where(Case.project_id == project_id, col(Case.content_hash) == content_hash)
    ).one_or_none()


def keys(session: Session, case_ids: Sequence[int]) -> dict[int, str | None]:
    """Return the key of each case."""
    if not case_ids:
        return {}
    rows = session.exec(select(Case.id, Case.key).where(col(Case.id).in_(case_ids))).all()
    return {identity: key for identity, key in rows if identity is not None}


def by_ids(session: Session, ids: Sequence[int]) -> dict[int, Case]:
    """Return the cases with these ids, by them."""
    return {row.id or 0: row for row in session.exec(select(Case).where(col(Case.id).in_(ids)))}


def images_of(session: Session, ids: Sequence[int]) -> Sequence[CaseImage]:
    """Return the images of these cases, the inputs before the mask."""
    order = (col(CaseImage.case_id), col(CaseImage.role), col(CaseImage.position))
    return session.exec(select(CaseImage).where(col(CaseImage.case_id).in_(ids)).order_by(*order)).all()


def by_hash(session: Session, project_id: int, hashes: Iterable[str]) -> dict[str, Known]:
    """Return the cases that are there, by the hash of their content."""
    # Not a list of values: for those PostgreSQL may compare each with each, where a table has just been filled.
    parts = func.json_each if session.get_bind().dialect.name == "sqlite" else func.json_array_elements_text
    found: dict[str, Known] = {}
    for page in _pages(hashes):
        given = parts(literal(page, JSON())).table_valued("value")
        statement = select(Case.content_hash, Case.id, Case.key).where(
            Case.project_id == project_id, col(Case.content_hash).in_(select(given.c.value))
        )
        own = {digest: digest for digest in page}  # what came from the database would be each hash a second time
        found |= {own[digest]: Known(id_ or 0, key) for digest, id_, key in session.exec(statement)}
    return found


def add_rows(session: Session, table: str, rows: Iterable[dict[str, Any]]) -> None:
    """Keep many new rows of a table, given as their columns; with objects it would take half as long again."""
    for page in _pages(rows):
        session.execute(insert(Table.metadata.tables[table]), page)


def set_keys(session: Session, keys: Mapping[int, str]) -> None:
    """Give each case, by its id, another key."""
    if keys:
        session.execute(update(Case), [{"id": id_, "key": key} for id_, key in keys.items()])


def _pages(elements: Iterable[Element]) -> Iterator[list[Element]]:
    left = iter(elements)
    while page := list(islice(left, _PAGE)):
        yield page
