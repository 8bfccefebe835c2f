"""Whether the database has the tables that this version of promptlab expects; Alembic is not needed to know."""

from sqlalchemy import inspect, text

from promptlab.db.engine import Database, DatabaseUnavailable, translated_errors

REVISION = "0001"
"""The newest revision in `migrations/`. Revisions are numbered, so that older and newer can be told apart."""


class SchemaBehind(DatabaseUnavailable):
    """The database is older than this version of promptlab."""

    code = "schema_behind"


class SchemaAhead(DatabaseUnavailable):
    """The database is newer than this version of promptlab."""

    code = "schema_ahead"


def current_revision(database: Database) -> str | None:
    """Return the revision that the database is at, None for one without our tables."""
    with translated_errors(database.shown), database.reading() as session:
        if not inspect(session.connection()).has_table("alembic_version"):
            return None
        return session.connection().execute(text("SELECT version_num FROM alembic_version")).scalar()


def require_current(database: Database) -> None:
    """Check that the database fits this version of promptlab.

    Raises:
        SchemaBehind: `promptlab db upgrade` would mend it.
        SchemaAhead: a newer promptlab has upgraded it.
    """
    found = current_revision(database)
    if found is None or found < REVISION:
        raise SchemaBehind(
            f"The database {database.shown} is at revision {found or 'none'}, this promptlab needs {REVISION}.",
            hint="Run `promptlab db upgrade`.",
        )
    if found > REVISION:
        raise SchemaAhead(
            f"The database {database.shown} is at revision {found}, this promptlab knows {REVISION}.",
            hint="A newer promptlab upgraded it: install that version.",
        )
