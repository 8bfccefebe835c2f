"""Ratings: one current score a rater and generation, its history kept."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from sqlmodel import Session

from promptlab.db import claims, generations, ratings
from promptlab.db.models import Generation
from promptlab.db.opinions import Rating
from promptlab.db.states import GenerationState
from promptlab.errors import Conflict, InvalidInput, NotFound
from promptlab.services.lab import Lab

_LONGEST_RATER = 100


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a rater says of one generation, and how long they looked at it where somebody measured that."""

    rater: str
    score: int
    note: str | None = None
    tags: Sequence[str] = ()
    criteria: Mapping[str, int] = field(default_factory=dict)
    duration_ms: int | None = None


@contextmanager
def recording() -> Iterator[None]:
    """Add to every rejection of what is to be recorded in the block that nothing was."""
    try:
        yield
    except (InvalidInput, NotFound, Conflict) as error:
        error.hint = " ".join(filter(None, (error.hint, "Nothing was recorded.")))
        raise


def rate(lab: Lab, generation_id: int, verdict: Verdict) -> Rating:
    """Record a rating as its rater's current one; it is committed when this returns, and keeps their claims for them.

    Raises:
        NotFound: no such generation.
        Conflict: a generation without images.
        InvalidInput: a rater without a usable name.
    """
    with lab.database.transaction() as session:
        claims.renew(session, lab.project_id, verdict.rater)
        return record(session, lab.project_id, generation_id, verdict)[0]


def record(session: Session, project_id: int, generation_id: int, verdict: Verdict) -> tuple[Rating, bool]:
    """Record a rating in a transaction of the caller's; return it, and whether it says anything new.

    Raises what `rate` raises.
    """
    check_rater(verdict.rater)
    generation = ratings.lock_generation(session, project_id, generation_id)
    _check_images(generation)
    rating = Rating(
        project_id=project_id,
        generation_id=generation_id,
        rater=verdict.rater,
        score=verdict.score,
        note=verdict.note,
        tags=sorted(set(verdict.tags)),
        criteria=dict(verdict.criteria),
        duration_ms=verdict.duration_ms,
    )
    current = ratings.current(session, generation_id, verdict.rater)
    if current is not None and _says(current) == _says(rating):
        return current, False
    return ratings.put(session, generation, rating), True


def check_ratable(lab: Lab, generation_id: int) -> None:
    """Check that a generation has images to rate; raises NotFound or Conflict, as `rate` does."""
    with lab.database.reading() as session:
        _check_images(generations.get(session, lab.project_id, generation_id))


def undo(lab: Lab, generation_id: int, rater: str, *, rating_id: int) -> Rating | None:
    """Take back a rater's current rating; returns the one that stands again, None if there was none before.

    Raises:
        NotFound: the rater has not rated this generation, or has rated it anew since.
    """
    with lab.database.transaction() as session:
        generation = ratings.lock_generation(session, lab.project_id, generation_id)
        current = ratings.current(session, generation_id, rater)
        if current is not None and current.id != rating_id:
            raise NotFound("You have rated it elsewhere since, and that rating stands.")
        return ratings.take_back(session, generation, rater)


def _says(rating: Rating) -> tuple[object, ...]:
    return rating.score, rating.note, rating.tags, rating.criteria


def _check_images(generation: Generation) -> None:
    if generation.state is not GenerationState.SUCCEEDED:
        raise Conflict(f"Generation {generation.id} is {generation.state.value} and has no images to rate.")


def check_rater(name: str) -> None:
    """Check that a rater has a name that can be used; raises InvalidInput."""
    if not name.strip() or not name.isprintable() or len(name) > _LONGEST_RATER:
        raise InvalidInput(
            f"A rater needs a name of 1 to {_LONGEST_RATER} printable characters.",
            hint="Give it with --rater or PROMPTLAB_RATER.",
        )
