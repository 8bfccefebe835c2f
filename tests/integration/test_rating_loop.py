"""The loop of `promptlab rate`, in a real terminal."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pexpect
import pytest
from tests.fixtures.command_line import Promptlab

Loop = Callable[..., "pexpect.spawn[str]"]


@pytest.fixture
def three(promptlab: Promptlab, sketch_version: int) -> list[int]:
    """Three generations that wait for a rating."""
    made = promptlab(
        *("generate", "--prompt-version", sketch_version, "--var", "subject=fox", "--draws", "3", "--json")
    ).json
    return [item["id"] for item in made["items"]]


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[Loop]:
    """Starts `promptlab rate` in a pseudo-terminal."""
    started: list[pexpect.spawn[str]] = []

    def start(*arguments: str) -> "pexpect.spawn[str]":
        environment = {**os.environ, "TERM": "xterm-256color", "PROMPTLAB_RATER": "ana"}
        child = pexpect.spawn(
            sys.executable, ["-m", "promptlab", "rate", *arguments],
            cwd=str(tmp_path), env=environment, encoding="utf-8", timeout=30, dimensions=(24, 80),
        )  # fmt: skip
        started.append(child)
        return child

    yield start
    for child in started:
        child.close(force=True)


def scores(promptlab: Promptlab) -> list[float | None]:
    items = promptlab("generation", "list", "--json").json["items"]
    return [item["result_rating"] for item in reversed(items)]


def ended(child: "pexpect.spawn[str]") -> int | None:
    child.expect(pexpect.EOF)
    child.wait()
    status: int | None = child.exitstatus
    return status


def test_one_key_is_one_rating(promptlab: Promptlab, three: list[int], loop: Loop) -> None:
    """The loop walks the queue and ends with it."""
    child = loop()
    for place, key in enumerate("524", start=1):
        child.expect(f"Item {place} of 3")
        child.expect("q quit")
        child.send(key)
    child.expect("That was the last one")
    child.expect("3 rated")
    assert ended(child) == 0
    assert scores(promptlab) == [5.0, 2.0, 4.0]


def test_two_keys_at_once_are_no_score(promptlab: Promptlab, three: list[int], loop: Loop) -> None:
    """A slow line delivers them together; a rating that nobody meant is worse than none."""
    child = loop()
    child.expect("q quit")
    child.send("45")
    child.expect("'45' is no key here")
    child.expect("q quit")
    child.send("q")
    assert ended(child) == 0
    assert scores(promptlab) == [None, None, None]


def test_blind_means_blind(three: list[int], loop: Loop) -> None:
    """Nothing on the screen tells the version, the model, the prompt or another's score."""
    child = loop()
    child.expect("Item 1 of 3")
    child.expect("q quit")
    child.send("q")
    child.expect("0 rated")
    shown = str(child.before)
    child.close()
    for word in ("poster", "sketch", "fox", "@1"):
        assert word not in shown


def test_open_shows_where_an_item_comes_from(three: list[int], loop: Loop) -> None:
    child = loop("--open")
    child.expect("poster@1")
    child.expect("a poster of fox")
    child.expect("q quit")
    child.send("q")
    assert ended(child) == 0


def test_undo_takes_the_last_rating_back_and_shows_its_item_again(
    promptlab: Promptlab, three: list[int], loop: Loop
) -> None:
    child = loop()
    child.expect("Item 1 of 3")
    child.expect("q quit")
    child.send("1")
    child.expect("Item 2 of 3")
    child.expect("q quit")
    child.send("u")
    child.expect("Undone")
    child.expect("Item 1 of 3")
    child.expect("q quit")
    child.send("5")
    child.expect("Item 2 of 3")
    child.expect("q quit")
    child.send("q")
    assert ended(child) == 0
    assert scores(promptlab) == [5.0, None, None]


def test_notes_and_tags_belong_to_the_score_that_follows(
    promptlab: Promptlab, three: list[int], loop: Loop, tmp_path: Path
) -> None:
    child = loop()
    child.expect("q quit")
    child.send("n")
    child.expect("Note: ")
    child.sendline("six fingers, so no")
    child.send("t")
    child.expect("Tags")
    child.sendline("hands, text")
    child.send("2")
    child.expect("Item 2 of 3")
    child.expect("q quit")
    child.send("3")
    child.expect("Item 3 of 3")
    child.expect("q quit")
    child.send("q")
    assert ended(child) == 0
    again = promptlab("rate", three[0], "--score", 2, "--rater", "ben", "--json").json
    assert again["note"] is None
    exported = promptlab("generation", "show", three[0], "--json").json
    assert exported["result_rating"] == 2.0


def test_skipped_items_come_back_the_next_time(promptlab: Promptlab, three: list[int], loop: Loop) -> None:
    child = loop()
    for key in "s3s":
        child.expect("q quit")
        child.send(key)
    child.expect("1 rated")
    assert ended(child) == 0
    assert scores(promptlab) == [None, 3.0, None]
    child = loop()
    child.expect("Item 1 of 2")
    child.close(force=True)


@pytest.mark.parametrize("how", ["interrupt", "kill", "hang up"])
def test_a_rating_that_was_given_survives(promptlab: Promptlab, three: list[int], loop: Loop, how: str) -> None:
    """It is committed when the key goes down, whatever ends the session."""
    child = loop()
    child.expect("q quit")
    child.send("4")
    child.expect("Item 2 of 3")
    child.expect("q quit")
    if how == "interrupt":
        child.sendintr()
        child.expect("1 rated")
        assert ended(child) == 130
    else:
        child.close(force=how == "kill")
    assert scores(promptlab) == [4.0, None, None]


def test_each_rater_walks_what_they_have_not_rated(promptlab: Promptlab, three: list[int], loop: Loop) -> None:
    promptlab("rate", three[0], "--score", 3, "--rater", "ben")
    promptlab("rate", three[1], "--score", 3, "--rater", "ana")
    child = loop()
    child.expect("Item 1 of 2")
    child.close(force=True)
    waiting = promptlab("queue", "--mine", "--rater", "ana", "--json").json["items"]
    assert [item["id"] for item in waiting] == [three[0], three[2]]


def test_keys_may_come_through_a_pipe(promptlab: Promptlab, three: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """One character is one key, and the end of the input ends the loop."""
    from io import StringIO

    monkeypatch.setattr("sys.stdin", StringIO("5\n1\n"))
    promptlab("rate", "--rater", "ana")
    assert scores(promptlab) == [5.0, 1.0, None]


def test_one_generation_can_be_rated_by_key(promptlab: Promptlab, three: list[int], loop: Loop) -> None:
    child = loop(str(three[1]))
    child.expect("q quit")
    child.send("4")
    child.expect("1 rated")
    assert ended(child) == 0
    assert scores(promptlab) == [None, 4.0, None]
