"""Services that take a job and make one ask again for it: its handle, and the waiting."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from promptlab.adapters.ai.http_errors import Answer, retry_after
from promptlab.adapters.ai.protocol import (
    STILL_RUNNING,
    OutcomeUnknown,
    ProviderError,
    ProviderFailed,
    ProviderUnavailable,
    StillRunning,
)

_FIRST_PAUSE, _SHORTEST_PAUSE, _LONGEST_PAUSE = 0.25, 1.0, 10.0
_PAUSE_SHARE = 0.1
"""A pause is this share of the time that the job has run, so that looking adds no more than that to it."""

_TRANSIENT = frozenset({408, 425, 429, *range(500, 600)})

_Found = TypeVar("_Found")


@dataclass(frozen=True, kw_only=True)
class Job:
    """A job that a service has accepted: where it is asked about and stopped, and what is known of it already.

    `about` is JSON data that the result needs once the job is done, such as the price that accepting it named.
    """

    url: str
    cancel_url: str | None = None
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def handle(self) -> str:
        """The job as the text that `ImageProvider.resume` takes; it holds no key."""
        return json.dumps({"url": self.url, "cancel_url": self.cancel_url, "about": dict(self.about)})

    @classmethod
    def of(cls, handle: str) -> "Job":
        """Return the job of a handle; raises OutcomeUnknown for a text that is none."""
        try:
            noted = json.loads(handle)
            url, cancel_url, about = noted["url"], noted["cancel_url"], noted["about"]
        except (ValueError, LookupError, TypeError, RecursionError):
            url = cancel_url = about = None
        if not (isinstance(url, str) and isinstance(cancel_url, str | None) and isinstance(about, dict)):
            raise OutcomeUnknown("This handle names no job.", kind="no_handle")
        return cls(url=url, cancel_url=cancel_url, about=about)


def is_trouble(answer: Answer) -> bool:
    """Say whether an answer only says that the service has trouble just now."""
    return answer.status in _TRANSIENT


def wait_for(
    ask: Callable[[], Answer],
    read: Callable[[Answer], _Found | None],
    *,
    provider: str,
    seconds: float,
    trouble: Callable[[Answer], bool] = is_trouble,
) -> _Found:
    """Ask about a job again and again, until `read` finds its end in an answer.

    `read` returns None for a job that still runs, and raises what its end means where that is no success. It is given
    every answer but those of `trouble`; these, and lost connections, are waited out. With 0 seconds there is one look.

    Raises:
        StillRunning: the time is up. What `read` raises.
    """
    started = time.monotonic()
    pause = 0.0 if seconds == 0 else _FIRST_PAUSE
    problem = ""
    while True:
        time.sleep(pause)
        hint = None
        try:
            answer = ask()
        except (ProviderUnavailable, OutcomeUnknown) as error:
            problem = f" The last look failed: {error.message}"
        else:
            found = None
            if trouble(answer):
                problem, hint = f" The last look failed: HTTP {answer.status}.", retry_after(answer.headers)
            else:
                problem, found = "", read(answer)
            if found is not None:
                return found
        elapsed = time.monotonic() - started
        if elapsed >= seconds:
            if problem:
                raise StillRunning(f"{provider} cannot be asked about the job.{problem}", kind="not_asked")
            raise StillRunning(f"{provider} still works on the job.", kind=STILL_RUNNING)
        pause = min(max(_SHORTEST_PAUSE, hint or 0.0, elapsed * _PAUSE_SHARE), _LONGEST_PAUSE, seconds - elapsed)


def for_good(error: ProviderError) -> ProviderFailed:
    """Return the error as what it is to whoever asks about one job: that has ended, though another may go better."""
    failed = ProviderFailed(
        error.message,
        kind=error.kind,
        http_status=error.http_status,
        request_id=error.request_id,
        details=error.details,
    )
    failed.may_be_billed, failed.cost_usd = error.may_be_billed, error.cost_usd
    return failed


@contextmanager
def accepted_job(*, request_id: str | None) -> Iterator[None]:
    """Let every error within say what is true once a service has accepted a job: it may have been billed."""
    try:
        yield
    except ProviderError as error:
        error.may_be_billed = True
        error.request_id = error.request_id or request_id
        raise
