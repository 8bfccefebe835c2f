"""Keeping out of private networks: see `promptlab.adapters.addresses`."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from promptlab.adapters.addresses import PrivateAddress, is_private, public_only
from promptlab.adapters.ai.http import HttpClient
from promptlab.adapters.ai.protocol import ProviderFailed
from promptlab.settings import ProviderSettings

PRIVATE = ["127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0"]
PRIVATE_6 = ["::1", "fe80::1", "fe80::1%eth0", "fc00::1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::"]


class _Inner(BaseHTTPRequestHandler):
    """What answers only inside of a network; it counts who has asked."""

    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None: ...  # noqa: A002 - the parent's own name


@pytest.fixture
def inner() -> Iterator[tuple[int, list[str]]]:
    """A server on this machine: its port, and the requests that it got."""
    asked: list[str] = []
    with ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Inner,), {"asked": asked})) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_port, asked
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("address", [*PRIVATE, *PRIVATE_6])
def test_what_is_none_of_the_public_internet_is_private(address: str) -> None:
    assert is_private(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "example.com", ""])
def test_public_addresses_and_names_are_not(address: str) -> None:
    assert not is_private(address)


@pytest.mark.parametrize("address", PRIVATE)
def test_a_private_address_is_refused_before_there_is_a_connection(address: str) -> None:
    with pytest.raises(PrivateAddress):
        public_only(address)


def test_a_name_that_leads_to_this_machine_is_refused_before_a_byte_is_sent(inner: tuple[int, list[str]]) -> None:
    """127.1 is no address in its usual form, so only the connection shows where it leads."""
    port, asked = inner
    with httpx.Client(trust_env=False) as client, pytest.raises(PrivateAddress):
        client.get(f"http://127.1:{port}/secret", extensions={"trace": public_only("127.1")})
    assert asked == []


@pytest.mark.parametrize("host", ["127.1", "2130706433", "10.0.0.1", "169.254.169.254"])
def test_a_service_may_not_send_us_into_a_private_network(inner: tuple[int, list[str]], host: str) -> None:
    """An answer that names such an address for an image is a failure, and nothing is fetched."""
    port, asked = inner
    client = HttpClient("far", "https://service.example", ProviderSettings(), secret_headers={})
    with pytest.raises(ProviderFailed, match="not fetched"):
        client.get(f"https://{host}:{port}/latest/meta-data")
    client.close()
    assert asked == []


def test_the_key_goes_to_the_domain_of_the_service_over_https_and_nowhere_else() -> None:
    client = HttpClient("far", "https://api.far.ai", ProviderSettings(), secret_headers={"x": "k"}, domains=["far.ai"])
    own = {url: client._is_own(httpx.URL(url)) for url in (
        "https://api.far.ai/a", "https://eu.far.ai/a", "https://far.ai", "http://eu.far.ai/a", "https://notfar.ai",
        "https://far.ai.evil.example", "https://evil.example/far.ai",
    )}  # fmt: skip
    assert [url for url, is_own in own.items() if is_own] == [
        "https://api.far.ai/a",
        "https://eu.far.ai/a",
        "https://far.ai",
    ]
