"""The engine, and the one owner of a transaction: nothing else commits."""

import os
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cached_property
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, CursorResult, Engine, Executable, Update, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlmodel import Session

from promptlab.db.failures import translated_errors
from promptlab.errors import NotConfigured
from promptlab.settings.urls import is_local_host, redact

BUSY_TIMEOUT_SECONDS = 10
CONNECT_TIMEOUT_SECONDS = 10

_STRICTER = frozenset({"verify-ca", "verify-full"})
"""What PGSSLMODE may say without being overruled; the URL may say anything."""
_NOT_FOR_URLS = frozenset({"autocommit", "context", "cursor_factory", "prepare_threshold", "row_factory"})
"""Arguments of psycopg that are no options of PostgreSQL."""
_POOLER = "pooler"
"""Our own option of a PostgreSQL URL: `true` says that a transaction pooler such as PgBouncer answers there."""

_FORMS = "Set PROMPTLAB_DATABASE_URL to sqlite:///FILE or postgresql://USER@HOST/NAME."


class Database:
    """An open database.

    `transaction` yields a session that is committed when the block ends and rolled back when it raises; in SQLite it
    begins IMMEDIATE, because a transaction that reads first and then writes cannot wait for its turn. Threads of this
    process queue for theirs: SQLite's own waiting is a polling in which one of many starves. `reading` is the same for
    blocks that write nothing. Rows stay readable after the block.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._turn: AbstractContextManager[object] = threading.RLock() if self.is_sqlite else nullcontext()
        self._reading_engine = engine.execution_options(reads_only=True)

    @property
    def is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    @cached_property
    def shown(self) -> str:
        """The URL with its password struck out."""
        return redact(self.engine.url.render_as_string(hide_password=False))

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Yield a session; raises what `failures.translated_errors` raises."""
        with (
            self._turn,
            translated_errors(self.shown),
            Session(self.engine, expire_on_commit=False) as session,
            session.begin(),
        ):
            yield session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Yield a session for reading only; raises what `failures.translated_errors` raises."""
        with (
            translated_errors(self.shown),
            Session(self._reading_engine, expire_on_commit=False) as session,
            session.begin(),
        ):
            yield session

    def close(self) -> None:
        """Give every connection back to the system."""
        self.engine.dispose()


def open_database(url: str) -> Database:
    """Return the database at `url`; nothing is connected yet.

    Raises:
        NotConfigured: not a URL, or of a database that promptlab does not speak.
    """
    parsed = _parse(url)
    if parsed.get_backend_name() == "sqlite":
        engine = create_engine(parsed.set(query={}), connect_args=_sqlite_arguments(parsed))
        _prepare_sqlite(engine)
    else:
        arguments = _postgres_arguments(parsed)
        plain = parsed.difference_update_query([_POOLER])
        engine = create_engine(plain, pool_pre_ping=True, pool_size=16, connect_args=arguments)
    return Database(engine)


def driver_arguments(url: str) -> dict[str, Any]:
    """Return what psycopg itself takes to connect to the PostgreSQL database at `url` as `open_database` does.

    They hold the password. Raises what `open_database` raises.
    """
    parsed = _parse(url)
    _positional, named = parsed.get_dialect()().create_connect_args(parsed.difference_update_query([_POOLER]))
    return {**named, **_postgres_arguments(parsed)}


def rows_changed(session: Session, statement: Update, parameters: Mapping[str, Any] | None = None) -> int:
    """Run a conditional update and return how many rows it changed: none means that somebody else was first."""
    result = session.execute(statement, parameters)
    assert isinstance(result, CursorResult)  # noqa: S101 - what an UPDATE returns, which the type does not say
    return result.rowcount


def driver_rows(session: Session, statement: Executable) -> list[tuple[Any, ...]]:
    """Return the rows as the driver has them: making 100,000 rows of SQLAlchemy takes as long as the query."""
    with session.connection().execute(statement) as result:
        return list(result.cursor.fetchall())


def is_insecure(url: str) -> bool:
    """Say whether the URL asks for an unencrypted connection to another machine."""
    parsed = _parse(url)
    return _is_remote(parsed) and parsed.query.get("sslmode") == "disable"


def sqlite_file(url: str) -> Path | None:
    """Return the file of a SQLite URL, None for other databases."""
    parsed = _parse(url)
    return Path(parsed.database) if parsed.get_backend_name() == "sqlite" and parsed.database else None


def _parse(url: str) -> URL:
    """Return the URL without its driver: promptlab uses its own."""
    try:
        url.encode()
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise NotConfigured(f"The database URL {redact(url)!r} is not one.", hint=_FORMS) from error
    backend = parsed.get_backend_name()
    if backend not in {"sqlite", "postgresql"}:
        raise NotConfigured(f"promptlab speaks sqlite and postgresql, not {backend!r}.", hint=_FORMS)
    if backend == "sqlite" and re.match(r"$|:memory:|file:|.*\0", parsed.database or ""):
        raise NotConfigured(
            "The database URL names no file.",
            hint="Set PROMPTLAB_DATABASE_URL to sqlite:///FILE, with four slashes for an absolute path.",
        )
    return parsed.set(drivername=backend)


def _is_remote(url: URL) -> bool:
    if url.get_backend_name() != "postgresql":
        return False
    named = url.query.get("host") or url.host or os.environ.get("PGHOST", "")
    hosts = named.split(",") if isinstance(named, str) else named
    return not all(is_local_host(host.partition(":")[0] if host.count(":") == 1 else host) for host in hosts)


def _sqlite_arguments(url: URL) -> dict[str, Any]:
    seconds = url.query.get("timeout", str(BUSY_TIMEOUT_SECONDS))
    if url.query.keys() - {"timeout"} or not (isinstance(seconds, str) and seconds.isascii() and seconds.isdigit()):
        raise NotConfigured(
            "The URL of a SQLite database takes one option: timeout, the seconds to wait for another program.",
            hint=f"Without it that is {BUSY_TIMEOUT_SECONDS} seconds.",
        )
    return {"timeout": int(seconds)}


def _postgres_arguments(url: URL) -> dict[str, Any]:
    for name in _NOT_FOR_URLS & url.query.keys():
        raise NotConfigured(
            f"{name!r} is no option of a PostgreSQL URL.", hint="Take it out of PROMPTLAB_DATABASE_URL."
        )
    arguments: dict[str, Any] = {"connect_timeout": CONNECT_TIMEOUT_SECONDS, "application_name": "promptlab"}
    if _is_remote(url) and os.environ.get("PGSSLMODE") not in _STRICTER:
        arguments["sslmode"] = "require"
    if (url.host and "-pooler." in url.host) or _names_pooler(url):
        # A transaction pooler hands each transaction another connection: prepared statements would be lost.
        arguments["prepare_threshold"] = None
    return {name: value for name, value in arguments.items() if name not in url.query}


def _names_pooler(url: URL) -> bool:
    named = url.query.get(_POOLER, "false")
    if named not in {"true", "false"}:
        raise NotConfigured(
            f"The option {_POOLER!r} of a PostgreSQL URL is true or false.",
            hint="Correct it in PROMPTLAB_DATABASE_URL.",
        )
    return named == "true"


def _prepare_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # the driver's own BEGIN is deferred; ours is below
        for pragma in ("foreign_keys=ON", "synchronous=NORMAL"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        reads_only = connection.get_execution_options().get("reads_only", False)
        connection.exec_driver_sql("BEGIN" if reads_only else "BEGIN IMMEDIATE")
