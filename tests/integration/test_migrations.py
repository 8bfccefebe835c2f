"""The migrations: up and down on both databases, equal to the models, safe when two run them at once."""

import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, inspect, text
from sqlmodel import Session
from tests.fixtures import factories
from tests.fixtures.command_line import Promptlab

from promptlab.db import migrate
from promptlab.db.columns import Table, complete_partial_indexes
from promptlab.db.engine import Database, open_database
from promptlab.db.schema import REVISION, current_revision

PROCESSES = 3

_OF_PROCRASTINATE = text(r"""
    SELECT 'table', relname FROM pg_class WHERE relname LIKE 'procrastinate\_%'
    UNION ALL SELECT 'function', proname FROM pg_proc WHERE proname LIKE 'procrastinate\_%'
    UNION ALL SELECT 'type', typname FROM pg_type WHERE typname LIKE 'procrastinate\_%'
""")


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database that nothing has migrated; the file of a SQLite database is not there yet."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'a new folder' / 'lab.db'}"
    url: str = request.getfixturevalue("empty_postgres_url")
    return url


@pytest.fixture
def opened() -> Iterator[Callable[[str], Database]]:
    """Opens databases, and closes them when the test is over."""
    databases: list[Database] = []

    def open_one(url: str) -> Database:
        databases.append(open_database(url))
        return databases[-1]

    yield open_one
    for database in databases:
        database.close()


def shape(connection: Connection) -> dict[str, Any]:
    """Return everything about our tables that the database can tell."""
    inspector = inspect(connection)
    return {
        table: {
            "columns": sorted(
                (c["name"], str(c["type"]), c["nullable"], str(c["default"])) for c in inspector.get_columns(table)
            ),
            "primary key": inspector.get_pk_constraint(table),
            "foreign keys": _by_name(inspector.get_foreign_keys(table)),
            "unique": _by_name(inspector.get_unique_constraints(table)),
            "checks": _by_name(inspector.get_check_constraints(table)),
            "indexes": _by_name(inspector.get_indexes(table)),
        }
        for table in sorted(inspector.get_table_names())
        if table != "alembic_version" and not table.startswith("procrastinate_")
    }


def _by_name(found: Sequence[Any]) -> list[Any]:
    """Return constraints or indexes as plain data, in one order."""
    plain: list[Any] = json.loads(json.dumps(found, default=str))
    return sorted(plain, key=lambda each: str(each["name"]))


def shape_of(url: str) -> dict[str, Any]:
    with migrate.connected(url) as connection:
        return shape(connection)


def test_the_migrations_make_what_the_models_describe(empty_url: str) -> None:
    """Columns, keys, indexes, constraints and all their names, as the database itself tells them."""
    complete_partial_indexes()
    with migrate.connected(empty_url) as connection:
        Table.metadata.create_all(connection)
        described = shape(connection)
        Table.metadata.drop_all(connection)
    migrate.upgrade(empty_url)
    assert shape_of(empty_url) == described


def test_autogenerate_finds_nothing_to_do(database_url: str) -> None:
    """Also where other programs keep tables in the same database: theirs are left alone."""
    with migrate.connected(database_url) as connection:
        connection.execute(text("CREATE TABLE somebody_elses (id INTEGER PRIMARY KEY)"))
        connection.execute(text("CREATE INDEX theirs ON somebody_elses (id)"))
    migrate.check(database_url)


def test_every_constraint_has_a_name_that_tells_its_table(database_url: str) -> None:
    for table, about in shape_of(database_url).items():
        for kind in ("foreign keys", "unique", "checks"):
            for constraint in about[kind]:
                assert constraint["name"].partition("_")[0] in {"fk", "uq", "ck"}
                assert constraint["name"].partition("_")[2].startswith(table)


def test_every_foreign_key_can_be_followed_backwards_by_an_index(database_url: str) -> None:
    """Otherwise deleting one generation would read whole tables. Projects are never deleted."""
    for table, about in shape_of(database_url).items():
        whole = [index["column_names"] for index in about["indexes"] if not _is_partial(index)]
        whole += [about["primary key"]["constrained_columns"], *(each["column_names"] for each in about["unique"])]
        for key in about["foreign keys"]:
            [column] = key["constrained_columns"]
            assert column == "project_id" or any(columns[0] == column for columns in whole), f"{table}.{column}"


