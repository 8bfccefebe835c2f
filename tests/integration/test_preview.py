"""`--preview`: pictures in the terminal where it can draw them, links everywhere."""

import os
import re
import sys
from pathlib import Path

import pexpect
import pytest
from tests.fixtures.command_line import Promptlab

BUY = ("generate", "--prompt-version", "poster", "--var", "subject=fox", "--preview")


def on_terminal(folder: Path, *arguments: str, **environment: str) -> str:
    child: pexpect.spawn[str] = pexpect.spawn(
        sys.executable, ["-m", "promptlab", *arguments],
        cwd=str(folder), env={**os.environ, "TERM": "xterm-256color", **environment},
        encoding="utf-8", timeout=60, dimensions=(40, 80),
    )  # fmt: skip
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0, child.before
    return str(child.before)


@pytest.mark.usefixtures("sketch_version")
def test_a_terminal_shows_the_picture_beside_its_input(tmp_path: Path, picture: Path) -> None:
    shown = on_terminal(tmp_path, *BUY, "--input", str(picture))
    assert "▀" in shown
    assert "input" in shown
    assert "succeeded" in shown


@pytest.mark.usefixtures("sketch_version")
def test_a_caption_says_which_generation_and_which_image(tmp_path: Path, picture: Path) -> None:
    shown = on_terminal(tmp_path, *BUY, "--draws", "2", "--input", str(picture), "--input", str(picture))
    for caption in ("input 1 of 2", "input 2 of 2", "generation 1: image", "generation 2: image"):
        assert caption in shown
    shown = on_terminal(tmp_path, *BUY, "--count", "2")
    for caption in ("generation 3: image 1 of 2", "generation 3: image 2 of 2"):
        assert caption in shown


@pytest.mark.usefixtures("sketch_version")
@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_a_terminal_that_cannot_draw_shows_the_link(tmp_path: Path, environment: dict[str, str]) -> None:
    shown = on_terminal(tmp_path, *BUY, **environment)
    assert "▀" not in shown
    assert "the links open them" in shown


@pytest.mark.usefixtures("sketch_version")
def test_a_terminal_that_cannot_follow_links_has_a_way_to_the_images(tmp_path: Path) -> None:
    """A table has room for a name only; how to see more is said, and `generation show` has the whole address."""
    shown = on_terminal(tmp_path, *BUY[:-1])
    assert "`promptlab generation open 1` opens them" in shown
    assert "`promptlab generation show 1` has the whole address" in " ".join(shown.split())
    [image] = (tmp_path / "promptlab" / "images").rglob("*.png")
    details = re.sub(r"\x1b\][^\x1b]*\x1b\\|\x1b\[[\d;]*m|\s", "", on_terminal(tmp_path, "generation", "show", "1"))
    assert image.as_uri() in details
    assert "size768x768" in details
    assert "generation open" not in on_terminal(tmp_path, "--quiet", *BUY[:-1])


@pytest.mark.usefixtures("sketch_version")
def test_where_stdout_is_no_terminal_there_are_links_alone(promptlab: Promptlab) -> None:
    ran = promptlab(*BUY)
    assert "file:///" in ran.out
    assert "▀" not in ran.out
    assert "the links open them" in ran.err
    promptlab("generation", "show", 1, "--preview", "--json")
