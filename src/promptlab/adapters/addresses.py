"""Keeping out of private networks: addresses that a stranger names may not lead to what answers only inside of one."""

from collections.abc import Callable
from ipaddress import IPv6Address, ip_address
from typing import Any


class PrivateAddress(Exception):
    """A host leads into a private network, or to this machine."""

    def __init__(self, host: str) -> None:
        super().__init__(f"{host} is in a private network")


def is_private(address: str) -> bool:
    """Say whether an IP address is none of the public internet; False for a text that is no IP address."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return not (mapped or found).is_global


def public_only(host: str) -> Callable[[str, dict[str, Any]], None]:
    """Return a `trace` extension for a request of httpx that keeps it from being sent to a private address.

    It looks at where the connection has really led, so a name that changes its address between a look and the
    connection gains nothing. Behind a proxy, which alone knows the address, a host that is one itself is refused.

    Raises:
        PrivateAddress: from within the request, before a byte of it is sent.
    """
    if is_private(host):
        raise PrivateAddress(host)
    connecting_to = ""

    def follow(event: str, about: dict[str, Any]) -> None:
        nonlocal connecting_to
        if event == "connection.connect_tcp.started":
            connecting_to = str(about["host"])
        elif event == "connection.connect_tcp.complete" and connecting_to == host:
            stream = about["return_value"]
            if is_private(str(stream.get_extra_info("server_addr")[0])):
                stream.close()
                raise PrivateAddress(host)

    return follow