def _is_partial(index: Any) -> bool:
    return any(name.endswith("_where") for name in index.get("dialect_options", {}))


def test_up_down_and_up_again(empty_url: str, opened: Callable[[str], Database]) -> None:
    """Down leaves no table of ours, and up again makes the same ones."""
    migrate.upgrade(empty_url)
    first = shape_of(empty_url)
    migrate.downgrade(empty_url, "base")
    assert shape_of(empty_url) == {}
    database = opened(empty_url)
    assert current_revision(database) is None
    migrate.upgrade(empty_url)
    assert shape_of(empty_url) == first
    assert current_revision(database) == REVISION


def test_jobs_are_kept_where_workers_can_share_them(empty_postgres_url: str) -> None:
    """Procrastinate's tables come and go with the revision that makes them, and leave nothing behind."""

    def found(connection: Connection) -> set[str]:
        return {kind for kind, _name in connection.execute(_OF_PROCRASTINATE)}

    migrate.upgrade(empty_postgres_url)
    with migrate.connected(empty_postgres_url) as connection:
        assert found(connection) == {"table", "function", "type"}
    migrate.downgrade(empty_postgres_url, "0002")
    with migrate.connected(empty_postgres_url) as connection:
        assert found(connection) == set()


def test_jobs_are_kept_as_the_installed_procrastinate_keeps_them() -> None:
    """Another release of it may want other tables: they come with the next revision, and pyproject.toml says so."""
    from procrastinate.schema import SchemaManager

    kept = (migrate.migrations_folder() / "procrastinate" / "3.10.0.sql").read_text(encoding="utf-8")
    assert kept.endswith("\n\n" + SchemaManager.get_schema())


def test_upgrading_again_changes_nothing(database: Database, database_url: str) -> None:
    with database.transaction() as session:
        factories.generation(session)
    migrate.upgrade(database_url)
    with database.reading() as session:
        assert session.connection().execute(text("SELECT count(*) FROM generation")).scalar_one() == 1


def test_a_table_that_a_migration_rebuilds_keeps_what_refers_to_it(database: Database, database_url: str) -> None:
    """SQLite drops the old table, which would delete the images and ratings of every generation."""
    from alembic.operations import Operations
    from alembic.runtime.migration import MigrationContext

    with database.transaction() as session:
        factories.output(session, factories.generation(session))
    with migrate.connected(database_url) as connection:
        operations = Operations(MigrationContext.configure(connection))
        with operations.batch_alter_table("generation", recreate="auto") as table:
            table.alter_column("notes", new_column_name="remarks")
    with database.reading() as session:
        count = session.connection().execute(text("SELECT count(*) FROM generation_image_output")).scalar_one()
    assert count == 1


def test_nothing_but_the_database_is_left_in_its_folder(tmp_path: Path) -> None:
    migrate.upgrade(f"sqlite:///{tmp_path / 'new' / 'lab.db'}")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["lab.db"]


def test_a_sqlite_file_lets_others_read_while_one_writes(sqlite_url: str, opened: Callable[[str], Database]) -> None:
    migrate.upgrade(sqlite_url)
    database = opened(sqlite_url)
    with database.transaction() as session:
        factories.project(session, "unfinished")
        session.flush()
        with database.reading() as other:
            count = other.connection().execute(text("SELECT count(*) FROM project")).scalar_one()
    assert count == 1


def test_a_failing_migration_leaves_the_database_as_it_was(database_url: str) -> None:
    before = shape_of(database_url)
    with suppress(ZeroDivisionError), migrate.connected(database_url) as connection:
        connection.execute(text("DROP TABLE rating"))
        raise ZeroDivisionError
    assert shape_of(database_url) == before


_USE = "import sys; from promptlab.cli import main; sys.exit(main(sys.argv[1:]))"


