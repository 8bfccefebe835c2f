"""Case sets, what a batch was asked for and its limits, and the pace at which providers are asked.

Revision: 0002
After: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "case_set",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("content_hash", sa.String(64), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("version > 0", name=op.f("ck_case_set_version_positive")),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_case_set_project_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_set")),
        sa.UniqueConstraint("project_id", "name", "version", name=op.f("uq_case_set_project_id_name_version")),
    )
    op.create_table(
        "case_set_item",
        sa.Column("case_set_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(200), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name=op.f("fk_case_set_item_case_id")),
        sa.ForeignKeyConstraint(
            ["case_set_id"], ["case_set.id"], name=op.f("fk_case_set_item_case_set_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_case_set_item_project_id")),
        sa.PrimaryKeyConstraint("case_set_id", "position", name=op.f("pk_case_set_item")),
    )
    op.create_index("ix_case_set_item_case_id", "case_set_item", ["case_id"])
    op.create_table(
        "pace",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("provider", sa.String(100), nullable=False),
        sa.Column("requests_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("images_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_until", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_pace_project_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pace")),
        sa.UniqueConstraint("project_id", "provider", name=op.f("uq_pace_project_id_provider")),
    )
    with op.batch_alter_table("batch") as batch:
        batch.add_column(sa.Column("request_key", sa.String(64), nullable=True))
        batch.add_column(sa.Column("request", sa.JSON(none_as_null=True), nullable=True))
        batch.add_column(sa.Column("detached", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch.add_column(sa.Column("max_images", sa.Integer(), nullable=True))
        batch.add_column(sa.Column("committed_images", sa.Integer(), nullable=False, server_default="0"))
        batch.add_column(sa.Column("max_retries", sa.Integer(), nullable=True))
        batch.add_column(sa.Column("fail_fast", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch.add_column(sa.Column("started_at", sa.DateTime(timezone=True), nullable=True))
        batch.add_column(sa.Column("deadline_at", sa.DateTime(timezone=True), nullable=True))
        batch.create_unique_constraint(op.f("uq_batch_project_id_request_key"), ["project_id", "request_key"])
        batch.create_check_constraint(op.f("ck_batch_committed_images_not_negative"), "committed_images >= 0")
    with op.batch_alter_table("attempt") as attempt:
        attempt.add_column(sa.Column("batch_id", sa.Integer(), nullable=True))
        attempt.add_column(sa.Column("reserved_images", sa.Integer(), nullable=False, server_default="0"))
        attempt.create_foreign_key(op.f("fk_attempt_batch_id"), "batch", ["batch_id"], ["id"])
    op.execute(
        "UPDATE attempt SET batch_id = (SELECT batch_id FROM generation WHERE generation.id = attempt.generation_id)"
    )
    with op.batch_alter_table("batch") as batch:  # what is there has a value; what comes brings its own
        for column in ("detached", "committed_images", "fail_fast"):
            batch.alter_column(column, server_default=None)
    with op.batch_alter_table("attempt") as attempt:
        attempt.alter_column("batch_id", nullable=False)
        attempt.alter_column("reserved_images", server_default=None)
    op.create_index("ix_attempt_batch_id", "attempt", ["batch_id"])


def downgrade() -> None:
    op.drop_index("ix_attempt_batch_id", "attempt")
    with op.batch_alter_table("attempt") as attempt:
        attempt.drop_constraint(op.f("fk_attempt_batch_id"), type_="foreignkey")
        attempt.drop_column("reserved_images")
        attempt.drop_column("batch_id")
    with op.batch_alter_table("batch") as batch:
        batch.drop_constraint(op.f("ck_batch_committed_images_not_negative"), type_="check")
        batch.drop_constraint(op.f("uq_batch_project_id_request_key"), type_="unique")
        for column in (
            "deadline_at",
            "started_at",
            "fail_fast",
            "max_retries",
            "committed_images",
            "max_images",
            "detached",
            "request",
            "request_key",
        ):
            batch.drop_column(column)
    op.drop_table("pace")
    op.drop_table("case_set_item")
    op.drop_table("case_set")
