"""Queries on generations and the rows that belong to them.

Statements that run for every image are made once, and on the table: making one costs several times its run.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, delete, exists, func, insert, literal, select, text, update
from sqlmodel import Session, col

from promptlab.db.columns import is_id, rated_as
from promptlab.db.engine import rows_changed
from promptlab.db.models import BatchItem, Generation, GenerationImageInput, GenerationImageOutput
from promptlab.db.pages import Page, fetch_page
from promptlab.db.states import GenerationState, ImageRole
from promptlab.errors import NotFound

_TABLE, _VERSION, _INPUT, _OUTPUT = (
    Generation.metadata.tables[name]
    for name in ("generation", "prompt_version", "generation_image_input", "generation_image_output")
)
_THIS = _TABLE.c.id == bindparam("generation")

_TO_SEND = (
    select(
        *(_TABLE.c.batch_id, _VERSION.c.model, _TABLE.c.image_count, _TABLE.c.seed, _TABLE.c.parameters),
        _TABLE.c.rendered_system_prompt.label("system_prompt"),
        _TABLE.c.rendered_user_prompt.label("user_prompt"),
        _TABLE.c.max_price_usd,
        exists().where(_INPUT.c.generation_id == _TABLE.c.id).label("has_inputs"),
    )
    .join_from(_TABLE, _VERSION, _VERSION.c.id == _TABLE.c.prompt_version_id)
    .where(_THIS)
)
_CHANGE = update(_TABLE).where(_THIS)
_CLAIM = (
    update(_TABLE)
    .where(_THIS, _TABLE.c.state == GenerationState.PLANNED)
    .values(
        state=GenerationState.SENDING, batch_id=func.coalesce(bindparam("buyer"), _TABLE.c.batch_id), not_before=None
    )
)
_REPLAN = (
    update(_TABLE)
    .where(_THIS, _TABLE.c.state.in_(bindparam("states", expanding=True)))
    .values(state=GenerationState.PLANNED, not_before=None, finished_at=None)
)
_ADD_OUTPUTS = insert(_OUTPUT)


@dataclass(frozen=True, kw_only=True)
class ToSend:
    """What a generation asks its provider for, and what it may cost at most; its input images are rows of their own."""

    batch_id: int
    model: str
    system_prompt: str | None
    user_prompt: str
    image_count: int
    seed: int | None
    parameters: dict[str, Any]
    max_price_usd: float | None
    has_inputs: bool


@dataclass(frozen=True, kw_only=True)
class Filters:
    """What a list of generations is narrowed to; None does not narrow. Times are aware."""

    state: GenerationState | None = None
    prompt_version_id: int | None = None
    rating: int | None = None
    unrated: bool = False
    since: datetime | None = None
    until: datetime | None = None


def get(session: Session, project_id: int, generation_id: int, *, lock: bool = False) -> Generation:
    """Return the generation, with `lock` for us alone; raises NotFound without one of that id in the project."""
    for_update: Any = {"key_share": True} if lock else None
    found = (
        session.get(Generation, generation_id, with_for_update=for_update, populate_existing=lock)
        if is_id(generation_id)
        else None
    )
    if found is None or found.project_id != project_id:
        raise NotFound(
            f"There is no generation {generation_id}.", hint="`promptlab generation list` shows what is there."
        )
    return found


def to_send(session: Session, generation_id: int) -> ToSend | None:
    """Return what the generation asks for, None where somebody has deleted it."""
    found = session.execute(_TO_SEND, {"generation": generation_id}).mappings().one_or_none()
    return None if found is None else ToSend(**found)


def by_ids(session: Session, generation_ids: Sequence[int]) -> list[Generation]:
    """Return those generations that exist, in the order of their ids."""
    statement = select(Generation).where(col(Generation.id).in_(generation_ids)).order_by(col(Generation.id))
    return list(session.execute(statement).scalars())


def of_batch(session: Session, batch_id: int, *, after: int, limit: int) -> list[Generation]:
    """Return the next generations of a batch behind the id `after`, in the order of their ids."""
    statement = (
        select(Generation)
        .join(BatchItem, col(BatchItem.generation_id) == col(Generation.id))
        .where(col(BatchItem.batch_id) == batch_id, col(BatchItem.generation_id) > after)
        .order_by(col(BatchItem.generation_id))
        .limit(limit)
    )
    return list(session.execute(statement).scalars())


def list_generations(
    session: Session, project_id: int, filters: Filters, *, limit: int, cursor: str | None
) -> Page[Generation]:
    """Return a page of generations, newest first: by id, and between two times by time, as their indexes are."""
    statement = _narrowed(select(Generation).where(col(Generation.project_id) == project_id), filters)
    by_time = filters.since is not None or filters.until is not None
    time = col(Generation.created_at) if by_time else None
    return fetch_page(session, statement, key=col(Generation.id), time=time, limit=limit, cursor=cursor)


def next_draw(session: Session, request_key: str) -> int:
    """Return the next free draw of that request."""
    highest = select(func.max(Generation.draw)).where(col(Generation.request_key) == request_key)
    return (session.execute(highest).scalar_one() or 0) + 1


def claim(session: Session, generation_id: int, batch_id: int | None = None) -> bool:
    """Move the generation from planned to sending, and say whether this was the one who did it.

    It is bought by that batch; None: by the one that it has.
    """
    return rows_changed(session, _CLAIM, {"generation": generation_id, "buyer": batch_id}) == 1


def change(session: Session, generation_id: int, **columns: Any) -> None:
    """Write what became of the generation."""
    session.execute(_CHANGE, {"generation": generation_id, **columns})


def replan(session: Session, generation_id: int, states: Sequence[GenerationState]) -> bool:
    """Put a generation that ended in one of `states` back to planned, and say whether it was there."""
    return rows_changed(session, _REPLAN, {"generation": generation_id, "states": states}) == 1


def inputs(
    session: Session, generation_ids: Sequence[int], role: ImageRole | None = None
) -> list[GenerationImageInput]:
    """Return the input images of those generations, in order."""
    statement = select(GenerationImageInput).where(col(GenerationImageInput.generation_id).in_(generation_ids))
    if role is not None:
        statement = statement.where(col(GenerationImageInput.role) == role)
    order = (
        col(GenerationImageInput.generation_id),
        col(GenerationImageInput.role),
        col(GenerationImageInput.position),
    )
    return list(session.execute(statement.order_by(*order)).scalars())


def outputs(session: Session, generation_ids: Sequence[int]) -> list[GenerationImageOutput]:
    """Return the output images of those generations, in order."""
    statement = (
        select(GenerationImageOutput)
        .where(col(GenerationImageOutput.generation_id).in_(generation_ids))
        .order_by(col(GenerationImageOutput.generation_id), col(GenerationImageOutput.position))
    )
    return list(session.execute(statement).scalars())


def add_outputs(session: Session, project_id: int, generation_id: int, images: Sequence[Mapping[str, Any]]) -> None:
    """Keep the images that came out of the generation; of each the columns that every row about an image has."""
    belongs = {"project_id": project_id, "generation_id": generation_id}
    session.execute(_ADD_OUTPUTS, [{**belongs, **image} for image in images])


def remove(session: Session, generation: Generation) -> None:
    """Delete the generation and every row that belongs to it; its objects stay in the storage."""
    session.execute(delete(BatchItem).where(col(BatchItem.generation_id) == generation.id))
    session.execute(delete(Generation).where(col(Generation.id) == generation.id))


def _narrowed(statement: Select[Generation], filters: Filters) -> Select[Generation]:
    if filters.state is not None:
        statement = statement.where(col(Generation.state) == filters.state)
    if filters.prompt_version_id is not None:
        statement = statement.where(col(Generation.prompt_version_id) == filters.prompt_version_id)
    if filters.since is not None:
        statement = statement.where(col(Generation.created_at) >= filters.since)
    if filters.until is not None:
        statement = statement.where(col(Generation.created_at) < filters.until)
    if filters.rating is not None:
        statement = statement.where(text(rated_as(filters.rating)))
    if filters.unrated:
        statement = statement.where(is_unrated())
    return statement


def succeeded(of: type[Generation] = Generation) -> ColumnElement[bool]:
    """Return the condition that a generation has its images."""
    # Written into the statement: a partial index is not found for a value that comes only when the statement runs.
    return col(of.state) == literal(GenerationState.SUCCEEDED, literal_execute=True)


def is_unrated() -> ColumnElement[bool]:
    """Return the condition that a generation has its images, and nobody rated them."""
    return succeeded() & col(Generation.result_rating).is_(None)
