"""How fast a provider may be asked, by everybody who works for a project: queries on one row for each provider.

The rates hold by the generic cell rate algorithm (ITU-T I.371, annex A: virtual scheduling), which needs one time for
a rate, the theoretical arrival time TAT. With T = 60 s / limit and a tolerance τ, something may be sent at a time t
where t >= TAT - τ, and then TAT = max(t, TAT) + n T, n being 1 or the number of images asked for. Much is paid for
after it, and so needs no more luck than little.

τ = max(1 s - T, 0): a second's worth may go at once, one where that is less. So in any 60 s there are fewer than
limit + max(limit / 60, 1) requests, up to 60 a minute no more than the limit; of images, as many more as the last
request asks for beyond its first.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import select, text
from sqlmodel import Session, col

from promptlab.db.models import Pace

_BURST = timedelta(seconds=1)
_MINUTE_US = 60_000_000
_AT_ONCE = timedelta()

_MAKE = text(
    "INSERT INTO pace (project_id, provider) VALUES (:project_id, :provider) "
    "ON CONFLICT (project_id, provider) DO NOTHING"
)
"""In words that both databases know: for SQLAlchemy's own, a dialect would have to be loaded."""


@dataclass(frozen=True)
class _Claim:
    """So many (n) at a limit of so many a minute; `column` holds the TAT."""

    column: Literal["requests_at", "images_at"]
    count: int
    per_minute: float

    @property
    def interval(self) -> timedelta:
        """T, rounded up to what a database can tell apart: rather too slow by a millionth of a second."""
        return timedelta(microseconds=math.ceil(_MINUTE_US / self.per_minute))

    def too_early_by(self, pace: Pace, now: datetime) -> timedelta:
        arrival: datetime = getattr(pace, self.column) or now
        return arrival - max(_BURST - self.interval, _AT_ONCE) - now

    def settle(self, pace: Pace, now: datetime) -> None:
        arrival: datetime = getattr(pace, self.column) or now
        setattr(pace, self.column, max(arrival, now) + self.count * self.interval)


def take(
    session: Session,
    project_id: int,
    provider: str,
    *,
    now: datetime,
    requests_per_minute: float | None,
    images_per_minute: float | None,
    images: int,
) -> float:
    """Take the right to send a request for so many images now, and return 0.0.

    Where it is too early for that, nothing is changed, and the seconds are returned until it is worth asking again.
    Without a limit nothing is written either way. The session must be of `Database.transaction`.
    """
    claims = [
        *([_Claim("requests_at", 1, requests_per_minute)] if requests_per_minute is not None else []),
        *([_Claim("images_at", images, images_per_minute)] if images_per_minute is not None else []),
    ]
    if not claims:
        return _rest(session, project_id, provider, now)
    pace = _locked(session, project_id, provider)
    if (wait := _wait(pace, claims, now)) > _AT_ONCE:
        return wait.total_seconds()
    for claim in claims:
        claim.settle(pace, now)
    return 0.0


def close(session: Session, project_id: int, provider: str, until: datetime) -> None:
    """Let nobody send a request before that time, or before a later one that was said earlier."""
    pace = _locked(session, project_id, provider)
    pace.closed_until = max(pace.closed_until or until, until)


def _rest(session: Session, project_id: int, provider: str, now: datetime) -> float:
    statement = select(col(Pace.closed_until)).where(col(Pace.project_id) == project_id, col(Pace.provider) == provider)
    until = session.execute(statement).scalar_one_or_none()
    return 0.0 if until is None else max(0.0, (until - now).total_seconds())


def _wait(pace: Pace, claims: Sequence[_Claim], now: datetime) -> timedelta:
    closed_for = (pace.closed_until or now) - now
    return max(closed_for, *(claim.too_early_by(pace, now) for claim in claims), _AT_ONCE)


def _locked(session: Session, project_id: int, provider: str) -> Pace:
    """Return the row, made now if need be, locked until the transaction ends."""
    of_provider = (col(Pace.project_id) == project_id, col(Pace.provider) == provider)
    # A row that this session has seen before it had the lock is not the row as it is.
    statement = select(Pace).where(*of_provider).with_for_update().execution_options(populate_existing=True)
    pace: Pace | None = session.execute(statement).scalar_one_or_none()
    if pace is None:
        session.execute(_MAKE, {"project_id": project_id, "provider": provider})
        pace = session.execute(statement).scalar_one()
    return pace
