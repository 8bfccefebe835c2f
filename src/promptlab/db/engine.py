"""The engine, and the one owner of a transaction: nothing else commits."""

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, CursorResult, Engine, Update, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlmodel import Session

from promptlab.errors import InvalidInput, NotConfigured, Unreachable
from promptlab.settings.urls import redact

Transaction = Callable[[], AbstractContextManager[Session]]

BUSY_TIMEOUT_SECONDS = 10
CONNECT_TIMEOUT_SECONDS = 10
_LOCAL_HOSTS = frozenset({"", "localhost", "::1"})


class DatabaseUnavailable(Unreachable):
    """The database cannot be used right now."""

    code = "database_unavailable"


class Database:
    """An open database.

    `transaction` yields a session that is committed when the block ends and rolled back when it raises; in SQLite it
    begins IMMEDIATE, because a transaction that reads first and then writes cannot wait for its turn. `reading` is
    the same for blocks that write nothing. Rows stay readable after the block.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._reading_engine = engine.execution_options(reads_only=True)

    @property
    def is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    @property
    def shown(self) -> str:
        """The URL with its password struck out."""
        return redact(self.engine.url.render_as_string(hide_password=False))

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Yield a session; raises DatabaseUnavailable where the database is away, locked, full or read-only."""
        with translated_errors(self.shown), Session(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Yield a session for reading only; raises DatabaseUnavailable like `transaction`."""
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
        engine = create_engine(parsed, connect_args={"timeout": BUSY_TIMEOUT_SECONDS} | dict(parsed.query))
        _prepare_sqlite(engine)
    else:
        engine = create_engine(parsed, pool_pre_ping=True, pool_size=16, connect_args=_postgres_arguments(parsed))
    return Database(engine)


def rows_changed(session: Session, statement: Update) -> int:
    """Run a conditional update and return how many rows it changed: none means that somebody else was first."""
    result = session.execute(statement)
    assert isinstance(result, CursorResult)  # noqa: S101 - what an UPDATE returns, which the type does not say
    return result.rowcount


def is_insecure(url: str) -> bool:
    """Say whether the URL asks for an unencrypted connection to another machine."""
    parsed = _parse(url)
    return _is_remote(parsed) and parsed.query.get("sslmode") == "disable"


def sqlite_file(url: str) -> Path | None:
    """Return the file of a SQLite URL, None for other databases."""
    parsed = _parse(url)
    return Path(parsed.database) if parsed.get_backend_name() == "sqlite" and parsed.database else None


@contextmanager
def translated_errors(shown_url: str) -> Iterator[None]:
    """Turn the driver's operational errors into DatabaseUnavailable, in one place."""
    try:
        yield
    except DBAPIError as error:
        raise _readable(error, shown_url) from error


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
        backend = parsed.get_backend_name()
    except (ArgumentError, NoSuchModuleError, ValueError) as error:
        raise NotConfigured(
            f"The database URL {redact(url)!r} is not one.", hint="sqlite:///FILE or postgresql://USER@HOST/NAME"
        ) from error
    if backend not in {"sqlite", "postgresql"}:
        raise NotConfigured(f"promptlab speaks sqlite and postgresql, not {backend!r}.")
    if backend == "sqlite" and not parsed.database:
        raise NotConfigured("The database URL names no file.", hint="sqlite:///FILE, four slashes for an absolute path")
    return parsed


def _is_remote(url: URL) -> bool:
    host = url.host or ""
    return url.get_backend_name() == "postgresql" and host not in _LOCAL_HOSTS and not host.startswith(("/", "127."))


def _postgres_arguments(url: URL) -> dict[str, Any]:
    arguments: dict[str, Any] = {"connect_timeout": CONNECT_TIMEOUT_SECONDS, "application_name": "promptlab"}
    if _is_remote(url) and "sslmode" not in url.query:
        arguments["sslmode"] = "require"
    if url.host and "-pooler." in url.host:
        # A transaction pooler hands each transaction another connection: prepared statements would be lost.
        arguments["prepare_threshold"] = None
    return {name: value for name, value in arguments.items() if name not in url.query}


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


_SENTENCES = (
    (r"database is locked", "is locked by another program", "Wait until that is done, or close it, and try again."),
    (r"unable to open database file", "cannot be opened", "Does the folder exist, and may you write to it?"),
    (r"readonly database|read-only", "is read-only", "Check the permissions of the file and its folder."),
    (r"disk is full|No space left", "cannot grow: the disk is full", "Make room and try again."),
    (r"not a database|malformed", "is not a SQLite database, or is damaged", "Check the path, or restore a backup."),
    (r"password authentication failed", "refuses the user or password", "Check PROMPTLAB_DATABASE_URL or PGPASSWORD."),
    (r"no password supplied", "wants a password", "Set PGPASSWORD, or put the URL in PROMPTLAB_DATABASE_URL."),
    (r"database \"[^\"]*\" does not exist", "does not exist on that server", "Create it with createdb."),
    (r"permission denied|InsufficientPrivilege", "does not allow this", "Ask its owner for the rights you need."),
    (r"no such table|UndefinedTable", "lacks tables that it should have", "Run `promptlab db upgrade`."),
    (r"OverflowError|out of range|too large to convert", "holds no number that large", "Use a smaller number."),
)  # fmt: skip


def _readable(error: DBAPIError, shown_url: str) -> Exception:
    text = f"{type(error.orig).__name__}: {error.orig}"
    for pattern, what, hint in _SENTENCES:
        if re.search(pattern, text):
            kind = InvalidInput if "number" in what else DatabaseUnavailable
            return kind(f"The database {shown_url} {what}.", hint=hint)
    if error.connection_invalidated or type(error).__name__ in {"OperationalError", "InterfaceError"}:
        first_line = str(error.orig).strip().partition("\n")[0]
        return DatabaseUnavailable(
            f"The database {shown_url} cannot be reached: {first_line}",
            hint="Is the server running, and is the URL right?",
        )
    return error
