"""Who commits, and a SQLite file as it can be met: locked, damaged, read-only, oddly named."""

import os
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from urllib.parse import quote

import pytest
from sqlalchemy.exc import StatementError
from sqlmodel import col, select
from tests.fixtures import factories
from tests.fixtures.command_line import Promptlab
from tests.fixtures.factories import opening, project_names

from promptlab.db.engine import Database, open_database, sqlite_file
from promptlab.db.failures import DatabaseUnavailable
from promptlab.db.models import Generation, Project
from promptlab.errors import Conflict, InvalidInput, NotConfigured

MAKE = ("prompt", "create", "poster", "--user", "a fox", "--provider", "sketch", "--json")
AS_ROOT = os.geteuid() == 0


def test_a_new_file_is_told_of_where_somebody_has_named_it(
    promptlab: Promptlab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name may be mistyped. The usual place, --quiet and a file that is there already say nothing."""
    assert "Made" not in promptlab(*MAKE).err
    flag = ("--database-url", f"sqlite:///{tmp_path}/spring.db")
    assert promptlab(*flag, *MAKE).err.startswith(f"Made a new database at {tmp_path}/spring.db.\n")
    assert promptlab(*flag, "prompt", "list").err == ""
    monkeypatch.setenv("PROMPTLAB_DATABASE_URL", f"sqlite:///{tmp_path}/sping.db")
    assert "sping.db" in promptlab("stats", code=None).err
    monkeypatch.setenv("PROMPTLAB_DATABASE_URL", f"sqlite:///{tmp_path}/quiet.db")
    assert promptlab("--quiet", *MAKE).err == ""


def test_a_transaction_commits_at_its_end(database: Database) -> None:
    with database.transaction() as session:
        factories.project(session, "spring")
    assert project_names(database) == ["default", "spring"]


@pytest.mark.parametrize(
    "error", [Conflict("no"), ValueError("no"), KeyboardInterrupt()], ids=lambda e: type(e).__name__
)
def test_whatever_is_raised_in_a_transaction_rolls_it_back(database: Database, error: BaseException) -> None:
    def spoil() -> None:
        with database.transaction() as session:
            factories.project(session, "spring")
            session.flush()
            raise error

    with pytest.raises(type(error)) as caught:
        spoil()
    assert caught.value is error
    assert project_names(database) == ["default"]


def test_rows_stay_readable_after_the_transaction(database: Database) -> None:
    with database.transaction() as session:
        row = factories.generation(session)
    assert row.rendered_user_prompt == "a poster of a fox"


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "America/St_Johns"])
def test_times_come_back_aware_and_in_utc(database_url: str, zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """To the microsecond, whatever zone they went in with and whatever zone the server is in."""
    monkeypatch.setenv("PGTZ", zone)
    moment = datetime(2026, 11, 24, 1, 2, 3, 456789, tzinfo=timezone(timedelta(hours=5, minutes=45)))
    with opening(database_url) as database:
        with database.transaction() as session:
            generation_id = factories.generation(session, created_at=moment).id
        with database.reading() as session:
            found = session.get_one(Generation, generation_id).created_at
    assert found == moment
    assert found.tzinfo is UTC


def test_a_time_without_a_zone_is_refused_not_guessed(database: Database) -> None:
    with pytest.raises(StatementError, match="timezone"), database.transaction() as session:
        factories.generation(session, created_at=datetime(2026, 11, 24))  # noqa: DTZ001


NAMES = ["a b", "50%", "a%20b", "größe", "a+b", "a@b", "a:b", "a;b", "a&b=c", "'q'", "#1", "what?"]


@pytest.mark.parametrize("name", NAMES)
def test_a_sqlite_file_may_have_any_name(
    tmp_path: Path, promptlab: Promptlab, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Percent-encoded in the URL where it must be, it is the very file that is made."""
    file = tmp_path / f"{name}.db"
    url = f"sqlite:///{quote(str(file))}"
    assert sqlite_file(url) == file
    monkeypatch.setenv("PROMPTLAB_DATABASE_URL", url)
    promptlab(*MAKE)
    assert file.is_file()
    assert promptlab("db", "status", "--json").json["state"] == "current"


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///", "sqlite:///:memory:", "sqlite:///file:x?uri=true", "sqlite:///a%00b"]
)
def test_a_sqlite_database_needs_a_file(url: str) -> None:
    with pytest.raises(NotConfigured, match="names no file"):
        open_database(url)


