"""Where a worker listens."""

import pytest

from promptlab.errors import InvalidInput, NotConfigured
from promptlab.worker.listener import listening, parse_address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:9100", ("127.0.0.1", 9100)),
        ("0.0.0.0:9100", ("0.0.0.0", 9100)),
        ("[::1]:9100", ("::1", 9100)),
        ("worker.local:80", ("worker.local", 80)),
        (":9100", ("127.0.0.1", 9100)),
        ("9100", ("127.0.0.1", 9100)),
    ],
)
def test_without_a_host_it_is_this_machine(text: str, address: tuple[str, int]) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize("text", ["", "host", "host:", "host:http", "host:65536", "host:-1", "host:٣"])
def test_what_is_no_address_is_bad_input(text: str) -> None:
    with pytest.raises(InvalidInput, match="HOST:PORT"):
        parse_address(text)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "no.such.host.invalid"])
def test_an_address_that_cannot_be_had_is_a_matter_of_configuration(host: str) -> None:
    with pytest.raises(NotConfigured, match="cannot be had"), listening((host, 1), {}):  # noqa: SIM117
        with listening((host, 1), {}):
            pass
