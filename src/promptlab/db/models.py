"""The tables of prompts, cases, batches and what was made of them. Every row carries its project, all times are UTC.

These models describe; they do not validate (SQLModel table models never do). What goes in is checked by services.
JSON columns are replaced, never edited in place: an edit would be lost.

Partial indexes name their condition for SQLite only: naming it for PostgreSQL as well would load that dialect, a tenth
of the start-up. The migrations, which make the tables, name both.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, CheckConstraint, Index, Numeric, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from promptlab.db.columns import Table, now, one_of, partial, random_seed, rated_as, usd_type
from promptlab.db.states import AttemptOutcome, BatchState, GenerationState, ImageRole


class Lab(Table, table=True):
    """The one row that gives this database a name of its own, under which its images are kept."""

    id: int | None = Field(default=None, primary_key=True)
    uid: str = Field(unique=True, max_length=32)


class Project(Table, table=True):
    """A team's or a person's separate space; `order_seed` is what the order of review is drawn from."""

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True, max_length=100)
    order_seed: int = Field(default_factory=random_seed, sa_type=BigInteger)
    created_at: datetime = Field(default_factory=now)


class PromptVersion(Table, table=True):
    """An immutable version of a prompt; `content_hash` covers everything that changes the picture."""

    __tablename__ = "prompt_version"
    __table_args__ = (
        UniqueConstraint("project_id", "name", "version"),
        CheckConstraint("version > 0", name="version_positive"),
        partial("ix_prompt_version_active", "project_id", "id", where="deleted_at IS NULL"),
        Index("ix_prompt_version_content", "project_id", "name", "content_hash"),
    )  # fmt: skip

    id: int | None = Field(default=None, primary_key=True)
    project_id: int = Field(foreign_key="project.id")
    name: str = Field(max_length=100)
    version: int
    system_prompt: str | None = None
    user_prompt: str
    raw: bool = False
    provider: str = Field(max_length=100)
    model: str = Field(max_length=200)
    parameters: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    description: str | None = None
    content_hash: str = Field(max_length=64)
    created_at: datetime = Field(default_factory=now)
    deleted_at: datetime | None = None


class ImageColumns(SQLModel):
    """What every row about an image holds; `url` is the record, links are made from it on demand."""

    url: str
    sha256: str = Field(max_length=64)
    media_type: str = Field(max_length=50)
    width: int
    height: int
    bytes: int
    position: int


class Case(Table, table=True):
    """One fixed input of an experiment: template variables and input images; the same content is the same case."""

    __table_args__ = (UniqueConstraint("project_id", "content_hash"),)

    id: int | None = Field(default=None, primary_key=True)
    project_id: int = Field(foreign_key="project.id")
    key: str | None = Field(default=None, max_length=200)
    variables: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    content_hash: str = Field(max_length=64)
    created_at: datetime = Field(default_factory=now)


class CaseImage(Table, ImageColumns, table=True):
    """An input image or mask of a case."""

    __tablename__ = "case_image"
    __table_args__ = (UniqueConstraint("case_id", "role", "position"),)

    id: int | None = Field(default=None, primary_key=True)
    project_id: int = Field(foreign_key="project.id")
    case_id: int = Field(foreign_key="case.id", ondelete="CASCADE")
    role: ImageRole = Field(sa_type=one_of(ImageRole, "role"))


class CaseSet(Table, table=True):
    """A version of a named list of cases; immutable. `content_hash` covers its cases, their keys and their order."""

    __tablename__ = "case_set"
    __table_args__ = (
        UniqueConstraint("project_id", "name", "version"),
        CheckConstraint("version > 0", name="version_positive"),
    )  # fmt: skip

    id: int | None = Field(default=None, primary_key=True)
    project_id: int = Field(foreign_key="project.id")
    name: str = Field(max_length=100)
    version: int
    content_hash: str = Field(max_length=64)
    size: int
    """How many cases it has."""
    created_at: datetime = Field(default_factory=now)


class CaseSetItem(Table, table=True):
    """A case in a case set, at its place; `key` is what this set calls it."""

    __tablename__ = "case_set_item"
    __table_args__ = (Index("ix_case_set_item_case_id", "case_id"),)

    case_set_id: int = Field(primary_key=True, foreign_key="case_set.id", ondelete="CASCADE")
    position: int = Field(primary_key=True)
    project_id: int = Field(foreign_key="project.id")
    case_id: int = Field(foreign_key="case.id")
    key: str | None = Field(default=None, max_length=200)


class Batch(Table, table=True):
    """One run over versions, cases and draws.

    `committed_usd` is what was spent plus what is reserved for requests in flight or unknown, `committed_images` the
    same of images. Reserving is one conditional update, so it never takes them past `max_cost_usd` and `max_images`.
    `order_seed` is for shuffling rows. `request_key` hashes what `batch run` was asked for, which `request` holds:
    two runs of the same request are the same batch. Batches of `generate` have neither.
    `started_at` is when its last run began, `deadline_at` when that run is to send nothing more.
    """

    __table_args__ = (
        UniqueConstraint("project_id", "request_key"),
        CheckConstraint("committed_usd >= 0", name="committed_not_negative"),
        CheckConstraint("committed_images >= 0", name="committed_images_not_negative"),
        Index("ix_batch_project_id_id", "project_id", "id"),
    )

    id: int | None = Field(default=None, primary_key=True)
    project_id: int = Field(foreign_key="project.id")
    state: BatchState = Field(default=BatchState.PLANNED, sa_type=one_of(BatchState, "state"))
    order_seed: int
    request_key: str | None = Field(default=None, max_length=64)
    request: dict[str, Any] | None = Field(default=None, sa_type=JSON(none_as_null=True))
    detached: bool = False
    """Whether workers take its rows."""
    max_cost_usd: float | None = Field(default=None, sa_type=usd_type())
    committed_usd: float = Field(default=0.0, sa_type=usd_type())
    max_images: int | None = None
    committed_images: int = 0
    max_retries: int | None = None
    """How often a request that bought nothing is sent again; None: as the provider's settings say."""
    fail_fast: bool = False
    created_at: datetime = Field(default_factory=now)
    started_at: datetime | None = None
    deadline_at: datetime | None = None
    finished_at: datetime | None = None


