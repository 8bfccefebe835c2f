"""Procrastinate's tables: the jobs that workers take, on PostgreSQL only.

Its SQL is kept here, as it was when this revision was written. The installed library's own would be that of whichever
version is installed: two databases at this revision could then differ, and no later revision would know what to
change. (Nor can its migrations be run one by one: they add values to types and use them, which takes a commit between
them, and ours are one transaction.) `pyproject.toml` keeps the library to versions that work with these tables.

Revision: 0003
After: 0002
"""

from pathlib import Path

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_SCHEMA = Path(__file__).parents[1] / "procrastinate" / "3.10.0.sql"

_DROP = r"""
DO $$
DECLARE
    found record;
BEGIN
    FOR found IN SELECT oid::regclass AS name FROM pg_class
        WHERE relkind = 'r' AND relname LIKE 'procrastinate\_%' AND relnamespace = current_schema()::regnamespace
    LOOP
        EXECUTE format('DROP TABLE %s CASCADE', found.name);
    END LOOP;
    FOR found IN SELECT oid::regprocedure AS name FROM pg_proc
        WHERE proname LIKE 'procrastinate\_%' AND pronamespace = current_schema()::regnamespace
    LOOP
        EXECUTE format('DROP FUNCTION %s', found.name);
    END LOOP;
    FOR found IN SELECT oid::regtype AS name FROM pg_type
        WHERE typname LIKE 'procrastinate\_%' AND typtype IN ('c', 'e')
            AND typnamespace = current_schema()::regnamespace
    LOOP
        EXECUTE format('DROP TYPE %s', found.name);
    END LOOP;
END;
$$
"""


# A plan for any queue walks through the jobs of all others to find that there are none of this one: with 100,000 of
# another provider 130 ms, each second and worker. A plan for the queue at hand looks into an index, in 3 ms.
_PLAN = "ALTER FUNCTION procrastinate_fetch_job_v2 SET plan_cache_mode = force_custom_plan"


def upgrade() -> None:
    _run(_SCHEMA.read_text(encoding="utf-8"))
    _run(_PLAN)


def downgrade() -> None:
    _run(_DROP)


def _run(statements: str) -> None:
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        # By the driver itself: it runs several statements at once, and leaves a % alone, only without parameters.
        connection.connection.cursor().execute(statements)
