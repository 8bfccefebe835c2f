"""Things made ahead."""

import threading
from collections.abc import Callable

import pytest

from promptlab.output.ahead import Ahead


def test_what_is_expected_is_made_before_anybody_asks() -> None:
    ahead, made = Ahead[str](), threading.Event()

    def make() -> str:
        made.set()
        return "made ahead"

    ahead.expect({1: make})
    assert made.wait(10)
    assert ahead.take(1, lambda: "made now") == "made ahead"
    assert ahead.take(1, lambda: "made now") == "made ahead", "it is kept as long as it is expected"


def test_what_was_not_expected_or_not_begun_is_made_now() -> None:
    ahead, begun, goes_on = Ahead[str](), threading.Event(), threading.Event()

    def long() -> str:
        begun.set()
        goes_on.wait(10)
        return "long"

    ahead.expect({1: long, 2: lambda: "made ahead"})
    begun.wait(10)
    assert ahead.take(2, lambda: "made now") == "made now"
    assert ahead.take(3, lambda: "made now") == "made now"
    goes_on.set()
    assert ahead.take(1, lambda: "made now") == "long"


def test_what_is_not_expected_any_more_is_let_go() -> None:
    ahead: Ahead[str] = Ahead()
    ahead.expect({1: lambda: "made ahead"})
    ahead.expect({})
    assert ahead.take(1, lambda: "made now") == "made now"


def test_what_goes_wrong_is_met_by_whoever_takes_it() -> None:
    """And what comes after it is made all the same."""
    ahead: Ahead[str] = Ahead()
    done: list[int] = []

    def fail() -> str:
        done.append(1)
        raise ValueError("broken")

    wait: Callable[[], str] = lambda: "made ahead"  # noqa: E731
    ahead.expect({1: fail, 2: wait})
    with pytest.raises(ValueError, match="broken"):
        ahead.take(1, fail)
    assert ahead.take(2, wait) == "made ahead"
