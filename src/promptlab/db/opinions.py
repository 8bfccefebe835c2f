"""The tables of what people say: ratings, votes, the first look at a comparison, and who is at work on what.

Described as in `models`.
"""

from datetime import datetime

from sqlalchemy import JSON, BigInteger, CheckConstraint, Index, UniqueConstraint
from sqlmodel import Field

from promptlab.db.columns import Table, now, one_of, partial
from promptlab.db.states import VoteAnswer


class Rating(Table, table=True):
    """A person's score of a generation; the current one has no `superseded_at`, older ones are history.

    `duration_ms` is how long the rater looked at it, None where nobody measured that.
    """

    __table_args__ = (
        CheckConstraint("score BETWEEN 1 AND 5", name="score_range"),
        partial("uq_rating_current", "generation_id", "rater", where="superseded_at IS NULL", unique=True),
        Index("ix_rating_generation_id_rater_id", "generation_id", "rater", "id"),
        Index("ix_rating_project_id_rater_id", "project_id", "rater", "id"),
    )

    id: int | None = Field(default=None, primary_key=True)
    project_id: int = Field(foreign_key="project.id")
    generation_id: int = Field(foreign_key="generation.id", ondelete="CASCADE")
    rater: str = Field(max_length=100)
    score: int
    note: str | None = None
    tags: list[str] = Field(default_factory=list, sa_type=JSON)
    criteria: dict[str, int] = Field(default_factory=dict, sa_type=JSON)
    duration_ms: int | None = None
    created_at: datetime = Field(default_factory=now)
    superseded_at: datetime | None = None


class Vote(Table, table=True):
    """A rater's answer to which of two generations is better, as they stood side by side.

    Sides follow from the project's `order_seed`, the rater and the pair, so a pair is never there the other way round.
    """

    __table_args__ = (
        UniqueConstraint("left_generation_id", "right_generation_id", "rater"),
        CheckConstraint("left_generation_id <> right_generation_id", name="two_generations"),
        Index("ix_vote_right_generation_id", "right_generation_id"),
        Index("ix_vote_project_id_rater_id", "project_id", "rater", "id"),
    )

    id: int | None = Field(default=None, primary_key=True)
    project_id: int = Field(foreign_key="project.id")
    rater: str = Field(max_length=100)
    left_generation_id: int = Field(foreign_key="generation.id", ondelete="CASCADE")
    right_generation_id: int = Field(foreign_key="generation.id", ondelete="CASCADE")
    answer: VoteAnswer = Field(sa_type=one_of(VoteAnswer, "answer"))
    duration_ms: int | None = None
    created_at: datetime = Field(default_factory=now)


class FirstLook(Table, table=True):
    """What was fixed before the data of a gate was first looked at: a later look with another margin is told so."""

    __tablename__ = "first_look"
    __table_args__ = (
        UniqueConstraint("project_id", "baseline_id", "candidate_id"),
        Index("ix_first_look_baseline_id", "baseline_id"),
        Index("ix_first_look_candidate_id", "candidate_id"),
    )

    id: int | None = Field(default=None, primary_key=True)
    project_id: int = Field(foreign_key="project.id")
    baseline_id: int = Field(foreign_key="prompt_version.id")
    candidate_id: int = Field(foreign_key="prompt_version.id")
    margin: float
    alpha: float
    min_blocks: int | None = None
    created_at: datetime = Field(default_factory=now)


class Claim(Table, table=True):
    """A rater is at work on a block (`review_position >> 22`) until `expires_at`, where its ratings are limited."""

    __table_args__ = (
        UniqueConstraint("project_id", "block", "rater"),
        Index("ix_claim_project_id_rater", "project_id", "rater"),
    )  # fmt: skip

    id: int | None = Field(default=None, primary_key=True)
    project_id: int = Field(foreign_key="project.id")
    block: int = Field(sa_type=BigInteger)
    rater: str = Field(max_length=100)
    expires_at: datetime
