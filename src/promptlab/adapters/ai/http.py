"""The HTTP client that adapters share: one a provider, for all threads, with an end to every request."""

import threading
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from math import inf
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from promptlab import __version__
from promptlab.adapters.ai.http_cleaning import Cleaner
from promptlab.adapters.ai.http_errors import Answer, Complaint, status_error, translated
from promptlab.adapters.ai.http_exchange import Exchange
from promptlab.adapters.ai.protocol import ProviderError, ProviderFailed
from promptlab.settings import ProviderSettings
from promptlab.settings.urls import is_loopback

if TYPE_CHECKING:
    import httpx

MAX_ANSWER = 300_000_000
"""Bytes. Ten images of 20 MB in base64, and a good deal more than any service sends."""

_CONNECT_SECONDS = 10.0
_MAX_REDIRECTS = 5


class HttpClient:
    """Talks to one service at its base URL. `secret_headers` go there and to no other origin."""

    def __init__(
        self, provider: str, base_url: str, settings: ProviderSettings, *, secret_headers: Mapping[str, str]
    ) -> None:
        self._provider = provider
        self.base_url = base_url.rstrip("/")
        self._settings = settings
        self._secret_headers = dict(secret_headers)
        self.clean = Cleaner(value.rpartition(" ")[2] for value in secret_headers.values())  # `Bearer KEY`
        self._opening = threading.Lock()
        self._opened: httpx.Client | None = None

    def post(self, path: str, **content: Any) -> Answer:
        """Post to a path below the base URL; `content` is what `httpx.Client.stream` takes. No redirect is followed.

        Raises:
            ProviderUnavailable, OutcomeUnknown, ProviderFailed: no complete answer came. Whatever its status, an
                answer is returned.
        """
        return self._exchange("POST", f"{self.base_url}{path}", headers=self._secret_headers, **content)

    def get(self, url: str, *, seconds: float | None = None) -> Answer:
        """Fetch an absolute URL, following redirects to others that are allowed.

        `seconds` ends each request sooner than the settings do.

        Raises what `post` raises; ProviderFailed for a URL that is not allowed.
        """
        for _ in range(_MAX_REDIRECTS + 1):
            target = self.allowed(url)
            headers = self._secret_headers if _origin(target) == self._origin else {}
            answer = self._exchange("GET", url, seconds=seconds, headers=headers)
            if not (300 <= answer.status < 400 and "location" in answer.headers):
                return answer
            url = self.resolved(answer.headers["location"], against=url)
        raise ProviderFailed(f"{self._provider} sends from one address to another without end.", kind="bad_answer")

    def resolved(self, url: str, *, against: str | None = None) -> str:
        """Return a URL as an absolute one, relative to the base URL or to `against`; as it is where it is none."""
        import httpx

        try:
            return str(httpx.URL(against or f"{self.base_url}/").join(url))
        except (httpx.InvalidURL, ValueError):
            return url

    def allowed(self, url: str) -> "httpx.URL":
        """Return the URL if it may be fetched: https, or http where the base URL itself is such a place.

        A service elsewhere may not send us to this machine: what answers there is not the service's.
        """
        import httpx

        try:
            target = httpx.URL(url)
        except (httpx.InvalidURL, ValueError):
            raise ProviderFailed(f"{self._provider} names a URL that is none.", kind="bad_answer") from None
        if _origin(target) == self._origin:
            return target
        local = is_loopback(url)
        safe = target.scheme == "https" or (target.scheme == "http" and (local or self._settings.allow_http))
        if not safe or not target.host or (local and not is_loopback(self.base_url)):
            message = f"{self._provider} sends to {target.scheme}://{target.host}, which is not fetched."
            raise ProviderFailed(self.clean(message), kind="bad_answer")
        return target

    def failure(self, answer: Answer, complaint: Complaint, *, request_id: str | None) -> ProviderError:
        """Return the error that an answer without success means, cleaned of the key."""
        cleaned = replace(complaint, message=self.clean(complaint.message), details=self.clean(dict(complaint.details)))
        answer = replace(answer, headers=self.clean(dict(answer.headers)))
        return status_error(answer, cleaned, provider=self._provider, request_id=self.clean(request_id))

    def close(self) -> None:
        """Give the connections back."""
        with self._opening:
            if self._opened is not None:
                self._opened.close()
                self._opened = None

    def _exchange(self, method: str, url: str, *, seconds: float | None = None, **about: Any) -> Answer:
        with (
            Exchange(min(seconds or inf, self._settings.timeout)) as exchange,
            translated(exchange, provider=self._provider, address=self.clean(urlsplit(url).netloc), clean=self.clean),
        ):
            about["extensions"] = {"trace": exchange.follow}
            with self._client().stream(method, url, **about) as response:
                headers = {name.lower(): value for name, value in response.headers.items()}
                return Answer(status=response.status_code, headers=headers, body=self._body(response))

    def _body(self, response: "httpx.Response") -> bytes:
        import httpx

        body = bytearray()
        try:
            for chunk in response.iter_bytes():
                body += chunk
                if len(body) > MAX_ANSWER:
                    message = f"The answer of {self._provider} has more than {MAX_ANSWER:,} bytes."
                    failure = ProviderFailed(message, kind="too_large", http_status=response.status_code)
                    failure.may_be_billed = response.is_success
                    raise failure
        except httpx.RequestError:
            if response.is_success:
                raise
            # An error's status says what became of the request, even where the explanation breaks off.
        return bytes(body)

    def _client(self) -> "httpx.Client":
        with self._opening:
            if self._opened is None:
                self._opened = self._open()
            return self._opened

    def _open(self) -> "httpx.Client":
        import httpx

        seconds = self._settings.timeout
        return httpx.Client(
            headers={"user-agent": f"promptlab/{__version__}"},
            timeout=httpx.Timeout(seconds, connect=min(_CONNECT_SECONDS, seconds)),
            # A connection is made for every request. One that has lain idle may be closed by the server just when a
            # request goes out on it, and nobody could say whether that request was bought; a handshake takes a
            # hundredth of the time that an image takes.
            limits=httpx.Limits(max_connections=self._settings.concurrency, max_keepalive_connections=0),
            follow_redirects=False,
            # Proxies and certificates from the environment, as company networks need them; httpx reads no .netrc
            # unasked. No proxy for a server on this machine: it could not reach it, and would see the key.
            trust_env=True,
            mounts={f"all://{self._host}": None} if is_loopback(self.base_url) else None,
        )

    @property
    def _host(self) -> str:
        host = self._origin[1]
        return f"[{host}]" if ":" in host else host

    @cached_property
    def _origin(self) -> tuple[str, str, int | None]:
        import httpx

        return _origin(httpx.URL(self.base_url))


def _origin(url: "httpx.URL") -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port
