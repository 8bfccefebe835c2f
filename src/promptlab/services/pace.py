"""How fast one provider is asked: its limits a minute, the rests that it asks for, and how many requests at once."""

import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta

from sqlmodel import Session

from promptlab.db import columns, paces
from promptlab.db.engine import Database
from promptlab.errors import Unreachable
from promptlab.settings import ProviderSettings

LONGEST_REST_SECONDS = 120.0
"""A provider that asks for a longer rest is not waited for: what is left stays planned, and that is said.

Whoever asks it next does so after this at the latest: one wrong header must not close it for days.
"""

_NEWS_EVERY = timedelta(seconds=1)
"""How long a run without a limit goes on before it looks again whether somebody else was asked to leave off."""


class Pace:
    """The pace of one run at one provider, shared by all of its threads.

    The limits a minute and the rests hold for everybody who works for the project (`promptlab.db.paces`). How many
    requests may be in flight is this run's own affair, by additive increase and multiplicative decrease (Chiu and
    Jain, 1989): w / 2 when the provider throttles, w + 1 after w successes, from 1 to the provider's concurrency.
    """

    def __init__(
        self,
        database: Database,
        project_id: int,
        provider: str,
        *,
        limits: ProviderSettings,
        clock: Callable[[], datetime] = columns.now,
    ) -> None:
        self._database = database
        self._project_id = project_id
        self._provider = provider
        self._limits = limits
        self.limited = limits.requests_per_minute is not None or limits.images_per_minute is not None
        """Whether there is a limit a minute."""
        self._clock = clock
        self._lock = threading.Lock()
        self._not_before: datetime | None = None
        self._looked_at: datetime | None = None
        self._allowed = limits.concurrency
        self._successes = 0
        self._halved_at: datetime | None = None

    @property
    def allowed(self) -> int:
        """How many requests may be in flight now."""
        return self._allowed

    def wait(self) -> float:
        """Return the seconds for which `take` is known to say no; this looks nothing up."""
        with self._lock:
            not_before = self._not_before
        return 0.0 if not_before is None else max(0.0, (not_before - self._clock()).total_seconds())

    def take(self, session: Session, images: int) -> float:
        """Take the right to send a request for so many images now, and return 0.0; else the seconds until one may ask.

        It is taken when the transaction of `session`, one that writes, is committed. Others wait for the row until
        then: call this last.
        """
        if (seconds := self.wait()) > 0:
            return seconds
        now = self._clock()
        if not self.limited and not self._wants_news(now):
            return 0.0
        seconds = paces.take(
            session,
            self._project_id,
            self._provider,
            now=now,
            requests_per_minute=self._limits.requests_per_minute,
            images_per_minute=self._limits.images_per_minute,
            images=images,
        )
        if seconds > 0:
            self._rest_until(now + timedelta(seconds=seconds))
        return seconds

    def closed(self, seconds: float) -> None:
        """Leave the provider alone for so long, which it asked for, and see to it that everybody else does.

        Not to be called in a transaction: it has its own. Without the database this run keeps to it all the same.
        """
        if seconds <= 0:
            return
        until = self._clock() + timedelta(seconds=min(seconds, LONGEST_REST_SECONDS))
        self._rest_until(until)
        with suppress(Unreachable), self._database.transaction() as session:
            paces.close(session, self._project_id, self._provider, until)

    def throttled(self, sent_at: datetime) -> None:
        """Halve what may be in flight: the provider says "too many requests" to one that was sent at that time.

        Requests that were in flight together count as one: those that were sent before the last halving say nothing
        of what it has brought.
        """
        with self._lock:
            if self._halved_at is not None and sent_at <= self._halved_at:
                return
            self._halved_at = self._clock()
            self._allowed = max(1, self._allowed // 2)
            self._successes = 0

    def succeeded(self) -> None:
        """Count a success: after as many as may be in flight, one more may."""
        with self._lock:
            if self._allowed >= self._limits.concurrency:
                return
            self._successes += 1
            if self._successes >= self._allowed:
                self._allowed, self._successes = self._allowed + 1, 0

    def _wants_news(self, now: datetime) -> bool:
        """Say whether it is time to look up what others were told, and take note that somebody does."""
        with self._lock:
            wanted = self._looked_at is None or now - self._looked_at >= _NEWS_EVERY
            self._looked_at = now if wanted else self._looked_at
            return wanted

    def _rest_until(self, until: datetime) -> None:
        with self._lock:
            self._not_before = max(self._not_before or until, until)
