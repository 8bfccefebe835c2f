"""Fetching an image that a person named by its address: no key goes along, and the answer is bounded."""

import time
from collections.abc import Iterable
from urllib.parse import urlsplit

from promptlab.adapters.addresses import PrivateAddress, public_only
from promptlab.errors import InvalidInput
from promptlab.settings.urls import is_loopback, redact

MAX_BYTES = 100_000_000
_SECONDS = 60.0
_MAX_REDIRECTS = 5


def download(url: str) -> bytes:
    """Return what lies behind an https address (http only on this machine), following a few redirects.

    The host that is named may be in a private network; one that it leads to may not.

    Raises:
        InvalidInput: not reachable, not there, too large, too slow, or an address that is not allowed.
    """
    import httpx

    local, named = is_loopback(url), ""
    for _ in range(_MAX_REDIRECTS + 1):
        host = _checked_host(url, local=local)
        named = named or host
        try:
            watch = {} if local or host == named else {"trace": public_only(host)}
            with httpx.Client(timeout=_SECONDS) as client, client.stream("GET", url, extensions=watch) as answer:
                if answer.next_request is None:
                    return _body(answer.raise_for_status().iter_bytes(), url)
                url = str(answer.next_request.url)
        except PrivateAddress as error:
            raise InvalidInput(f"{redact(url)} is not fetched: {error}.", hint="Download the file first.") from error
        except httpx.HTTPStatusError as error:
            raise InvalidInput(f"{redact(url)} answers with HTTP {error.response.status_code}.") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise InvalidInput(f"{redact(url)} cannot be fetched: {error or type(error).__name__}.") from error
    raise InvalidInput(f"{redact(url)} leads from one address to another without end.")


def _checked_host(url: str, *, local: bool) -> str:
    """Return the host. Refuse what is no https, and this machine where the person has not named it."""
    try:
        scheme, host = urlsplit(url).scheme, urlsplit(url).hostname
    except ValueError:
        scheme, host = "", None
    allowed = scheme in {"http", "https"} if is_loopback(url) and local else scheme == "https" and not is_loopback(url)
    if not host or not allowed:
        raise InvalidInput(
            f"{redact(url)} is no address that images are fetched from.", hint="Use https, or download the file first."
        )
    return host


def _body(chunks: Iterable[bytes], url: str) -> bytes:
    deadline, body = time.monotonic() + _SECONDS, bytearray()
    for chunk in chunks:
        body += chunk
        if len(body) > MAX_BYTES:
            raise InvalidInput(f"{redact(url)} holds more than {MAX_BYTES:,} bytes.")
        if time.monotonic() > deadline:
            raise InvalidInput(f"{redact(url)} takes more than {_SECONDS:.0f} seconds.")
    return bytes(body)
