"""What goes wrong over HTTP, in the words of `ImageProvider`: what may be sent again, what is unknown, what failed."""

import json
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from promptlab.adapters.addresses import PrivateAddress
from promptlab.adapters.ai.http_exchange import Exchange
from promptlab.adapters.ai.protocol import (
    OutcomeUnknown,
    ProviderError,
    ProviderFailed,
    ProviderUnavailable,
    Refused,
)

_RETRIED = frozenset({429, 500, 503})
_UNKNOWN = frozenset({408, 502, 504, *range(520, 525)})
_KINDS = {
    401: "auth", 403: "forbidden", 404: "not_found", 408: "timeout", 413: "too_large", 429: "rate_limit",
    503: "overloaded", 502: "gateway", 504: "gateway", **dict.fromkeys(range(520, 525), "gateway"),
}  # fmt: skip

_PLAIN_HTTP = " The server seems to speak plain http: then the base URL begins with http://."


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A complete HTTP answer; header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    def decoded(self) -> dict[str, Any]:
        """Return the JSON object that is its body; raises ProviderFailed where that is none."""
        try:
            found = json.loads(self.body, parse_constant=lambda _name: None)  # databases take no NaN
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise self.without_json()
        return found

    def without_json(self) -> ProviderFailed:
        """Return the error that an answer of success without a JSON object is; a web page hints at a wrong address."""
        page = self.body.lstrip()[:1] == b"<"
        message = (
            "The answer is a web page. Is the base URL that of an API?" if page else "The answer is no JSON object."
        )
        return ProviderFailed(message, kind="bad_answer", http_status=self.status)


@dataclass(frozen=True, kw_only=True)
class Complaint:
    """What a vendor's error body says; empty where it says nothing that is understood.

    `terminal` is an error that waiting does not mend though its status sounds so, such as a quota that is used up.
    """

    message: str = ""
    kind: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    refused: bool = False
    terminal: bool = False


def status_error(answer: Answer, complaint: Complaint, *, provider: str, request_id: str | None) -> ProviderError:
    """Return the error that an answer without success means.

    `x-should-retry` counts only where it is certain that nothing was bought: `false` makes a terminal error of one that
    would be retried, `true` lets a 4xx be sent again (but 408). A 502, a 504 and their like stay unknown whatever it
    says: the gateway that sets the header cannot know what became of the request behind it.
    """
    about: dict[str, Any] = {
        "kind": complaint.kind or _kind(answer.status),
        "http_status": answer.status,
        "request_id": request_id,
        "details": complaint.details,
    }
    message = complaint.message or f"{provider} answers with HTTP {answer.status}{_towards(answer)}."
    if complaint.refused:
        return Refused(message, **about)
    if answer.status in _UNKNOWN:
        return OutcomeUnknown(message, **about)
    if not complaint.terminal and _may_be_sent_again(answer):
        return ProviderUnavailable(message, retry_after=retry_after(answer.headers), **about)
    return ProviderFailed(message, **about)


def _may_be_sent_again(answer: Answer) -> bool:
    told = answer.headers.get("x-should-retry", "").strip().lower()
    if answer.status in _RETRIED:
        return told != "false"
    return 400 <= answer.status < 500 and told == "true"


def _kind(status: int) -> str:
    return _KINDS.get(status) or ("server_error" if status >= 500 else "bad_request" if status >= 400 else "redirect")


def _towards(answer: Answer) -> str:
    location = answer.headers.get("location")
    return f", a redirect to {location}, which is not followed" if location and 300 <= answer.status < 400 else ""


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return how many seconds the provider asks to wait: `retry-after-ms`, else `retry-after` (seconds or a date)."""
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    text = headers.get("retry-after")
    seconds = _number(text)
    return _seconds_until(text) if seconds is None and text else seconds


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return max(0.0, number) if math.isfinite(number) else None


def _seconds_until(text: str) -> float | None:
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return max(0.0, (when - datetime.now(UTC)).total_seconds())


@contextmanager
def translated(exchange: Exchange, *, provider: str, address: str, clean: Callable[[str], str]) -> Iterator[None]:
    """Turn what httpx raises over one request into the errors of `ImageProvider`.

    `address` is where the request goes, host and port. The errors hide their cause: what httpx says of a broken answer
    quotes it, and with it a key that the server echoed.

    Raises:
        ProviderUnavailable: the connection was never made, so nothing was sent.
        OutcomeUnknown: it was, and no answer came, or not all of it.
        ProviderFailed: the request cannot be sent, or the complete answer cannot be unpacked.
    """
    import httpx

    never_made = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
    try:
        yield
    except never_made as error:
        why = clean(str(error)) or type(error).__name__
        plain = _PLAIN_HTTP if "WRONG_VERSION_NUMBER" in why else ""  # so OpenSSL calls an answer that is not TLS
        message = f"{provider} cannot be reached at {address}: {why}.{plain}"
        raise ProviderUnavailable(message, kind="connection") from None
    except (httpx.UnsupportedProtocol, httpx.LocalProtocolError, httpx.InvalidURL, UnicodeEncodeError) as error:
        message = f"This request to {provider} cannot be sent: {clean(str(error))}."
        raise ProviderFailed(message, kind="bad_request") from None
    except httpx.DecodingError as error:
        message = f"The answer of {provider} cannot be unpacked: {clean(str(error))}."
        failure = ProviderFailed(message, kind="bad_answer")
        failure.may_be_billed = True  # only answers of success are unpacked to the end
        raise failure from None
    except httpx.TransportError as error:
        raise _lost(error, exchange, provider) from None


@contextmanager
def translated_addresses(provider: str) -> Iterator[None]:
    """Turn an address in a private network, to which a service may not send us, into a failure."""
    try:
        yield
    except PrivateAddress as error:
        raise ProviderFailed(
            f"{provider} sends to an address that is not fetched: {error}.", kind="bad_answer"
        ) from None


def _lost(error: Exception, exchange: Exchange, provider: str) -> OutcomeUnknown:
    import httpx

    if exchange.late or isinstance(error, httpx.TimeoutException):
        return OutcomeUnknown(f"{provider} did not finish its answer in time.", kind="timeout")
    if exchange.answered and isinstance(error, httpx.RemoteProtocolError):
        return OutcomeUnknown(f"The answer of {provider} broke off.", kind="truncated")
    return OutcomeUnknown(f"The connection to {provider} was lost before an answer came.", kind="connection_lost")
