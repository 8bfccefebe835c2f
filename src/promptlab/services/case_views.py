"""What case sets look like from outside: plain JSON data with the keys that scripts rely on."""

from sqlmodel import Session

from promptlab.db import case_sets, cases
from promptlab.db.models import CaseSet
from promptlab.db.pages import Page
from promptlab.services.case_sets import Imported
from promptlab.services.views import View, image, time_text


def case_set(row: CaseSet) -> View:
    """Return the view of a version of a case set."""
    return {
        "id": row.id,
        "name": row.name,
        "version": row.version,
        "cases": row.size,
        "created_at": time_text(row.created_at),
    }


def imported(made: Imported) -> View:
    """Return the view of what an import has made, or found to be there already."""
    return {**case_set(made.case_set), "created": made.is_new, "warnings": [*made.warnings]}


def item_page(session: Session, row: CaseSet, *, limit: int, cursor: str | None) -> Page[View]:
    """Return a page of the cases of a set, in their order; positions count from 1."""
    page = case_sets.list_items(session, row.id or 0, limit=limit, cursor=cursor)
    ids = [item.case_id for item in page.items]
    found = cases.by_ids(session, ids)
    inputs: dict[int, list[View]] = {}
    for each in cases.images_of(session, ids):
        inputs.setdefault(each.case_id, []).append(image(each))
    items = [
        {
            "position": item.position,
            "key": item.key,
            "case_id": item.case_id,
            "variables": found[item.case_id].variables,
            "inputs": inputs.get(item.case_id, []),
        }
        for item in page.items
    ]
    return Page(items, page.next_cursor)
