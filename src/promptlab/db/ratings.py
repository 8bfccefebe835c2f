"""Queries on ratings. A rater has at most one current rating per generation; older ones are history."""

from sqlalchemy import func, select
from sqlmodel import Session, col

from promptlab.db.columns import is_id, now
from promptlab.db.models import Generation
from promptlab.db.opinions import Rating
from promptlab.errors import NotFound


def lock_generation(session: Session, project_id: int, generation_id: int) -> Generation:
    """Return the generation, locked until the transaction ends; raises NotFound without one in the project."""
    generation: Generation | None = None
    if is_id(generation_id):
        generation = session.get(Generation, generation_id, with_for_update={"key_share": True})
    if generation is None or generation.project_id != project_id:
        raise NotFound(f"There is no generation {generation_id}.", hint="`promptlab queue` shows what waits.")
    return generation


def current(session: Session, generation_id: int, rater: str) -> Rating | None:
    """Return the rater's current rating of the generation, None without one."""
    statement = select(Rating).where(
        col(Rating.generation_id) == generation_id, col(Rating.rater) == rater, col(Rating.superseded_at).is_(None)
    )
    return session.execute(statement).scalar_one_or_none()


def current_of(session: Session, generation_id: int) -> list[Rating]:
    """Return what each rater says of the generation now, in the order in which they said it."""
    statement = select(Rating).where(col(Rating.generation_id) == generation_id, col(Rating.superseded_at).is_(None))
    return list(session.execute(statement.order_by(col(Rating.id))).scalars())


def put(session: Session, generation: Generation, rating: Rating) -> Rating:
    """Make `rating` its rater's current one and bring the generation's mean up to date."""
    if earlier := current(session, rating.generation_id, rating.rater):
        earlier.superseded_at = now()
        session.add(earlier)
        session.flush()
    session.add(rating)
    session.flush()
    _refresh_mean(session, generation)
    return rating


def take_back(session: Session, generation: Generation, rater: str) -> Rating | None:
    """Remove the rater's current rating, let the one before it stand again, and return that one."""
    latest = current(session, generation.id or 0, rater)
    if latest is None:
        raise NotFound(f"{rater} has not rated generation {generation.id}.")
    session.delete(latest)
    session.flush()
    earlier = _newest(session, generation.id or 0, rater)
    if earlier is not None:
        earlier.superseded_at = None
        session.add(earlier)
        session.flush()
    _refresh_mean(session, generation)
    return earlier


def _newest(session: Session, generation_id: int, rater: str) -> Rating | None:
    statement = (
        select(Rating)
        .where(col(Rating.generation_id) == generation_id, col(Rating.rater) == rater)
        .order_by(col(Rating.id).desc())
        .limit(1)
    )
    return session.execute(statement).scalar_one_or_none()


def _refresh_mean(session: Session, generation: Generation) -> None:
    scores = select(func.avg(Rating.score)).where(
        col(Rating.generation_id) == generation.id, col(Rating.superseded_at).is_(None)
    )
    mean = session.execute(scores).scalar_one()
    generation.result_rating = None if mean is None else round(float(mean), 4)
    session.add(generation)