@pytest.mark.parametrize(
    "options", ["mode=ro", "uri=true", "timeout=soon", "timeout=1&timeout=2", "check_same_thread=0"]
)
def test_a_sqlite_url_takes_no_other_option_than_timeout(options: str) -> None:
    with pytest.raises(NotConfigured, match="takes one option"):
        open_database(f"sqlite:///lab.db?{options}")


def test_a_locked_database_is_said_to_be_locked_when_the_wait_is_over(sqlite_url: str) -> None:
    """Readers need not wait at all."""
    with closing(sqlite3.connect(sqlite_file(sqlite_url) or "", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with opening(f"{sqlite_url}?timeout=0") as database:
            assert project_names(database) == ["default"]
            with pytest.raises(DatabaseUnavailable, match="is locked by another program"):
                _make_project(database)


def test_a_locked_database_is_waited_for(sqlite_url: str) -> None:
    with closing(
        sqlite3.connect(sqlite_file(sqlite_url) or "", isolation_level=None, check_same_thread=False)
    ) as other:
        other.execute("BEGIN IMMEDIATE")
        release = threading.Timer(0.3, lambda: other.execute("COMMIT"))
        release.start()
        with opening(f"{sqlite_url}?timeout=30") as database:
            _make_project(database)
            assert project_names(database) == ["default", "spring"]
        release.join()


def _make_project(database: Database) -> None:
    with database.transaction() as session:
        factories.project(session, "spring")


def _garbage(file: Path) -> None:
    file.write_bytes(b"this is a picture, not a database" * 100)


def _damaged(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[100 : len(data)] = os.urandom(len(data) - 100)
    file.write_bytes(data)


def _folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (_garbage, "is not a SQLite database, or is damaged"),
        (_damaged, "is not a SQLite database, or is damaged"),
        (_folder, "cannot be opened"),
    ],
)
@pytest.mark.parametrize("command", [("prompt", "list"), ("db", "upgrade"), ("db", "status")])
def test_a_file_that_is_no_database_is_said_to_be_none(
    sqlite_url: str,
    promptlab: Promptlab,
    monkeypatch: pytest.MonkeyPatch,
    spoil: Callable[[Path], None],
    sentence: str,
    command: tuple[str, ...],
) -> None:
    """Exit code 4, and a hint at what to do."""
    spoil(sqlite_file(sqlite_url) or Path())
    monkeypatch.setenv("PROMPTLAB_DATABASE_URL", sqlite_url)
    error = promptlab(*command, "--json", code=4).error
    assert (error["code"], sentence in error["message"]) == ("database_unavailable", True), error
    assert error["hint"]


@pytest.mark.skipif(AS_ROOT, reason="root may write everywhere")
def test_a_read_only_database_is_said_to_be_read_only(sqlite_url: str) -> None:
    (sqlite_file(sqlite_url) or Path()).chmod(0o444)
    with opening(sqlite_url) as database, pytest.raises(DatabaseUnavailable, match="is read-only"):
        _make_project(database)


def test_a_place_where_no_folder_can_be_is_a_matter_of_configuration(
    tmp_path: Path, promptlab: Promptlab, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("PROMPTLAB_DATABASE_URL", f"sqlite:///{tmp_path / 'file' / 'lab.db'}")
    error = promptlab("prompt", "list", "--json", code=4).error
    assert error["code"] == "not_configured"
    assert "cannot be made" in error["message"]


@pytest.mark.parametrize("number", [2**31, 2**63, 10**30, -(10**30)])
def test_a_number_too_large_for_the_database_is_bad_input(database: Database, number: int) -> None:
    """If one gets as far as a query: a sentence or no rows, never a traceback."""
    try:
        with database.reading() as session:
            assert session.exec(select(Project).where(col(Project.id) == number)).all() == []
    except InvalidInput as error:
        assert "holds no number that large" in str(error)


@pytest.mark.parametrize(
    "url", ["", "lab.db", "host=db password=hunter2", "postgresql://me:hunter2@db:port/lab", "://"]
)
def test_a_text_that_is_no_url_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(NotConfigured, match="is not one") as caught:
        open_database(url)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("url", ["mysql://db/lab", "mongodb://db/lab", "https://db/lab"])
def test_other_databases_are_not_spoken(url: str) -> None:
    with pytest.raises(NotConfigured, match="speaks sqlite and postgresql"):
        open_database(url)
