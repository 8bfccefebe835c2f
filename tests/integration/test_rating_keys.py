"""Keys and lines of text in the loop of `promptlab rate`, and what it shows, in a real terminal."""

import re

import pexpect
import pytest
from tests.fixtures.command_line import Promptlab
from tests.fixtures.rating_loop import Loop, ended, scores

_UP, _DELETE, _F1_OF_A_CONSOLE, _ALT_4 = "\x1b[A", "\x1b[3~", "\x1b[[A", "\x1b4"
_UNKNOWN = r"That key does nothing here\. \? shows the keys\."


def noted(child: "pexpect.spawn[str]", *typed: str) -> None:
    """Ask for the note prompt and type."""
    child.expect("q quit")
    child.send("n")
    child.expect(r"Note \(Esc cancels\): ")
    for keys in typed:
        child.send(keys)


@pytest.mark.parametrize("key", [_UP, _DELETE, _F1_OF_A_CONSOLE, _ALT_4, "\x1b", "x", "é", "\x1a"])
def test_a_key_without_a_meaning_is_answered_once_and_in_words(
    promptlab: Promptlab, three: list[int], loop: Loop, key: str
) -> None:
    child = loop()
    child.expect("q quit")
    child.send(key)
    child.expect(_UNKNOWN)
    child.send("?")
    child.expect("q quit")
    assert "does nothing" not in str(child.before)
    assert "\\x1b" not in str(child.before)
    child.send("4")
    child.expect("Item 2 of 3")
    assert scores(promptlab) == [4.0, None, None]


def test_a_key_that_comes_in_two_parts_is_one_key(promptlab: Promptlab, three: list[int], loop: Loop) -> None:
    """As over a slow line: `4` is the end of a sequence here, and no score."""
    child = loop()
    child.expect("q quit")
    child.delaybeforesend = None
    child.send("\x1b[")
    child.send("14~")
    child.expect(_UNKNOWN)
    child.send("s")
    child.expect("Item 2 of 3")
    assert scores(promptlab) == [None, None, None]


@pytest.mark.parametrize("cancel", ["\x1b", "\x03", "\x04"], ids=["Esc", "Ctrl-C", "Ctrl-D"])
def test_a_note_can_be_cancelled(promptlab: Promptlab, three: list[int], loop: Loop, cancel: str) -> None:
    """The loop goes on, and what was typed is forgotten."""
    child = loop()
    noted(child, "five", cancel)
    child.expect("Cancelled. With your score, 1 to 5: no note; no tags")
    child.send("4")
    child.expect("Item 2 of 3")
    [rating] = promptlab("generation", "show", three[0], "--json").json["ratings"]
    assert (rating["score"], rating["note"]) == (4, None)


def test_a_cancelled_note_leaves_the_one_before(three: list[int], loop: Loop) -> None:
    child = loop()
    noted(child, "fine\r")
    child.expect("score, 1 to 5: .*fine")
    child.send("n")
    child.expect(r"cancels\): ")
    child.send("bad\x1b")
    child.expect('Cancelled. With your score, 1 to 5: note "fine"; no tags')


def test_a_second_interruption_ends_the_loop(three: list[int], loop: Loop) -> None:
    child = loop()
    noted(child, "five")
    child.sendintr()
    child.expect("Cancelled")
    child.sendintr()
    child.expect("Go on with: promptlab rate")
    assert ended(child) == 130


@pytest.mark.parametrize(
    ("typed", "note"),
    [
        ("sö ok\x7f\x7fno\r", "sö no"),
        (f"a{_UP}b{_DELETE}c\r", "abc"),
        ("one two \x17six\r", "one six"),
        ("all wrong\x15fine\r", "fine"),
        ("a\tb\r5", "a b"),
        ("a long one " * 20 + "\x17" * 55 + "that ends\r", "a long one a long that ends"),
    ],
    ids=["backspace", "arrows", "word", "line", "a paste with a line too many", "over several lines"],
)
def test_a_line_is_edited_while_it_is_typed(
    promptlab: Promptlab, three: list[int], loop: Loop, typed: str, note: str
) -> None:
    """What keys delete is gone, keys without a meaning add nothing, and what follows the line is no score."""
    child = loop(columns=200)
    noted(child, typed)
    child.expect_exact(f'With your score, 1 to 5: note "{note}"; no tags')
    assert scores(promptlab) == [None, None, None]
    child.send("4")
    child.expect("Item 2 of 3")
    [rating] = promptlab("generation", "show", three[0], "--json").json["ratings"]
    assert rating["note"] == note


@pytest.mark.parametrize("columns", [50, 80, 120])
@pytest.mark.parametrize("environment", [{}, {"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=["", "NO_COLOR", "dumb"])
def test_the_address_is_whole_at_any_width(
    promptlab: Promptlab, three: list[int], loop: Loop, columns: int, environment: dict[str, str]
) -> None:
    """Folded where the line ends, and a link where the terminal can."""
    is_dumb = environment.get("TERM") == "dumb"
    address = promptlab("generation", "show", three[0], "--json").json["outputs"][0]["url"]
    child = loop(columns=columns, **environment)
    child.expect("q quit")
    shown = str(child.before)
    links = set(re.findall(r"\x1b\]8;[^;]*;([^\x1b]+)\x1b", shown))
    assert links == (set() if is_dumb else {address})
    text = re.sub(r"\x1b\]8;.*?\x1b\\|\x1b\[[\d;]*m", "", shown)
    assert address in "".join(text.split())
    # Nobody knows the width of a dumb terminal, which breaks lines by itself.
    assert is_dumb or max(len(line) for line in text.splitlines()) <= columns
