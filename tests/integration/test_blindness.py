"""Blind means blind: nothing that a rater is shown tells where an image comes from or what others say of it."""

import json
import re
import sys
from collections.abc import Iterable
from io import StringIO
from pathlib import Path

import pexpect
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from tests.fixtures.command_line import Promptlab, png
from tests.fixtures.rating_loop import Loop, ended
from tests.openai_server import OpenAIServer

TELLING = (
    *("zebra", "@1", "@2", "version", "prompt_", "'prompt'", '"prompt"', "secret", "hush"),  # the prompt
    *("openai", "gpt-image", "provider", "model", "quality"),  # what made it
    *("mallory", "4.0", "result_rating", "ratings", "too yellow", "yellowish", 'score"', 'poor"'),  # what others say
    *("input-of-zebra", "case-of-zebra"),  # what its files and cases are called
)
"""Words that stand for all of it. The prompt, its cases, its inputs and its other rater are named to be found."""


@pytest.fixture
def contest(promptlab: Promptlab, openai_environment: OpenAIServer, tmp_path: Path) -> None:
    """Two versions of a prompt with an input image; another rater has rated one image of each."""
    (tmp_path / "input-of-zebra.png").write_bytes(png())
    Path("zebra.csv").write_text("key,subject,input\ncase-of-zebra,secret,input-of-zebra.png\n")
    for text in ("hush, a {{ subject }}", "hush hush, a {{ subject }}"):
        promptlab(
            *("prompt", "create", "zebra", "--user", text, "--system", "secret", "--provider", "openai"),
            *("--model", "gpt-image-2", "--param", "quality=low", "--description", "secret"),
        )
    both = ("--prompt-version", "zebra@1", "--prompt-version", "zebra@2")
    promptlab("batch", "run", *both, "--cases", "zebra.csv", "--draws", "2", "--allow-unpriced")
    for generation in promptlab("generation", "list", "--json").json["items"][:2]:
        said = ("--note", "too yellow", "--tag", "yellowish", "--rater", "mallory")
        promptlab("rate", generation["id"], "--score", 4, *said)


def assert_blind(shown: str, *, allowed: Iterable[str] = ()) -> None:
    """Look for all telling words but those that the person has typed themselves."""
    for word in allowed:
        shown = shown.replace(word, "")
    assert [word for word in TELLING if word.lower() in shown.lower()] == [], shown


def shown_by(child: "pexpect.spawn[str]", steps: Iterable[tuple[str, str]]) -> str:
    """Return everything that a session shows: keys are pressed, and of each is known what it leads to."""
    screen = StringIO()
    child.logfile_read = screen
    child.expect("q quit")
    for key, shown in steps:
        child.send(key)
        child.expect(shown)
    ended(child)
    return screen.getvalue()


@pytest.mark.usefixtures("contest")
@pytest.mark.parametrize("mine", [(), ("--mine", "--rater", "ana")])
def test_the_queue_is_blind(promptlab: Promptlab, mine: tuple[str, ...]) -> None:
    """Also what scripts get of it, which has just these keys."""
    ran = promptlab("queue", *mine, "--json")
    assert_blind(ran.out + ran.err)
    assert len(ran.json["items"]) == (4 if mine else 2)
    for item in ran.json["items"]:
        assert set(item) == {"id", "created_at", "inputs", "outputs"}
    ran = promptlab("queue", *mine)
    assert_blind(ran.out + ran.err)


@pytest.mark.usefixtures("contest")
@pytest.mark.parametrize("preview", [(), ("--preview",)])
@pytest.mark.parametrize("columns", [40, 80, 200])
def test_the_loop_is_blind(loop: Loop, preview: tuple[str, ...], columns: int) -> None:
    """Whatever key is pressed: help, the viewer that is missing, a rating and its undoing, the end."""
    steps = (
        *(
            ("?", "q quit"),
            ("o", "No viewer was found"),
            ("x", "does nothing"),
            ("n", "cancels.: "),
            ("fine\r", "fine"),
        ),
        *(("5", "q quit"), ("u", "q quit"), ("s", "q quit"), ("4", "q quit"), ("3", "q quit"), ("4", "the last one")),
        *(("u", "q quit"), ("q", "2 rated")),
    )
    shown = shown_by(loop(*preview, columns=columns, PATH=""), steps)
    assert "Item 4 of 4" in shown
    assert_blind(shown)


@pytest.mark.usefixtures("contest")
@pytest.mark.parametrize("preview", [(), ("--preview",)])
def test_voting_is_blind(loop: Loop, preview: tuple[str, ...]) -> None:
    """Of the versions only what was typed is shown, in the command that goes on."""
    steps = (
        *(("?", "q quit"), ("o", "No viewer was found"), ("x", "does nothing"), ("l", "q quit"), ("u", "q quit")),
        *(("r", "q quit"), ("\x03", "1 vote")),
    )
    shown = shown_by(loop("zebra@1", "zebra@2", *preview, command="vote", PATH="", columns=120), steps)
    assert "Go on with: promptlab vote zebra@1 zebra@2" in shown
    assert_blind(shown, allowed=["promptlab vote zebra@1 zebra@2"])


@pytest.mark.usefixtures("contest")
def test_a_rating_tells_its_rater_nothing_about_others(promptlab: Promptlab) -> None:
    newest = promptlab("generation", "list", "--json").json["items"][0]["id"]
    ran = promptlab("rate", newest, "--score", 1, "--rater", "ana", "--json")
    assert {key: ran.json[key] for key in ("rater", "score", "note")} == {"rater": "ana", "score": 1, "note": None}
    assert not re.search("mallory|yellow|zebra|openai", json.dumps(ran.json) + ran.err)


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which a viewer, the only program there is, keeps the address and the picture that it was given."""
    (tmp_path / "bin").mkdir()
    opener = tmp_path / "bin" / "xdg-open"
    opener.write_text(f'#!/bin/sh\necho "$1" > {tmp_path}/address\n/bin/cp "${{1#file://}}" {tmp_path}/opened.png\n')
    opener.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path


def open_first(child: "pexpect.spawn[str]") -> None:
    """Open what is shown first, and quit."""
    for key, shown in (("", "q quit"), ("o", ""), ("?", "open the pictures"), ("", "q quit"), ("q", "0 rated")):
        child.send(key)
        child.expect(shown)
    assert ended(child) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="xdg-open is the opener of a Linux desktop")
@pytest.mark.usefixtures("contest")
def test_the_sheet_for_a_viewer_is_blind(loop: Loop, opened: Path) -> None:
    """Image and input in one picture, under a name and without text inside that could tell."""
    open_first(loop())
    assert_blind((opened / "address").read_text())
    with Image.open(opened / "opened.png") as sheet:
        assert sheet.info == {}


@pytest.mark.skipif(sys.platform != "linux", reason="xdg-open is the opener of a Linux desktop")
def test_what_a_service_writes_into_its_files_is_not_opened(
    promptlab: Promptlab, three: list[int], loop: Loop, opened: Path
) -> None:
    """As ComfyUI and AUTOMATIC1111 do: the prompt, in a chunk of the PNG, which some viewers show."""
    for id_ in three:
        [image] = promptlab("generation", "show", id_, "--json").json["outputs"]
        file = Path(image["url"].removeprefix("file://"))
        with Image.open(file) as picture:
            text = PngInfo()
            text.add_text("parameters", "hush, a secret zebra")
            picture.save(file, pnginfo=text)
    open_first(loop())
    with Image.open(opened / "opened.png") as picture:
        assert picture.info == {}
        assert picture.size == (768, 768)
    assert b"zebra" not in (opened / "opened.png").read_bytes()