class Pace(Table, table=True):
    """When a provider may be asked next, for all processes that work for a project.

    `requests_at` and `images_at` are the theoretical arrival times of the generic cell rate algorithm, `closed_until`
    is until when the provider has asked to be left alone. All None: at once.
    """

    __table_args__ = (UniqueConstraint("project_id", "provider"),)

    id: int | None = Field(default=None, primary_key=True)
    project_id: int = Field(foreign_key="project.id")
    provider: str = Field(max_length=100)
    requests_at: datetime | None = None
    images_at: datetime | None = None
    closed_until: datetime | None = None


class Generation(Table, table=True):
    """One planned image request and all that became of it.

    `request_key` hashes version, case, requested parameters, count and base seed: with `draw` it is the identity.
    `seed` is the one this draw asks for (`base_seed` + draw - 1), None where the model takes none.
    `review_position` is its place in the order of review: see `review_order`.
    `execution_time` is milliseconds spent in the provider, over all attempts.
    """

    __table_args__ = (
        UniqueConstraint("request_key", "draw"),
        CheckConstraint("draw > 0", name="draw_positive"),
        CheckConstraint("image_count > 0", name="image_count_positive"),
        CheckConstraint("result_rating >= 1 AND result_rating <= 5", name="result_rating_range"),
        Index("ix_generation_project_id_id", "project_id", "id"),
        Index("ix_generation_prompt_version_id_id", "prompt_version_id", "id"),
        Index("ix_generation_project_id_state_id", "project_id", "state", "id"),
        Index("ix_generation_project_id_created_at_id", "project_id", "created_at", "id"),
        # With the state, though it is always the same: SQLite prefers the index that fits more conditions.
        partial("ix_generation_unrated", "project_id", "state", "id",
                where="state = 'succeeded' AND result_rating IS NULL"),
        # With the version, so that what is not wanted is passed over without reading its row; without the state, which
        # PostgreSQL takes as known here: it would read all of an index that has it before the place.
        partial("ix_generation_unrated_place", "project_id", "review_position", "id", "prompt_version_id",
                where="state = 'succeeded' AND result_rating IS NULL"),
        partial("ix_generation_place", "project_id", "review_position", "id", "prompt_version_id",
                where="state = 'succeeded'"),
        *(partial(f"ix_generation_rated_{score}", "project_id", "id", where=rated_as(score)) for score in range(1, 6)),
        Index("ix_generation_batch_id", "batch_id"),
        Index("ix_generation_case_id", "case_id"),
        {"sqlite_autoincrement": True},
    )  # fmt: skip

    id: int | None = Field(default=None, primary_key=True)
    project_id: int = Field(foreign_key="project.id")
    prompt_version_id: int = Field(foreign_key="prompt_version.id")
    case_id: int | None = Field(default=None, foreign_key="case.id")
    batch_id: int = Field(foreign_key="batch.id")
    state: GenerationState = Field(
        default=GenerationState.PLANNED, sa_type=one_of(GenerationState, "state")
    )  # fmt: skip
    request_key: str = Field(max_length=64)
    draw: int
    review_position: int = Field(sa_type=BigInteger, sa_column_kwargs={"server_default": text("0")})
    image_count: int = 1
    base_seed: int | None = Field(default=None, sa_type=BigInteger)
    seed: int | None = Field(default=None, sa_type=BigInteger)
    parameters: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    effective_parameters: dict[str, Any] | None = Field(default=None, sa_type=JSON(none_as_null=True))
    rendered_system_prompt: str | None = None
    rendered_user_prompt: str
    max_price_usd: float | None = Field(default=None, sa_type=usd_type())
    not_before: datetime | None = None
    result_rating: float | None = Field(default=None, sa_type=Numeric(6, 4, asdecimal=False))
    notes: str | None = None
    warnings: list[str] = Field(default_factory=list, sa_type=JSON)
    execution_time: int | None = None
    cost_usd: float | None = Field(default=None, sa_type=usd_type())
    usage: dict[str, Any] | None = Field(default=None, sa_type=JSON(none_as_null=True))
    created_at: datetime = Field(default_factory=now)
    finished_at: datetime | None = None


