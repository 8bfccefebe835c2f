"""The first tables.

Revision: 0001
After: nothing
"""

import uuid
from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "lab",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("uid", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lab")),
        sa.UniqueConstraint("uid", name=op.f("uq_lab_uid")),
    )
    op.create_table(
        "project",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_project")),
        sa.UniqueConstraint("name", name=op.f("uq_project_name")),
    )
    op.create_table(
        "batch",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "planned",
                "running",
                "paused",
                "stopped",
                "done",
                "cancelled",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=16,
            ),
            nullable=False,
        ),
        sa.Column("order_seed", sa.Integer(), nullable=False),
        sa.Column("max_cost_usd", sa.Numeric(precision=14, scale=6, asdecimal=False), nullable=True),
        sa.Column("committed_usd", sa.Numeric(precision=14, scale=6, asdecimal=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("committed_usd >= 0", name=op.f("ck_batch_committed_not_negative")),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_batch_project_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batch")),
    )
    op.create_index("ix_batch_project_id_id", "batch", ["project_id", "id"])

    op.create_table(
        "case",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(200), nullable=True),
        sa.Column("variables", sa.JSON(), nullable=False),
        sa.Column("content_hash", sa.String(64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_case_project_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case")),
        sa.UniqueConstraint("project_id", "content_hash", name=op.f("uq_case_project_id_content_hash")),
    )
    op.create_table(
        "prompt_version",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("system_prompt", sa.String(), nullable=True),
        sa.Column("user_prompt", sa.String(), nullable=False),
        sa.Column("raw", sa.Boolean(), nullable=False),
        sa.Column("provider", sa.String(100), nullable=False),
        sa.Column("model", sa.String(200), nullable=False),
        sa.Column("parameters", sa.JSON(), nullable=False),
        sa.Column("description", sa.String(), nullable=True),
        sa.Column("content_hash", sa.String(64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("version > 0", name=op.f("ck_prompt_version_version_positive")),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_prompt_version_project_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prompt_version")),
        sa.UniqueConstraint("project_id", "name", "version", name=op.f("uq_prompt_version_project_id_name_version")),
    )
    op.create_index(
        "ix_prompt_version_active",
        "prompt_version",
        ["project_id", "id"],
        sqlite_where=sa.text("deleted_at IS NULL"),
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.create_index("ix_prompt_version_content", "prompt_version", ["project_id", "name", "content_hash"])

    op.create_table(
        "case_image",
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("media_type", sa.String(50), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("bytes", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column(
            "role",
            sa.Enum("input", "mask", name="role", native_enum=False, create_constraint=True, length=16),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name=op.f("fk_case_image_case_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_case_image_project_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_image")),
        sa.UniqueConstraint("case_id", "role", "position", name=op.f("uq_case_image_case_id_role_position")),
    )
    op.create_table(
        "generation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("prompt_version_id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=True),
        sa.Column("batch_id", sa.Integer(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "planned",
                "sending",
                "succeeded",
                "refused",
                "failed",
                "unknown",
                "cancelled",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=16,
            ),
            nullable=False,
        ),
        sa.Column("request_key", sa.String(64), nullable=False),
        sa.Column("draw", sa.Integer(), nullable=False),
        sa.Column("image_count", sa.Integer(), nullable=False),
        sa.Column("base_seed", sa.BigInteger(), nullable=True),
        sa.Column("seed", sa.BigInteger(), nullable=True),
        sa.Column("parameters", sa.JSON(), nullable=False),
        sa.Column("effective_parameters", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("rendered_system_prompt", sa.String(), nullable=True),
        sa.Column("rendered_user_prompt", sa.String(), nullable=False),
        sa.Column("max_price_usd", sa.Numeric(precision=14, scale=6, asdecimal=False), nullable=True),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=True),
        sa.Column("result_rating", sa.Numeric(precision=6, scale=4, asdecimal=False), nullable=True),
        sa.Column("notes", sa.String(), nullable=True),
        sa.Column("warnings", sa.JSON(), nullable=False),
        sa.Column("execution_time", sa.Integer(), nullable=True),
        sa.Column("cost_usd", sa.Numeric(precision=14, scale=6, asdecimal=False), nullable=True),
        sa.Column("usage", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("draw > 0", name=op.f("ck_generation_draw_positive")),
        sa.CheckConstraint("image_count > 0", name=op.f("ck_generation_image_count_positive")),
        sa.CheckConstraint("result_rating >= 1 AND result_rating <= 5", name=op.f("ck_generation_result_rating_range")),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name=op.f("fk_generation_batch_id")),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name=op.f("fk_generation_case_id")),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_generation_project_id")),
        sa.ForeignKeyConstraint(
            ["prompt_version_id"], ["prompt_version.id"], name=op.f("fk_generation_prompt_version_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_generation")),
        sa.UniqueConstraint("request_key", "draw", name=op.f("uq_generation_request_key_draw")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_generation_batch_id", "generation", ["batch_id"])
    op.create_index("ix_generation_case_id", "generation", ["case_id"])
    op.create_index("ix_generation_project_id_created_at_id", "generation", ["project_id", "created_at", "id"])
    op.create_index("ix_generation_project_id_id", "generation", ["project_id", "id"])
    op.create_index("ix_generation_project_id_state_id", "generation", ["project_id", "state", "id"])
    op.create_index("ix_generation_prompt_version_id_id", "generation", ["prompt_version_id", "id"])
    op.create_index(
        "ix_generation_unrated",
        "generation",
        ["project_id", "state", "id"],
        sqlite_where=sa.text("state = 'succeeded' AND result_rating IS NULL"),
        postgresql_where=sa.text("state = 'succeeded' AND result_rating IS NULL"),
    )

    for score in range(1, 6):
        rated_as = sa.text(f"result_rating >= {score - 0.5} AND result_rating < {score + 0.5}")
        op.create_index(
            f"ix_generation_rated_{score}",
            "generation",
            ["project_id", "id"],
            sqlite_where=rated_as,
            postgresql_where=rated_as,
        )

    op.create_table(
        "attempt",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("generation_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("handle", sa.String(), nullable=True),
        sa.Column("reserved_usd", sa.Numeric(precision=14, scale=6, asdecimal=False), nullable=False),
        sa.Column(
            "outcome",
            sa.Enum(
                "succeeded",
                "refused",
                "failed",
                "unknown",
                "retry",
                name="outcome",
                native_enum=False,
                create_constraint=True,
                length=16,
            ),
            nullable=True,
        ),
        sa.Column("http_status", sa.Integer(), nullable=True),
        sa.Column("request_id", sa.String(), nullable=True),
        sa.Column("error_kind", sa.String(), nullable=True),
        sa.Column("error_message", sa.String(), nullable=True),
        sa.Column("error_details", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("duration_ms", sa.Integer(), nullable=True),
        sa.CheckConstraint("number > 0", name=op.f("ck_attempt_number_positive")),
        sa.ForeignKeyConstraint(
            ["generation_id"], ["generation.id"], name=op.f("fk_attempt_generation_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_attempt_project_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempt")),
        sa.UniqueConstraint("generation_id", "number", name=op.f("uq_attempt_generation_id_number")),
    )
    op.create_index(
        "ix_attempt_in_flight",
        "attempt",
        ["project_id", "id"],
        sqlite_where=sa.text("outcome IS NULL"),
        postgresql_where=sa.text("outcome IS NULL"),
    )

    op.create_table(
        "batch_item",
        sa.Column("batch_id", sa.Integer(), nullable=False),
        sa.Column("generation_id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name=op.f("fk_batch_item_batch_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["generation_id"], ["generation.id"], name=op.f("fk_batch_item_generation_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_batch_item_project_id")),
        sa.PrimaryKeyConstraint("batch_id", "generation_id", name=op.f("pk_batch_item")),
    )
    op.create_index("ix_batch_item_generation_id", "batch_item", ["generation_id"])

    op.create_table(
        "generation_image_input",
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("media_type", sa.String(50), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("bytes", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("generation_id", sa.Integer(), nullable=False),
        sa.Column(
            "role",
            sa.Enum("input", "mask", name="role", native_enum=False, create_constraint=True, length=16),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["generation_id"],
            ["generation.id"],
            name=op.f("fk_generation_image_input_generation_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_generation_image_input_project_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_generation_image_input")),
        sa.UniqueConstraint(
            "generation_id", "role", "position", name=op.f("uq_generation_image_input_generation_id_role_position")
        ),
    )
    op.create_table(
        "generation_image_output",
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("media_type", sa.String(50), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("bytes", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("generation_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["generation_id"],
            ["generation.id"],
            name=op.f("fk_generation_image_output_generation_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_generation_image_output_project_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_generation_image_output")),
        sa.UniqueConstraint(
            "generation_id", "position", name=op.f("uq_generation_image_output_generation_id_position")
        ),
    )
    op.create_table(
        "rating",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("generation_id", sa.Integer(), nullable=False),
        sa.Column("rater", sa.String(100), nullable=False),
        sa.Column("score", sa.Integer(), nullable=False),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column("tags", sa.JSON(), nullable=False),
        sa.Column("criteria", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("superseded_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("score BETWEEN 1 AND 5", name=op.f("ck_rating_score_range")),
        sa.ForeignKeyConstraint(
            ["generation_id"], ["generation.id"], name=op.f("fk_rating_generation_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_rating_project_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rating")),
    )
    op.create_index("ix_rating_generation_id_rater_id", "rating", ["generation_id", "rater", "id"])
    op.create_index("ix_rating_project_id_rater_id", "rating", ["project_id", "rater", "id"])
    op.create_index(
        "uq_rating_current",
        "rating",
        ["generation_id", "rater"],
        unique=True,
        sqlite_where=sa.text("superseded_at IS NULL"),
        postgresql_where=sa.text("superseded_at IS NULL"),
    )
    _plant_first_rows()


def _plant_first_rows() -> None:
    lab = sa.table("lab", sa.column("uid"))
    project = sa.table("project", sa.column("name"), sa.column("created_at", sa.DateTime(timezone=True)))
    op.execute(lab.insert().values(uid=uuid.uuid4().hex))
    op.execute(project.insert().values(name="default", created_at=datetime.now(UTC)))


def downgrade() -> None:
    op.drop_table("rating")
    op.drop_table("generation_image_output")
    op.drop_table("generation_image_input")
    op.drop_table("batch_item")
    op.drop_table("attempt")
    op.drop_table("generation")
    op.drop_table("case_image")
    op.drop_table("prompt_version")
    op.drop_table("case")
    op.drop_table("batch")
    op.drop_table("project")
    op.drop_table("lab")
