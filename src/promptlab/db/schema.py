"""Whether the database has the tables that this version of promptlab expects; Alembic is not needed to know."""

import os

from sqlalchemy import Connection, inspect, text

from promptlab.db.engine import Database, sqlite_file
from promptlab.db.failures import DatabaseUnavailable

REVISION = "0004"
"""The newest revision in `migrations/`. Revisions are numbered, so that older and newer can be told apart."""


class SchemaBehind(DatabaseUnavailable):
    """The database is older than this version of promptlab."""

    code = "schema_behind"


class SchemaAhead(DatabaseUnavailable):
    """The database is newer than this version of promptlab."""

    code = "schema_ahead"


def current_revision(database: Database) -> str | None:
    """Return the revision that the database is at, None for one without our tables."""
    with database.reading() as session:
        return _revision(session.connection())


def is_behind(database: Database, url: str) -> bool:
    """Say whether an upgrade would change anything; a SQLite file that is not there yet is behind too."""
    return is_missing(url) or (current_revision(database) or "") < REVISION


def status(database: Database, url: str) -> dict[str, str | None]:
    """Return which database it is, its revision, the one that is needed, and whether they fit."""
    found = None if is_missing(url) else current_revision(database)
    state = "missing" if found is None else "behind" if found < REVISION else "ahead" if found > REVISION else "current"
    return {"database": database.shown, "revision": found, "needed": REVISION, "state": state}


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
    _require_not_ahead(found, database.shown)


def require_not_ahead(connection: Connection, shown_url: str) -> None:
    """Check that no newer promptlab has upgraded the database; raises SchemaAhead otherwise."""
    _require_not_ahead(_revision(connection), shown_url)


def is_missing(url: str) -> bool:
    """Say whether the database is a SQLite file that is not there yet."""
    file = sqlite_file(url)
    # Path.exists raises for a name that is too long; what cannot be looked at is complained of when it is opened.
    return file is not None and not os.path.exists(file)  # noqa: PTH110


def _require_not_ahead(found: str | None, shown_url: str) -> None:
    if found is not None and found > REVISION:
        raise SchemaAhead(
            f"The database {shown_url} is at revision {found}, this promptlab knows {REVISION}.",
            hint="A newer promptlab upgraded it: install that version.",
        )


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