class BatchItem(Table, table=True):
    """Which generations a batch covers, whoever bought them."""

    __tablename__ = "batch_item"
    __table_args__ = (Index("ix_batch_item_generation_id", "generation_id"),)

    batch_id: int = Field(primary_key=True, foreign_key="batch.id", ondelete="CASCADE")
    generation_id: int = Field(primary_key=True, foreign_key="generation.id", ondelete="CASCADE")
    project_id: int = Field(foreign_key="project.id")


class Attempt(Table, table=True):
    """One request sent to a provider.

    While `outcome` is None the request is in flight: `owner` names the process that sent it, and `lease_until` is how
    long other machines believe that this process lives. `handle` can be asked again after a crash.
    `reserved_usd` and `reserved_images` are what its batch, the one that buys it, has set aside for it.
    """

    __table_args__ = (
        UniqueConstraint("generation_id", "number"),
        CheckConstraint("number > 0", name="number_positive"),
        partial("ix_attempt_in_flight", "project_id", "id", where="outcome IS NULL"),
        Index("ix_attempt_batch_id", "batch_id"),
    )  # fmt: skip

    id: int | None = Field(default=None, primary_key=True)
    project_id: int = Field(foreign_key="project.id")
    generation_id: int = Field(foreign_key="generation.id", ondelete="CASCADE")
    batch_id: int = Field(foreign_key="batch.id")
    number: int
    owner: str = Field(max_length=64)
    lease_until: datetime
    handle: str | None = None
    reserved_usd: float = Field(default=0.0, sa_type=usd_type())
    reserved_images: int = 0
    outcome: AttemptOutcome | None = Field(default=None, sa_type=one_of(AttemptOutcome, "outcome"))
    http_status: int | None = None
    request_id: str | None = None
    error_kind: str | None = None
    error_message: str | None = None
    error_details: dict[str, Any] | None = Field(default=None, sa_type=JSON(none_as_null=True))
    started_at: datetime = Field(default_factory=now)
    finished_at: datetime | None = None
    duration_ms: int | None = None


class GenerationImageInput(Table, ImageColumns, table=True):
    """An image that went into a generation."""

    __tablename__ = "generation_image_input"
    __table_args__ = (UniqueConstraint("generation_id", "role", "position"),)

    id: int | None = Field(default=None, primary_key=True)
    project_id: int = Field(foreign_key="project.id")
    generation_id: int = Field(foreign_key="generation.id", ondelete="CASCADE")
    role: ImageRole = Field(sa_type=one_of(ImageRole, "role"))


class GenerationImageOutput(Table, ImageColumns, table=True):
    """An image that came out of a generation."""

    __tablename__ = "generation_image_output"
    __table_args__ = (UniqueConstraint("generation_id", "position"),)

    id: int | None = Field(default=None, primary_key=True)
    project_id: int = Field(foreign_key="project.id")
    generation_id: int = Field(foreign_key="generation.id", ondelete="CASCADE")
