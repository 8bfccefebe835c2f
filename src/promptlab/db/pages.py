"""Keyset pages: a cursor is the last row's sort key, opaque to the user, so page 1,000 costs what page 1 costs."""

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Select, tuple_
from sqlalchemy.orm import Mapped
from sqlmodel import Session

from promptlab.db.columns import MAX_ID
from promptlab.errors import InvalidInput

Row = TypeVar("Row")

MAX_LIMIT = 1_000

_CURSOR = re.compile(r"after:(\d{1,10})(?:@(\d{1,18}))?", re.ASCII)
_FIRST_MOMENT = datetime.min.replace(tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class Page(Generic[Row]):
    """Some rows, and the cursor of the next page (None on the last)."""

    items: list[Row]
    next_cursor: str | None


def fetch_page(
    session: Session,
    statement: Select[Row],
    *,
    key: Mapped[Any],
    time: Mapped[datetime] | None = None,
    limit: int,
    cursor: str | None,
    newest_first: bool = True,
) -> Page[Row]:
    """Run `statement` from `cursor` on, ordered by `key`, its id or place, or by `time`, its `created_at`, and that.

    Raises:
        InvalidInput: a cursor that is not one of this order, or a limit outside 1..1000.
    """
    if not 1 <= limit <= MAX_LIMIT:
        raise InvalidInput(f"--limit {limit} is outside 1..{MAX_LIMIT}.")
    order: list[Mapped[Any]] = [key] if time is None else [time, key]
    if cursor is not None:
        last_id, last_time = decode_cursor(cursor, timed=time is not None)
        statement = statement.where(_behind(order, [last_id] if time is None else [last_time, last_id], newest_first))
    statement = statement.order_by(*(part.desc() if newest_first else part.asc() for part in order)).limit(limit + 1)
    rows: list[Any] = list(session.execute(statement).scalars())
    if len(rows) <= limit:
        return Page(rows, None)
    last = rows[limit - 1]
    place = getattr(last, key.key)  # type: ignore[attr-defined] # every attribute of a model has a name
    return Page(rows[:limit], encode_cursor(place, None if time is None else last.created_at))


def encode_cursor(last_id: int, last_time: datetime | None = None) -> str:
    """Return the cursor of the page after the row with this id (and this time, where rows are ordered by time)."""
    text = f"after:{last_id}"
    if last_time is not None:
        text += f"@{(last_time - _FIRST_MOMENT) // _MICROSECOND}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_cursor(cursor: str, *, timed: bool = False) -> tuple[int, datetime | None]:
    """Return the id and, where rows are ordered by time, the time in a cursor; raises InvalidInput for other texts."""
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
        found = _CURSOR.fullmatch(text)
        if found and timed == (found[2] is not None) and int(found[1]) <= MAX_ID:
            return int(found[1]), _FIRST_MOMENT + int(found[2]) * _MICROSECOND if timed else None
    except (ValueError, OverflowError):
        pass
    raise InvalidInput(
        f"{cursor!r} is not a cursor of this list.",
        hint="Use the next_cursor that the previous page printed, with the same filters.",
    )


def _behind(order: Sequence[Mapped[Any]], last: Sequence[Any], newest_first: bool) -> ColumnElement[bool]:  # noqa: FBT001
    place: ColumnElement[Any] = tuple_(*order) if len(order) > 1 else order[0]  # type: ignore[assignment]
    value = tuple(last) if len(order) > 1 else last[0]
    return place < value if newest_first else place > value
