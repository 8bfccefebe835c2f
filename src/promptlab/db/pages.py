"""Keyset pages: a cursor is the last row's id, opaque to the user, so page 1,000 costs what page 1 costs."""

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import Select
from sqlalchemy.orm import Mapped
from sqlmodel import Session

from promptlab.errors import InvalidInput

Row = TypeVar("Row")

MAX_LIMIT = 1_000


@dataclass(frozen=True)
class Page(Generic[Row]):
    """Some rows, and the cursor of the next page (None on the last)."""

    items: list[Row]
    next_cursor: str | None


def fetch_page(
    session: Session,
    statement: Select[Row],
    *,
    key: Mapped[int | None],
    identity: Callable[[Row], int],
    limit: int,
    cursor: str | None,
    newest_first: bool = True,
) -> Page[Row]:
    """Run `statement` from `cursor` on, ordered by the unique `key`, and return at most `limit` rows.

    Raises:
        InvalidInput: a cursor that is not one, or a limit outside 1..1000.
    """
    if not 1 <= limit <= MAX_LIMIT:
        raise InvalidInput(f"--limit {limit} is outside 1..{MAX_LIMIT}.")
    if cursor is not None:
        last = decode_cursor(cursor)
        statement = statement.where(key < last if newest_first else key > last)
    statement = statement.order_by(key.desc() if newest_first else key.asc()).limit(limit + 1)
    rows: list[Any] = list(session.execute(statement).scalars())
    more = len(rows) > limit
    return Page(rows[:limit], encode_cursor(identity(rows[limit - 1])) if more else None)


def encode_cursor(last_id: int) -> str:
    """Return the cursor of the page after the row with this id."""
    return base64.urlsafe_b64encode(f"after:{last_id}".encode()).decode().rstrip("=")


def decode_cursor(cursor: str) -> int:
    """Return the id in a cursor; raises InvalidInput for a text that is none."""
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
        word, _colon, number = text.partition(":")
        if word == "after" and number.isascii() and number.isdigit() and len(number) < 19:
            return int(number)
    except (binascii.Error, ValueError):
        pass
    raise InvalidInput(f"{cursor!r} is not a cursor.", hint="Use the next_cursor that the previous page printed.")
