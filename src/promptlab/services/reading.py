"""Reading generations as views: one, several, pages of them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from sqlmodel import Session

from promptlab.db import batches, generations, prompts, ratings, review_queue
from promptlab.db.generations import Filters
from promptlab.db.models import Generation
from promptlab.db.pages import Page
from promptlab.db.review_queue import QueueFilters
from promptlab.services import views
from promptlab.services.lab import Lab
from promptlab.services.views import View


def full_views(lab: Lab, generation_ids: Sequence[int]) -> list[View]:
    """Return everything about those of the generations that are there, in the order of their ids."""
    with lab.database.reading() as session:
        return views.full_generations(session, generations.by_ids(session, generation_ids))


def detail(lab: Lab, generation_id: int) -> View:
    """Return everything about one generation, and what each rater says of it now; raises NotFound without it."""
    with lab.database.reading() as session:
        row = generations.get(session, lab.project_id, generation_id)
        [view] = views.full_generations(session, [row])
        found = ratings.current_of(session, generation_id)
    return view | {"ratings": [views.rating(row) for row in found]}


def in_batch(lab: Lab, batch_id: int, *, at_a_time: int = 500) -> Iterator[View]:
    """Yield everything about each generation of a batch, in the order of their ids, without holding all of them."""
    after = 0
    while True:
        with lab.database.reading() as session:
            rows = generations.of_batch(session, batch_id, after=after, limit=at_a_time)
            found = views.full_generations(session, rows)
        yield from found
        if len(found) < at_a_time:
            return
        after = found[-1]["id"]


def full_page(lab: Lab, filters: Filters, *, reference: str | None, limit: int, cursor: str | None) -> Page[View]:
    """Return a page of generations, newest first, of all versions or of the one that `reference` names."""
    with lab.database.reading() as session:
        if reference is not None:
            version_id = prompts.get(session, lab.project_id, reference).id
            filters = replace(filters, prompt_version_id=version_id)
        page = generations.list_generations(session, lab.project_id, filters, limit=limit, cursor=cursor)
        return Page(views.full_generations(session, page.items), page.next_cursor)


def queue_page(lab: Lab, filters: QueueFilters, *, blind: bool, limit: int, cursor: str | None) -> Page[View]:
    """Return a page of what waits for a rating, in the order of review; blind views tell nothing about the version."""
    with lab.database.reading() as session:
        page = review_queue.page(session, lab.project_id, filters, limit=limit, cursor=cursor)
        return Page(_look(blind)(session, page.items), page.next_cursor)


def one(lab: Lab, generation_id: int, *, blind: bool) -> View:
    """Return one generation; raises NotFound without it."""
    with lab.database.reading() as session:
        return _look(blind)(session, [generations.get(session, lab.project_id, generation_id)])[0]


def items(lab: Lab, generation_ids: Sequence[int], *, blind: bool) -> list[View]:
    """Return those of the generations that are there, in the order in which they are asked for."""
    with lab.database.reading() as session:
        found = {view["id"]: view for view in _look(blind)(session, generations.by_ids(session, generation_ids))}
    return [found[id_] for id_ in generation_ids if id_ in found]


def queue_filters(
    lab: Lab, *, reference: str | None, batch_id: int | None, rater: str | None, ratings_wanted: int | None = None
) -> QueueFilters:
    """Return what narrows a queue to what a person typed; raises NotFound for a version or batch not there."""
    with lab.database.reading() as session:
        version_id = prompts.get(session, lab.project_id, reference).id if reference else None
        if batch_id is not None:
            batches.get(session, lab.project_id, batch_id)
        is_large = batch_id is not None and review_queue.large(session, batch_id)
    return QueueFilters(
        prompt_version_id=version_id,
        batch_id=batch_id,
        is_large_batch=is_large,
        rater=rater,
        ratings_wanted=ratings_wanted,
    )


def _look(blind: bool) -> Callable[[Session, Sequence[Generation]], list[View]]:  # noqa: FBT001
    return views.blind_generations if blind else views.full_generations
