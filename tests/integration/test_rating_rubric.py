"""Criteria and tags in the loop of `promptlab rate`, one key each, in a real terminal."""

from pathlib import Path
from typing import Any

import pytest
from tests.fixtures.command_line import Promptlab
from tests.fixtures.rating_loop import Loop, ended

RUBRIC = """
[rubric]
overall = "Would I put it up?"
tags = ["hands", "text"]

[rubric.criteria]
likeness = "Is it the fox?"
light = "Is it well lit?"
mood = "Is it merry?"
"""


@pytest.fixture(autouse=True)
def rubric(tmp_path: Path) -> None:
    (tmp_path / "promptlab.toml").write_text(RUBRIC)


def said_of(promptlab: Promptlab, generation_id: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = promptlab("generation", "show", generation_id, "--json").json["ratings"]
    return found


def test_criteria_are_asked_in_turn_one_key_each(promptlab: Promptlab, three: list[int], loop: Loop) -> None:
    """One may be passed over, and gone back to; the overall score is one key more."""
    child = loop()
    child.expect_exact("Would I put it up?")
    child.expect("1-5 score  c criteria  t tags")
    child.expect("q quit")
    for key, shown in (
        ("c", "likeness: Is it the fox"), ("6", "1 to 5, Enter, u or Esc.*likeness"),
        ("4", "4 good.*light: Is it well lit"),
        ("u", "likeness .4.: Is it the fox"),
        ("5", "5 excellent.*light"), ("\r", "mood: Is it merry"), ("2", "no note; no tags; likeness 5, mood 2"),
        ("3", "Item 2 of 3"),
    ):  # fmt: skip
        child.send(key)
        child.expect(f"(?s){shown}")
    [rating] = said_of(promptlab, three[0])
    assert (rating["score"], rating["criteria"]) == (3, {"likeness": 5, "mood": 2})
    child.expect("q quit")
    child.send("4")
    child.expect("Item 3 of 3")
    assert said_of(promptlab, three[1])[0]["criteria"] == {}, "the overall score alone is one key"
    child.expect("q quit")
    for key, shown in (("c", "likeness"), ("1", "light"), ("\x1b", "likeness 1"), ("c", "likeness"), ("q", "2 rated")):
        child.send(key)
        child.expect(shown)
    assert ended(child) == 0


def test_tags_are_switched_by_one_key_each(promptlab: Promptlab, three: list[int], loop: Loop) -> None:
    """And a score ends the menu, being one."""
    child = loop()
    child.expect("q quit")
    for key, shown in (
        ("t", "a hands  b text  Enter ends"), ("a", "tags hands"), ("b", "tags hands, text"), ("a", "tags text"),
        ("\r", "no note; tags text"), ("t", "Enter ends"), ("a", "tags text, hands"), ("2", "Item 2 of 3"),
    ):  # fmt: skip
        child.send(key)
        child.expect(shown)
    [rating] = said_of(promptlab, three[0])
    assert (rating["score"], rating["tags"]) == (2, ["hands", "text"])
    child.close(force=True)


def test_undo_brings_criteria_and_tags_back(promptlab: Promptlab, three: list[int], loop: Loop) -> None:
    child = loop()
    child.expect("q quit")
    for key, shown in (
        ("c", "likeness"), ("4", "light"), ("\x1b", "likeness 4"), ("t", "ends"), ("b", "tags text"),
        ("1", "Item 2 of 3"), ("u", "Undone. Note, tags and criteria are kept"),
    ):  # fmt: skip
        child.expect("q quit") if key == "u" else None
        child.send(key)
        child.expect(shown)
    child.expect("no note; tags text; likeness 4")
    child.expect("q quit")
    assert said_of(promptlab, three[0]) == []
    child.send("5")
    child.expect("Item 2 of 3")
    [rating] = said_of(promptlab, three[0])
    assert (rating["score"], rating["tags"], rating["criteria"]) == (5, ["text"], {"likeness": 4})
    child.close(force=True)


def test_the_keys_are_explained_with_what_the_criteria_are(three: list[int], loop: Loop) -> None:
    child = loop()
    child.expect("q quit")
    child.send("?")
    child.expect("1 failed, 2 poor, 3 acceptable, 4 good, 5 excellent")
    child.expect("a score for each of likeness, light, mood")
    child.expect("q quit")
    child.close(force=True)


def test_keys_out_of_a_pipe_do_the_same(
    promptlab: Promptlab, three: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    from io import StringIO

    monkeypatch.setattr("sys.stdin", StringIO("c4s1 tb. 5"))
    promptlab("rate")
    [rating] = said_of(promptlab, three[0])
    assert (rating["score"], rating["tags"], rating["criteria"]) == (5, ["text"], {"likeness": 4, "mood": 1})
