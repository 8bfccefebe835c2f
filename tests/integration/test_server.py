"""A PostgreSQL server as it can be met: away, refusing, asleep, remote, behind a pooler."""

import os
import socket
from typing import Any

import psycopg
import pytest
from psycopg.sql import SQL, Identifier
from sqlalchemy import event, make_url
from tests.fixtures import factories
from tests.fixtures.command_line import Promptlab
from tests.fixtures.factories import opening, project_names

from promptlab.db.engine import is_insecure
from promptlab.db.failures import DatabaseUnavailable
from promptlab.errors import InvalidInput, NotAllowed, NotConfigured


def connect_arguments(url: str) -> dict[str, Any]:
    """Return what the driver would be given to connect with."""
    found: dict[str, Any] = {}

    def stop(_dialect: object, _record: object, _arguments: object, given: dict[str, Any]) -> None:
        found.update(given)
        raise ConnectionAbortedError

    with opening(url) as database:
        event.listen(database.engine, "do_connect", stop)
        with pytest.raises(ConnectionAbortedError):
            project_names(database)
    return found


def test_a_read_only_server_is_said_to_be_read_only(postgres_url: str) -> None:
    """As a replica is."""
    url = make_url(postgres_url).set(query={"options": "-c default_transaction_read_only=on"})
    with opening(url.render_as_string(hide_password=False)) as database:
        assert project_names(database) == ["default"]
        with pytest.raises(DatabaseUnavailable, match="is read-only"), database.transaction() as session:
            factories.project(session)


def _unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_a_server_that_is_away_is_said_to_be_away_without_its_password(
    promptlab: Promptlab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROMPTLAB_DATABASE_URL", f"postgres://me:hunter2@127.0.0.1:{_unused_port()}/lab")
    ran = promptlab("prompt", "list", "--json", code=4)
    assert "cannot be reached" in ran.error["message"]
    assert "me:***@127.0.0.1" in ran.error["message"]
    assert "hunter2" not in ran.err


def test_what_a_server_refuses_is_said_in_a_sentence(postgres_url: str) -> None:
    """A wrong password, a database that is not there, encryption that it does not offer."""
    url = make_url(postgres_url)
    for wrong, sentence in {
        url.set(password="hunter2"): "refuses user or password",
        url._replace(password=None): "wants a password",
        url.set(database="nowhere"): "does not exist on that server",
        url.set(query={"sslmode": "require"}): "offers no encryption",
    }.items():
        with (
            opening(wrong.render_as_string(hide_password=False)) as database,
            pytest.raises(DatabaseUnavailable, match=sentence) as caught,
        ):
            project_names(database)
        assert "hunter2" not in f"{caught.value} {caught.value.hint}"


def test_what_a_role_may_not_do_is_not_allowed(postgres_url: str) -> None:
    """The error of the exit code 8, not a bug and not a database that is away."""
    role = f"rater_{os.urandom(4).hex()}"
    with psycopg.connect(postgres_url, autocommit=True) as owner:
        owner.execute(SQL("CREATE ROLE {} LOGIN PASSWORD 'pw'").format(Identifier(role)))
        try:
            limited = make_url(postgres_url).set(username=role, password="pw")
            with (
                opening(limited.render_as_string(hide_password=False)) as database,
                pytest.raises(NotAllowed, match="does not allow this") as caught,
            ):
                project_names(database)
            assert caught.value.exit_code == 8
        finally:
            owner.execute(SQL("DROP ROLE {}").format(Identifier(role)))


def test_a_server_that_cut_the_connection_is_connected_to_again(postgres_url: str) -> None:
    """As a server does that has been asleep, or restarted."""
    with opening(postgres_url) as database:
        assert project_names(database) == ["default"]
        with psycopg.connect(postgres_url, autocommit=True) as other:
            other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'promptlab'"
                " AND datname = current_database()"
            )
        assert project_names(database) == ["default"]


