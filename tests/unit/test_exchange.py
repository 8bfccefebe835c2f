"""Every request ends in its own time, whatever else is in flight."""

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from promptlab.adapters.ai.http_exchange import Exchange

LONG, SHORT = 600.0, 0.05


class Stream:
    """A connection as httpx hands it over, to a server that says nothing."""

    def __init__(self) -> None:
        self.ours, self.theirs = socket.socketpair()
        self.ours.settimeout(10)

    def get_extra_info(self, _name: str) -> socket.socket:
        return self.ours


@pytest.fixture
def streams() -> Iterator[list[Stream]]:
    made = [Stream() for _ in range(4)]
    yield made
    for stream in made:
        stream.ours.close()
        stream.theirs.close()


def begin(exchange: Exchange, stream: Stream) -> None:
    exchange.follow("connection.connect_tcp.started", {})
    exchange.follow("connection.connect_tcp.complete", {"return_value": stream})


def is_open(stream: Stream) -> bool:
    stream.theirs.sendall(b"x")
    return stream.ours.recv(1) == b"x"


def test_one_with_less_time_is_cut_before_those_that_began_earlier(streams: list[Stream]) -> None:
    first, second, third, _ = streams
    with Exchange(LONG) as patient, Exchange(SHORT) as hasty, Exchange(LONG) as other:
        begin(patient, first)
        begin(hasty, second)
        begin(other, third)
        assert second.ours.recv(1) == b"", "the waiting ends"
        assert hasty.late
        assert not patient.late
        assert is_open(first)
        assert is_open(third)


def test_those_that_are_late_together_are_all_cut(streams: list[Stream]) -> None:
    with ExitStack() as stack:
        for stream in streams:
            begin(stack.enter_context(Exchange(SHORT)), stream)
        assert [stream.ours.recv(1) for stream in streams] == [b""] * 4


def test_one_that_has_ended_in_time_is_left_alone(streams: list[Stream]) -> None:
    first, second, *_ = streams
    with Exchange(SHORT) as quick:
        begin(quick, first)
    with Exchange(2 * SHORT) as slower:
        begin(slower, second)
        assert second.ours.recv(1) == b"", "by then the first one's time is up, too"
    assert is_open(first)


def test_a_connection_that_comes_when_the_time_is_up_is_cut_at_once(streams: list[Stream]) -> None:
    with Exchange(0.0) as exchange:
        begin(exchange, streams[0])
        assert streams[0].ours.recv(1) == b""


def test_requests_share_the_thread_that_watches_them(streams: list[Stream]) -> None:
    with ExitStack() as stack:
        for stream in streams:
            begin(stack.enter_context(Exchange(LONG)), stream)
        names = [thread.name for thread in threading.enumerate()]
    assert names.count("promptlab-deadlines") == 1