@pytest.mark.parametrize(
    "arguments", [("prompt", "list", "--json"), ("db", "upgrade", "--json")], ids=["use", "upgrade"]
)
def test_processes_that_use_a_new_lab_at_once_all_succeed(arguments: tuple[str, ...], tmp_path: Path) -> None:
    """The first use makes the SQLite database; whoever comes second waits and finds it made."""
    running = [
        subprocess.Popen(
            [sys.executable, "-c", _USE, *arguments], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for _number in range(PROCESSES)
    ]
    for process in running:
        out, err = process.communicate(timeout=60)
        assert (process.returncode, err) == (0, "")
        json.loads(out)
    with sqlite3.connect(tmp_path / "promptlab" / "promptlab.db") as connection:
        assert connection.execute("SELECT count(*) FROM lab").fetchone() == (1,)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


def test_processes_that_upgrade_one_server_at_once_all_succeed(empty_postgres_url: str) -> None:
    code = "import sys; from promptlab.db.migrate import upgrade; upgrade(sys.argv[1])"
    running = [subprocess.Popen([sys.executable, "-c", code, empty_postgres_url]) for _number in range(PROCESSES)]
    assert [process.wait(timeout=60) for process in running] == [0] * PROCESSES
    migrate.check(empty_postgres_url)


@pytest.mark.parametrize("revision", ["0999", "ae1027a6acf2"])
@pytest.mark.parametrize("command", [("prompt", "list"), ("db", "upgrade")])
def test_a_database_of_a_newer_promptlab_is_left_alone(
    database: Database,
    database_url: str,
    promptlab: Promptlab,
    monkeypatch: pytest.MonkeyPatch,
    command: tuple[str, ...],
    revision: str,
) -> None:
    monkeypatch.setenv("PROMPTLAB_DATABASE_URL", database_url)
    _set_revision(database, revision)
    error = promptlab(*command, "--json", code=4).error
    assert error["code"] == "schema_ahead"
    assert f"is at revision {revision}, this promptlab knows {REVISION}" in error["message"]
    assert current_revision(database) == revision
    assert promptlab("db", "status", "--json").json["state"] == "ahead"


def test_a_server_that_is_behind_is_upgraded_only_when_asked(
    empty_postgres_url: str, promptlab: Promptlab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sentence says what to run, and running it helps."""
    monkeypatch.setenv("PROMPTLAB_DATABASE_URL", empty_postgres_url)
    assert promptlab("db", "status", "--json").json["state"] == "missing"
    error = promptlab("prompt", "list", "--json", code=4).error
    assert error["code"] == "schema_behind"
    assert f"is at revision none, this promptlab needs {REVISION}" in error["message"]
    assert "promptlab db upgrade" in error["hint"]
    assert promptlab("db", "upgrade", "--json").json["state"] == "current"
    promptlab("prompt", "list")


def test_a_sqlite_database_that_is_behind_is_upgraded_by_the_way(
    sqlite_url: str, promptlab: Promptlab, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrate.downgrade(sqlite_url, "base")
    monkeypatch.setenv("PROMPTLAB_DATABASE_URL", sqlite_url)
    promptlab("prompt", "list")
    assert promptlab("db", "status", "--json").json["state"] == "current"


def test_looking_at_a_database_that_is_not_there_does_not_make_one(
    tmp_path: Path, promptlab: Promptlab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROMPTLAB_DATABASE_URL", f"sqlite:///{tmp_path / 'none.db'}")
    assert promptlab("db", "status", "--json").json["state"] == "missing"
    assert not (tmp_path / "none.db").exists()


def test_a_copy_of_the_file_is_a_whole_database(sqlite_template: Path, tmp_path: Path) -> None:
    """After a migration nothing is left in a log beside the file."""
    copy = shutil.copyfile(sqlite_template, tmp_path / "copy.db")
    engine = create_engine(f"sqlite:///{copy}")
    with Session(engine) as session:
        assert session.connection().execute(text("SELECT version_num FROM alembic_version")).scalar_one() == REVISION
    engine.dispose()


def _set_revision(database: Database, revision: str) -> None:
    with database.transaction() as session:
        session.connection().execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})
