"""Ratings and votes with a known difference, planted for tests of what is said of versions."""

import random
from collections.abc import Mapping, Sequence
from typing import Any

from sqlmodel import Session
from tests.fixtures import factories

from promptlab.db.models import Generation
from promptlab.db.states import VoteAnswer

RATERS = {"ana": 0.0, "ben": -1.5, "chi": 1.0}
"""Raters, and how many stars each gives more than another would: one is severe, one lenient."""


def versions(session: Session, qualities: Sequence[float], *, cases: int | None, draws: int = 1) -> list[int]:
    """Make versions of `banner` with generations, `draws` a case or, with None, that many without a case."""
    made = [factories.version(session, name="banner").id or 0 for _ in qualities]
    batch = factories.batch(session).id
    inputs = [None] if cases is None else [factories.case(session, key=f"case-{n}").id for n in range(cases)]
    for case_id in inputs:
        for version_id in made:
            for draw in range(1, draws + 1):
                factories.generation(
                    session, prompt_version_id=version_id, batch_id=batch, case_id=case_id, draw=draw
                )  # fmt: skip
    return made


def rated(
    session: Session,
    generations: Sequence[Generation],
    qualities: Mapping[int, float],
    *,
    raters: Mapping[str, float] = RATERS,
    noise: float = 0.5,
    seed: int = 1,
) -> None:
    """Let everybody rate everything, as good as its version is and as severe as they are, in a random order."""
    dice = random.Random(seed)
    everything = [(row, rater) for row in generations for rater in raters]
    dice.shuffle(everything)
    for row, rater in everything:
        stars = qualities[row.prompt_version_id] + raters[rater] + dice.gauss(0, noise)
        factories.rating(session, row, round(min(5, max(1, stars))), rater=rater)


def voted(session: Session, left: Generation, right: Generation, answer: VoteAnswer, rater: str = "ana") -> Any:
    """Let somebody vote on two generations."""
    return factories.vote(
        session, left_generation_id=left.id, right_generation_id=right.id, answer=answer, rater=rater
    )  # fmt: skip