@pytest.mark.parametrize("driver", ["psycopg", "psycopg2", "asyncpg"])
def test_the_driver_that_a_url_names_does_not_matter(postgres_url: str, driver: str) -> None:
    """URLs are copied from other programs."""
    with opening(make_url(postgres_url).set(drivername=f"postgresql+{driver}").render_as_string(False)) as database:
        assert project_names(database) == ["default"]


@pytest.mark.parametrize(
    ("url", "sslmode"),
    [
        ("postgresql://db.example.com/lab", "require"),
        ("postgresql://10.0.0.1/lab", "require"),
        ("postgresql://127.evil.example/lab", "require"),
        ("postgresql:///lab?host=db.example.com", "require"),
        ("postgresql:///lab?host=localhost:5432,db.example.com:5432", "require"),
        ("postgresql://db.example.com/lab?sslmode=disable", "disable"),
        ("postgresql://db.example.com/lab?sslmode=verify-full", "verify-full"),
        ("postgresql://localhost/lab", None),
        ("postgresql://127.0.0.1/lab", None),
        ("postgresql://[::1]/lab", None),
        ("postgresql:///lab", None),
        ("postgresql:///lab?host=/var/run/postgresql", None),
    ],
)
def test_a_remote_server_is_spoken_to_encrypted_unless_the_url_says_otherwise(url: str, sslmode: str | None) -> None:
    assert connect_arguments(url).get("sslmode") == sslmode
    assert is_insecure(url) == (sslmode == "disable")


def test_the_environment_may_ask_for_more_encryption_but_not_for_less(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGHOST", "db.example.com")
    for wanted, given in {"verify-full": None, "verify-ca": None, "disable": "require", "prefer": "require"}.items():
        monkeypatch.setenv("PGSSLMODE", wanted)
        assert connect_arguments("postgresql:///lab").get("sslmode") == given


def test_behind_a_transaction_pooler_nothing_is_prepared() -> None:
    """Neon's pooler hands each transaction another connection."""
    pooled = connect_arguments("postgresql://ep-x-pooler.eu.aws.neon.tech/lab")
    assert pooled["prepare_threshold"] is None
    assert pooled["application_name"] == "promptlab"
    assert "prepare_threshold" not in connect_arguments("postgresql://ep-x.eu.aws.neon.tech/lab")


def test_a_url_can_say_that_a_pooler_answers_there(postgres_url: str) -> None:
    """PgBouncer has no telling name. The option is ours: the server never sees it."""
    pooled = connect_arguments(f"{postgres_url}?pooler=true")
    assert pooled["prepare_threshold"] is None
    assert "pooler" not in pooled
    assert "prepare_threshold" not in connect_arguments(f"{postgres_url}?pooler=false")
    with opening(f"{postgres_url}?pooler=true") as database:
        assert project_names(database) == ["default"]


def test_a_pooler_that_nobody_has_told_of_is_told(pooled_url: str) -> None:
    """What one client has prepared another finds in its way."""
    url = make_url(pooled_url).difference_update_query(["pooler"]).render_as_string(hide_password=False)
    with opening(url) as one, opening(url) as other, pytest.raises(DatabaseUnavailable, match="behind a pooler"):
        _names = [project_names(each) for _number in range(20) for each in (one, other)]
    with opening(pooled_url) as one, opening(pooled_url) as other:
        for _number in range(20):
            assert project_names(one) == project_names(other) == ["default"]


@pytest.mark.parametrize(
    "option", ["foo=1", "connect_timeout=abc", "autocommit=1", "prepare_threshold=0", "row_factory=x", "pooler=yes"]
)
def test_an_option_that_there_is_not_is_a_matter_of_configuration(postgres_url: str, option: str) -> None:
    with pytest.raises(NotConfigured, match="option|bad value"), opening(f"{postgres_url}?{option}") as database:
        project_names(database)


def test_text_that_postgresql_cannot_hold_is_bad_input(postgres_url: str) -> None:
    with opening(postgres_url) as database:
        for name, sentence in {"a\0b": "NUL", "x" * 101: "no text that long"}.items():
            with pytest.raises(InvalidInput, match=sentence), database.transaction() as session:
                factories.project(session, name)
