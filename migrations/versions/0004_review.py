"""The order of review, how long a rating took, votes, the first look at a comparison, and claims.

Revision: 0004
After: 0003
"""

import hashlib
import random

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_PAGE = 5_000


def upgrade() -> None:
    with op.batch_alter_table("project") as project:
        project.add_column(sa.Column("order_seed", sa.BigInteger(), nullable=True))
    _plant_seeds()
    with op.batch_alter_table("project") as project:
        project.alter_column("order_seed", nullable=False)
    # With a default, because without one SQLite would copy a table that may have a million rows.
    op.add_column(
        "generation", sa.Column("review_position", sa.BigInteger(), server_default=sa.text("0"), nullable=False)
    )
    _fill_positions()
    succeeded = "state = 'succeeded'"
    _partial_index("ix_generation_place", where=succeeded)
    _partial_index("ix_generation_unrated_place", where=f"{succeeded} AND result_rating IS NULL")
    op.add_column("rating", sa.Column("duration_ms", sa.Integer(), nullable=True))
    _create_vote()
    _create_first_look()
    op.create_table(
        "claim",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("block", sa.BigInteger(), nullable=False),
        sa.Column("rater", sa.String(100), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_claim_project_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_claim")),
        sa.UniqueConstraint("project_id", "block", "rater", name=op.f("uq_claim_project_id_block_rater")),
    )
    op.create_index("ix_claim_project_id_rater", "claim", ["project_id", "rater"])


def _partial_index(name: str, *, where: str) -> None:
    condition = sa.text(where)
    op.create_index(
        name,
        "generation",
        ["project_id", "review_position", "id", "prompt_version_id"],
        sqlite_where=condition,
        postgresql_where=condition,
    )


def _create_vote() -> None:
    op.create_table(
        "vote",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("rater", sa.String(100), nullable=False),
        sa.Column("left_generation_id", sa.Integer(), nullable=False),
        sa.Column("right_generation_id", sa.Integer(), nullable=False),
        sa.Column(
            "answer",
            sa.Enum(
                "left",
                "right",
                "tie",
                "both_bad",
                name="answer",
                native_enum=False,
                create_constraint=True,
                length=16,
            ),
            nullable=False,
        ),
        sa.Column("duration_ms", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("left_generation_id <> right_generation_id", name=op.f("ck_vote_two_generations")),
        sa.ForeignKeyConstraint(
            ["left_generation_id"], ["generation.id"], name=op.f("fk_vote_left_generation_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_vote_project_id")),
        sa.ForeignKeyConstraint(
            ["right_generation_id"], ["generation.id"], name=op.f("fk_vote_right_generation_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vote")),
        sa.UniqueConstraint(
            "left_generation_id",
            "right_generation_id",
            "rater",
            name=op.f("uq_vote_left_generation_id_right_generation_id_rater"),
        ),
    )
    op.create_index("ix_vote_right_generation_id", "vote", ["right_generation_id"])
    op.create_index("ix_vote_project_id_rater_id", "vote", ["project_id", "rater", "id"])


def _create_first_look() -> None:
    op.create_table(
        "first_look",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("baseline_id", sa.Integer(), nullable=False),
        sa.Column("candidate_id", sa.Integer(), nullable=False),
        sa.Column("margin", sa.Float(), nullable=False),
        sa.Column("alpha", sa.Float(), nullable=False),
        sa.Column("min_blocks", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["baseline_id"], ["prompt_version.id"], name=op.f("fk_first_look_baseline_id")),
        sa.ForeignKeyConstraint(["candidate_id"], ["prompt_version.id"], name=op.f("fk_first_look_candidate_id")),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], name=op.f("fk_first_look_project_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_first_look")),
        sa.UniqueConstraint(
            "project_id",
            "baseline_id",
            "candidate_id",
            name=op.f("uq_first_look_project_id_baseline_id_candidate_id"),
        ),
    )
    op.create_index("ix_first_look_baseline_id", "first_look", ["baseline_id"])
    op.create_index("ix_first_look_candidate_id", "first_look", ["candidate_id"])


def _plant_seeds() -> None:
    project = sa.table("project", sa.column("id"), sa.column("order_seed", sa.BigInteger()))
    seed = random.SystemRandom()
    for (project_id,) in op.get_bind().execute(sa.select(project.c.id)).all():
        this = project.c.id == project_id
        op.get_bind().execute(sa.update(project).where(this).values(order_seed=seed.getrandbits(63)))


_PLANNED = sa.text("""
    SELECT generation.id, generation.draw, generation.request_key, "case".content_hash, prompt_version.name,
        project.order_seed
    FROM generation
    JOIN project ON project.id = generation.project_id
    JOIN prompt_version ON prompt_version.id = generation.prompt_version_id
    LEFT JOIN "case" ON "case".id = generation.case_id
    WHERE generation.id > :after ORDER BY generation.id LIMIT :page
""")


def _fill_positions() -> None:
    """Give what is there the places that planning would have given it: databases cannot hash alike."""
    connection, after = op.get_bind(), 0
    generation = sa.table("generation", sa.column("id"), sa.column("review_position", sa.BigInteger()))
    change = sa.update(generation).where(generation.c.id == sa.bindparam("of"))
    change = change.values(review_position=sa.bindparam("place"))
    while rows := connection.execute(_PLANNED, {"after": after, "page": _PAGE}).all():
        connection.execute(change, [{"of": row.id, "place": _place(row)} for row in rows])
        after = rows[-1].id


def _place(row: sa.Row) -> int:
    """Return what `promptlab.db.review_order` returned when this revision was written."""
    of_prompt = row.content_hash is None
    block = _hashed(row.order_seed, f"prompt {row.name}" if of_prompt else f"case {row.content_hash}")
    item = _hashed(row.order_seed, f"request {row.request_key}")
    block_step = block // 2**41 % 2**30 | 1 if of_prompt else 0
    item_step = item // 2**22 % 2**22 | 1
    upper = (block % 2**41 + _scattered(block_step * row.draw, 2**30) * 2**11) % 2**41
    return upper * 2**22 + (item % 2**22 + _scattered(item_step * row.draw, 2**22)) % 2**22


def _scattered(number: int, size: int) -> int:
    rest = number % size
    return rest * (2 * rest + 1) % size


def _hashed(order_seed: int, text: str) -> int:
    digest = hashlib.blake2b(text.encode(), key=order_seed.to_bytes(8, "big"), digest_size=16).digest()
    return int.from_bytes(digest, "big")


def downgrade() -> None:
    op.drop_table("claim")
    op.drop_table("first_look")
    op.drop_table("vote")
    op.execute("ALTER TABLE rating DROP COLUMN duration_ms")
    op.drop_index("ix_generation_unrated_place", "generation")
    op.drop_index("ix_generation_place", "generation")
    op.execute("ALTER TABLE generation DROP COLUMN review_position")
    with op.batch_alter_table("project") as project:
        project.drop_column("order_seed")
