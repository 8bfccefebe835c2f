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

_CURSOR = re.compile(r"after:(\d{1,10})(?:([@#])(\d{1,19}))?", re.ASCII)
_TIMED, _PLACED = "@", "#"
"""How the number in a cursor is marked: microseconds, or a place in the order of review."""
_MAX_PLACE = 2**63 - 1
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
    place: Mapped[int] | None = None,
    limit: int,
    cursor: str | None,
    newest_first: bool = True,
) -> Page[Row]:
    """Run `statement` from `cursor` on, ordered by `key`, its id or position, or by `time` or `place` and that.

    Raises:
        InvalidInput: a cursor that is not one of this order, or a limit outside 1..1000.
    """
    if not 1 <= limit <= MAX_LIMIT:
        raise InvalidInput(f"--limit {limit} is outside 1..{MAX_LIMIT}.")
    first: Mapped[Any] | None = place if time is None else time
    order: list[Mapped[Any]] = [key] if first is None else [first, key]
    if cursor is not None:
        last_id, last = decode_cursor(cursor, timed=time is not None, placed=place is not None)
        statement = statement.where(_behind(order, [last_id] if first is None else [last, last_id], newest_first))
    statement = statement.order_by(*(part.desc() if newest_first else part.asc() for part in order)).limit(limit + 1)
    rows: list[Any] = list(session.execute(statement).scalars())
    if len(rows) <= limit:
        return Page(rows, None)
    at = [getattr(rows[limit - 1], part.key) for part in order]  # type: ignore[attr-defined] # a model's have names
    return Page(rows[:limit], encode_cursor(at[-1], None if first is None else at[0]))


def encode_cursor(last_id: int, last: datetime | int | None = None) -> str:
    """Return the cursor of the page after the row with this id, and this time or place where they order the rows."""
    text = f"after:{last_id}"
    if isinstance(last, datetime):
        text += f"{_TIMED}{(last - _FIRST_MOMENT) // _MICROSECOND}"
    elif last is not None:
        text += f"{_PLACED}{last}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_cursor(cursor: str, *, timed: bool = False, placed: bool = False) -> tuple[int, datetime | int | None]:
    """Return the id in a cursor, and the time or place if it is to have one; raises InvalidInput for other texts."""
    mark = _TIMED if timed else _PLACED if placed else None
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
        found = _CURSOR.fullmatch(text)
        if found and found[2] == mark and int(found[1]) <= MAX_ID:
            return int(found[1]), _read(mark, int(found[3] or 0))
    except (ValueError, OverflowError):
        pass
    raise InvalidInput(
        f"{cursor!r} is not a cursor of this list.",
        hint="Use the next_cursor that the previous page printed, with the same filters.",
    )


def _read(mark: str | None, number: int) -> datetime | int | None:
    if mark == _TIMED:
        return _FIRST_MOMENT + number * _MICROSECOND
    if number > _MAX_PLACE:
        raise OverflowError
    return number if mark == _PLACED else None


def _behind(order: Sequence[Mapped[Any]], last: Sequence[Any], newest_first: bool) -> ColumnElement[bool]:  # noqa: FBT001
    place: ColumnElement[Any] = tuple_(*order) if len(order) > 1 else order[0]  # type: ignore[assignment]
    value = tuple(last) if len(order) > 1 else last[0]
    return place < value if newest_first else place > value
