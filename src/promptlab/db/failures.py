"""What can be wrong with a database, said in a sentence: the drivers' errors are translated here, and only here."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from promptlab.errors import InvalidInput, NotAllowed, NotConfigured, PromptlabError, Unreachable


class DatabaseUnavailable(Unreachable):
    """The database cannot be used right now."""

    code = "database_unavailable"


@contextmanager
def translated_errors(shown_url: str) -> Iterator[None]:
    """Turn what the driver says into a sentence.

    Raises:
        DatabaseUnavailable: away, locked, full, read-only, damaged, or short of tables.
        NotConfigured: its URL asks for something that there is not.
        NotAllowed: the server refuses this to this role.
        InvalidInput: a number or text that the database cannot hold.
    """
    try:
        yield
    except DBAPIError as error:
        readable = _readable(f"{type(error.orig).__name__}: {error.orig}", shown_url) or _unreachable(error, shown_url)
        if readable is None:
            raise
        raise readable from error
    except OverflowError as error:  # the sqlite3 module, of a number that 64 bits cannot hold
        raise InvalidInput(f"The database {shown_url} holds no number that large.") from error
    except UnicodeEncodeError as error:  # half a surrogate pair, as a variable holds that is not UTF-8
        raise InvalidInput(f"The database {shown_url} holds no text that is not valid UTF-8.") from error
    except PoolTimeout as error:
        raise DatabaseUnavailable(
            f"The database {shown_url} has had no connection free for too long.",
            hint="Ask for fewer at once: PROMPTLAB_<PROVIDER>_CONCURRENCY.",
        ) from error


_AWAY = DatabaseUnavailable
_SENTENCES: tuple[tuple[str, type[PromptlabError], str, str], ...] = (
    (r"is locked", _AWAY, "is locked by another program", "Wait until that is done, or close it, and try again."),
    (r"unable to open database file", _AWAY, "cannot be opened", "Does the folder exist, and may you write to it?"),
    (r"readonly database|read-only", _AWAY, "is read-only", "Check the permissions of the file and its folder."),
    (r"disk is full|No space left", _AWAY, "cannot grow: the disk is full", "Make room and try again."),
    (r"not a database|malformed", _AWAY, "is not a SQLite database, or is damaged", "Check the path, or its backup."),
    (r"disk I/O error", _AWAY, "cannot be read or written", "Is its disk still there, and sound?"),
    (r"password authentication failed", _AWAY, "refuses user or password", "See PROMPTLAB_DATABASE_URL or PGPASSWORD."),
    (r"no password supplied", _AWAY, "wants a password", "Set PGPASSWORD, or put the URL in PROMPTLAB_DATABASE_URL."),
    (r"does not support SSL", _AWAY, "offers no encryption", "If the network is safe: ?sslmode=disable in the URL."),
    (r"database \"[^\"]*\" does not exist", _AWAY, "does not exist on that server", "Create it with createdb."),
    (r"no such table|UndefinedTable", _AWAY, "lacks tables that it should have", "Run `promptlab db upgrade`."),
    (r"prepared statement \S+ (?:does not|already) exist", _AWAY, "is behind a pooler", "Add ?pooler=true to its URL."),
    (r"invalid connection option (?P<what>.*)", NotConfigured, "has no option {what}", "See the URL behind its ?."),
    (r"bad value for (?P<what>.*)", NotConfigured, "has a bad value in {what}", "See it behind the ?."),
    (r"permission denied|InsufficientPrivilege", NotAllowed, "does not allow this", "Its owner can allow it."),
    (r"out of range|overflow", InvalidInput, "holds no number that large", "Use a smaller number."),
    (r"value too long", InvalidInput, "holds no text that long there", "Use a shorter text."),
    (r"NUL \(0x00\)", InvalidInput, "holds no text with a NUL character", "Take the NUL out of the text."),
)  # fmt: skip


def _readable(text: str, shown_url: str) -> PromptlabError | None:
    for pattern, kind, what, hint in _SENTENCES:
        if found := re.search(pattern, text):
            return kind(f"The database {shown_url} {what.format(**found.groupdict())}.", hint=hint)
    return None


def _unreachable(error: DBAPIError, shown_url: str) -> DatabaseUnavailable | None:
    if not (error.connection_invalidated or isinstance(error, OperationalError | InterfaceError)):
        return None
    first_line = str(error.orig).strip().partition("\n")[0].rstrip(".")
    return DatabaseUnavailable(
        f"The database {shown_url} cannot be reached: {first_line}.",
        hint="Is the server running, and is the URL right?",
    )
