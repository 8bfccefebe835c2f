"""Queries on what a report tells of: versions, all that was made of them, and what raters remarked."""

from collections.abc import Iterator, Sequence

from sqlmodel import Session, col, select

from promptlab.db.models import Generation, PromptVersion
from promptlab.db.opinions import Rating

_PAGE = 500
"""Generations that are read at once."""


def versions_of_newest_prompt(session: Session, project_id: int) -> list[PromptVersion]:
    """Return the live versions that have generations of the prompt that was last put to use, oldest first."""
    live = (col(PromptVersion.project_id) == project_id, col(PromptVersion.deleted_at).is_(None))
    newest = (
        select(PromptVersion.name)
        .join(Generation, col(Generation.prompt_version_id) == col(PromptVersion.id))
        .where(*live, col(Generation.project_id) == project_id)
        .order_by(col(Generation.id).desc())
        .limit(1)
    )
    name = session.exec(newest).first()
    made = select(Generation.id).where(col(Generation.prompt_version_id) == col(PromptVersion.id)).exists()
    statement = select(PromptVersion).where(*live, col(PromptVersion.name) == name, made)
    return list(session.exec(statement.order_by(col(PromptVersion.version))))


def page_of(session: Session, version_ids: Sequence[int], *, after: int) -> list[Generation]:
    """Return the next generations of these versions behind the id `after`, in the order of their ids."""
    statement = (
        select(Generation)
        .where(col(Generation.prompt_version_id).in_(version_ids), col(Generation.id) > after)
        .order_by(col(Generation.id))
        .limit(_PAGE)
    )
    return list(session.exec(statement))


def remarks(session: Session, generation_ids: Sequence[int]) -> Iterator[tuple[int, str | None, Sequence[str]]]:
    """Yield generation, note and tags of each current rating of these generations, in the order of the ratings."""
    statement = (
        select(Rating.generation_id, Rating.note, Rating.tags)
        .where(col(Rating.generation_id).in_(generation_ids), col(Rating.superseded_at).is_(None))
        .order_by(col(Rating.id))
    )
    yield from session.exec(statement)
