"""Two raters in two terminals at once, on both databases."""

import signal
from typing import Any

import pytest
from tests.fixtures.command_line import Promptlab
from tests.fixtures.rating_loop import Loop


@pytest.fixture
def migrated(place: str, promptlab: Promptlab) -> None:
    if place != "sqlite and a folder":
        promptlab("db", "upgrade")


def said(promptlab: Promptlab, rater: str) -> list[int]:
    """Return the scores that a rater has given, in order."""
    found: list[dict[str, Any]] = [
        rating
        for item in promptlab("generation", "list", "--json").json["items"]
        for rating in promptlab("generation", "show", item["id"], "--json").json["ratings"]
        if rating["rater"] == rater
    ]
    return [rating["score"] for rating in sorted(found, key=lambda rating: str(rating["created_at"]))]


@pytest.mark.usefixtures("migrated")
def test_nothing_is_lost_when_one_is_killed_and_undo_is_each_ones_own(
    promptlab: Promptlab, sketch_version: int, loop: Loop
) -> None:
    promptlab("generate", "--prompt-version", sketch_version, "--var", "subject=fox", "--draws", "4")
    ana, ben = (loop("--rater", name) for name in ("ana", "ben"))
    for child in (ana, ben):
        child.expect("Item 1 of 4")
        child.expect("q quit")
    for key, place in (("5", 2), ("4", 3), ("u", 2), ("3", 3)):
        for child, pressed in ((ana, key), (ben, key if key == "u" else str(6 - int(key)))):
            child.send(pressed)
            child.expect(f"Item {place} of 4")
            child.expect("q quit")
    ana.send("1")
    ana.expect("Item 4 of 4")
    ana.kill(signal.SIGKILL)
    ben.send("u")
    ben.expect("Undone")
    ben.expect("q quit")
    ben.send("q")
    assert said(promptlab, "ana") == [5, 3, 1]
    assert said(promptlab, "ben") == [1]
    ana = loop("--rater", "ana")
    ana.expect("Item 1 of 1")


@pytest.mark.usefixtures("migrated")
def test_what_a_rater_has_rated_elsewhere_since_is_not_undone(
    promptlab: Promptlab, sketch_version: int, loop: Loop
) -> None:
    """Undo takes back what this session has given, and nothing else."""
    promptlab("generate", "--prompt-version", sketch_version, "--var", "subject=fox", "--draws", "2")
    child = loop("--rater", "ana")
    child.expect("q quit")
    child.send("5")
    child.expect("Item 2 of 2")
    child.expect("q quit")
    for item in promptlab("generation", "list", "--json").json["items"]:
        if item["result_rating"]:
            promptlab("rate", item["id"], "--score", 2, "--rater", "ana")
    child.send("u")
    child.expect("You have rated it elsewhere since, and that rating stands.")
    child.expect("Item 1 of 2")
    child.expect("q quit")
    child.send("q")
    assert said(promptlab, "ana") == [2]
