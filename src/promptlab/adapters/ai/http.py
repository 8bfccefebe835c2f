"""The HTTP client that adapters share: one a provider, for all threads, with an end to every request."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from math import inf
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from promptlab import __version__
from promptlab.adapters.addresses import public_only
from promptlab.adapters.ai.http_cleaning import Cleaner
from promptlab.adapters.ai.http_errors import Answer, Complaint, status_error, translated, translated_addresses
from promptlab.adapters.ai.http_exchange import Exchange
from promptlab.adapters.ai.protocol import OutcomeUnknown, ProviderError, ProviderFailed, ProviderUnavailable
from promptlab.settings import ProviderSettings
from promptlab.settings.urls import is_loopback

if TYPE_CHECKING:
    import ssl

    import httpx

MAX_ANSWER = 300_000_000
"""Bytes. Ten images of 20 MB in base64, and a good deal more than any service sends."""

_CONNECT_SECONDS = 10.0
_MAX_REDIRECTS = 5
_DOWNLOAD_TRIES = 2
_LOOK_SECONDS = 20.0


class HttpClient:
    """Talks to one service at its base URL. `secret_headers` go there, over https to `domains`, and nowhere else.

    `secrets` are what those headers hold in another form, a password say, and no message may hold at all.
    """

    def __init__(
        self,
        provider: str,
        base_url: str,
        settings: ProviderSettings,
        *,
        secret_headers: Mapping[str, str],
        domains: Sequence[str] = (),
        secrets: Sequence[str] = (),
    ) -> None:
        self._provider = provider
        self._domains = tuple(domains)
        self.base_url = base_url.rstrip("/")
        self._settings = settings
        self._secret_headers = dict(secret_headers)
        self.clean = Cleaner(
            [*(value.rpartition(" ")[2] for value in secret_headers.values()), *secrets]
        )  # `Bearer KEY`
        self._spare: dict[bool, list[httpx.Client]] = {True: [], False: []}

    @property
    def timeout(self) -> float:
        """How many seconds a request, or a job, may take."""
        return self._settings.timeout

    def patience(self, seconds: float | None) -> float:
        """Return how long a job is waited for: as long as a request where nobody says how many seconds."""
        return self.timeout if seconds is None else seconds

    def post(self, path: str, *, headers: Mapping[str, str] | None = None, **content: Any) -> Answer:
        """Post to a path below the base URL; `content` is what `httpx.Client.stream` takes. No redirect is followed.

        Raises:
            ProviderUnavailable, OutcomeUnknown, ProviderFailed: no complete answer came. Whatever its status, an
                answer is returned.
        """
        return self.send("POST", f"{self.base_url}{path}", headers=headers, **content)

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        seconds: float | None = None,
        kept: bool = False,
        **content: Any,
    ) -> Answer:
        """Send to an absolute URL of the service itself, as `post` does.

        Raises what `post` raises; ProviderFailed where the URL is somebody else's, who would get the key.
        """
        if not self._is_own(self.allowed(url)):
            message = f"{self._provider} names an address of somebody else for its job, which is not asked."
            raise ProviderFailed(message, kind="bad_answer")
        every = {**self._secret_headers, **(headers or {})}
        return self._exchange(method, url, seconds=seconds, kept=kept, headers=every, **content)

    def get(self, url: str, *, seconds: float | None = None) -> Answer:
        """Fetch an absolute URL, following redirects to others that are allowed.

        `seconds` ends each request sooner than the settings do.

        Raises what `post` raises; ProviderFailed for a URL that is not allowed.
        """
        for _ in range(_MAX_REDIRECTS + 1):
            target = self.allowed(url)
            headers = self._secret_headers if self._is_own(target) else {}
            answer = self._exchange("GET", url, seconds=seconds, headers=headers, kept=True)
            if not (300 <= answer.status < 400 and "location" in answer.headers):
                return answer
            url = self.resolved(answer.headers["location"], against=url)
        raise ProviderFailed(f"{self._provider} sends from one address to another without end.", kind="bad_answer")

    def look(self, url: str, *, method: str = "GET") -> Answer:
        """Ask the service itself about a job, or with another method to stop one; raises what `send` raises."""
        return self.send(method, url, seconds=_LOOK_SECONDS, kept=True)

    def fetched(self, url: str) -> bytes:
        """Return the image at a URL. It is made and paid for, so no trouble with it may lead to another purchase.

        Raises:
            OutcomeUnknown: it could not be fetched now.
            ProviderFailed: the URL is not allowed.
        """
        problem = ""
        for _ in range(_DOWNLOAD_TRIES):
            try:
                answer = self.get(url)
            except (ProviderUnavailable, OutcomeUnknown) as error:
                problem = error.message
                continue
            if answer.ok:
                return answer.body
            problem = f"HTTP {answer.status}."
        raise OutcomeUnknown(f"An image was made and cannot be fetched: {problem}", kind="download")

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
        if self._is_own(target):
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
        for clients in self._spare.values():
            while clients:
                clients.pop().close()

    def _is_own(self, target: "httpx.URL") -> bool:
        """Say whether a URL is the service's, which may see the key."""
        domains = (target.host == domain or target.host.endswith(f".{domain}") for domain in self._domains)
        return _origin(target) == self._origin or (target.scheme == "https" and any(domains))

    def _exchange(
        self, method: str, url: str, *, seconds: float | None = None, kept: bool = False, **about: Any
    ) -> Answer:
        with (
            translated_addresses(self._provider),
            Exchange(min(seconds or inf, self._settings.timeout), watch=self._watch(url)) as exchange,
            translated(exchange, provider=self._provider, address=self.clean(urlsplit(url).netloc), clean=self.clean),
        ):
            about["extensions"] = {"trace": exchange.follow}
            with self._client(kept=kept) as client, client.stream(method, url, **about) as response:
                exchange.adopt(response.extensions["network_stream"])
                headers = {name.lower(): value for name, value in response.headers.items()}
                return Answer(status=response.status_code, headers=headers, body=self._body(response))

    def _body(self, response: "httpx.Response") -> bytes:
        import httpx

        chunks: list[bytes] = []  # put together once: a buffer that grows is copied again and again
        size = 0
        try:
            for chunk in response.iter_bytes():
                chunks.append(chunk)
                size += len(chunk)
                if size > MAX_ANSWER:
                    message = f"The answer of {self._provider} has more than {MAX_ANSWER:,} bytes."
                    failure = ProviderFailed(message, kind="too_large", http_status=response.status_code)
                    failure.may_be_billed = response.is_success
                    raise failure
        except httpx.RequestError:
            if response.is_success:
                raise
            # An error's status says what became of the request, even where the explanation breaks off.
        return b"".join(chunks)

    def _watch(self, url: str) -> Callable[[str, dict[str, Any]], None] | None:
        """Return what keeps a request out of private networks; the service itself is where the settings say it is."""
        import httpx

        target = httpx.URL(url)
        trusted = self._is_own(target) or self._settings.allow_http or is_loopback(self.base_url)
        return None if trusted else public_only(target.host)

    @contextmanager
    def _client(self, *, kept: bool) -> "Iterator[httpx.Client]":
        """Lend a client for one request that buys something, or, `kept`, one that may have a connection left to look.

        Nobody else has it meanwhile: threads that share a pool of connections close each other's, and each of their
        requests looks through all of them.
        """
        spare = self._spare[kept]
        try:
            client = spare.pop()
        except IndexError:
            client = self._open(kept=kept)
        try:
            yield client
        finally:
            spare.append(client)

    def _open(self, *, kept: bool) -> "httpx.Client":
        import httpx

        seconds = self._settings.timeout
        return httpx.Client(
            headers={"user-agent": f"promptlab/{__version__}"},
            timeout=httpx.Timeout(seconds, connect=min(_CONNECT_SECONDS, seconds)),
            # A connection is made for every request that buys something. One that has lain idle may be closed by the
            # server just when a request goes out on it, and nobody could say whether that request was bought; a
            # handshake takes a hundredth of the time that an image takes. Looking again is free, and frequent.
            limits=httpx.Limits(max_connections=1, max_keepalive_connections=None if kept else 0),
            follow_redirects=False,
            verify=self._certificates,
            # Proxies and certificates from the environment, as company networks need them; httpx reads no .netrc
            # unasked. No proxy for a server on this machine: it could not reach it, and would see the key.
            trust_env=True,
            mounts={f"all://{self._host}": None} if is_loopback(self.base_url) else None,
        )

    @cached_property
    def _certificates(self) -> "ssl.SSLContext":
        """What all clients know certificates by: loading them takes a hundred times as long as opening a client."""
        import httpx

        return httpx.create_ssl_context()

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
