"""Pictures in the loop of `promptlab rate`: drawn where the terminal says that it can, else links; played by a test."""

import pexpect
import pytest
from tests.fixtures.command_line import Promptlab
from tests.fixtures.rating_loop import Loop, ended, scores

_ASKED, _SIXEL, _KITTY, _BLOCK = "\x1b[c", "\x1bP", "\x1b_G", "▀"
_CAN_SIXEL, _CANNOT = "\x1b[?62;4;22c", "\x1b[?62;22c"


def until_asked(child: "pexpect.spawn[str]") -> str:
    """Return what is shown until the first item waits for a key."""
    child.expect("Item 1 of 3")
    before = str(child.before)
    child.expect("q quit")
    return before + str(child.before)


def test_a_terminal_with_sixel_is_drawn_on_without_being_asked_to(
    promptlab: Promptlab, three: list[int], loop: Loop
) -> None:
    """One picture after the other, each with its caption; the addresses are left to the viewer."""
    child = loop()
    child.expect_exact(_ASKED)
    child.send(_CAN_SIXEL)
    shown = until_asked(child)
    assert _SIXEL in shown
    assert "image" in shown
    assert "file://" not in shown
    for place in (2, 3):
        child.send("4")
        child.expect(f"Item {place} of 3")
        child.expect_exact(_SIXEL)
        child.expect("q quit")
    child.send("q")
    assert ended(child) == 0
    assert scores(promptlab) == [4.0, 4.0, None]


def test_kittys_graphics_are_known_by_the_terminals_name(three: list[int], loop: Loop) -> None:
    shown = until_asked(loop(TERM="xterm-kitty"))
    assert _KITTY in shown
    assert _ASKED not in shown


@pytest.mark.parametrize("answer", [_CANNOT, ""], ids=["a terminal without", "one that says nothing"])
def test_a_terminal_that_cannot_has_links(three: list[int], loop: Loop, answer: str) -> None:
    """Nobody waits for long where there is no answer, and one that comes late is no key."""
    child = loop()
    child.expect_exact(_ASKED)
    child.send(answer)
    shown = until_asked(child)
    assert "file://" in shown
    assert not {_SIXEL, _BLOCK}.intersection(shown)
    child.send(_CAN_SIXEL)
    child.send("\x1b[6;20;10t")
    child.send("?")
    child.expect("1 failed, 2 poor")
    assert "does nothing" not in str(child.before)


@pytest.mark.parametrize(
    "environment", [{"TMUX": "/tmp/tmux-0/default,1,0"}, {"TERM": "screen-256color"}, {"NO_COLOR": "1"}]
)
def test_a_terminal_that_would_answer_for_another_is_not_asked(
    three: list[int], loop: Loop, environment: dict[str, str]
) -> None:
    shown = until_asked(loop(**environment))
    assert "file://" in shown
    assert _ASKED not in shown
    assert _BLOCK not in shown


@pytest.mark.parametrize("environment", [{}, {"TMUX": "/tmp/tmux-0/default,1,0", "TERM": "tmux-256color"}])
def test_half_blocks_are_drawn_when_they_are_asked_for(
    three: list[int], loop: Loop, environment: dict[str, str]
) -> None:
    shown = until_asked(loop("--preview", **environment))
    assert _BLOCK in shown
    assert "file://" not in shown


def test_where_nothing_can_be_drawn_asking_for_it_is_answered(three: list[int], loop: Loop) -> None:
    child = loop("--preview", NO_COLOR="1")
    child.expect("No pictures can be drawn here; the links open them.")
    child.expect("file://")


def test_a_picture_that_is_gone_is_said_and_the_loop_goes_on(
    promptlab: Promptlab, three: list[int], loop: Loop
) -> None:
    """Also where it was to be drawn ahead."""
    from pathlib import Path

    [image] = promptlab("generation", "show", three[1], "--json").json["outputs"]
    Path(image["url"].removeprefix("file://")).unlink()
    child = loop("--preview")
    until_asked(child)
    child.send("4")
    child.expect("Item 2 of 3")
    child.expect("is no longer in the storage")
    child.expect("file://")
    child.expect("q quit")
    child.send("s")
    child.expect("Item 3 of 3")
    child.expect_exact(_BLOCK)
