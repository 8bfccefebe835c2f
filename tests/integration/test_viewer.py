"""Opening images with the desktop's viewer, and what is said where there is none."""

import json
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.fixtures.command_line import Promptlab
from tests.fixtures.rating_loop import Loop, ended

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="xdg-open is the opener of a Linux desktop")


@pytest.fixture
def opener(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A desktop's opener, as the only program there is; it shows nothing yet."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder / "xdg-open"


def does(opener: Path, *lines: str) -> None:
    opener.write_text("\n".join(("#!/bin/sh", "echo 'spoken by the viewer' >&2", *lines)) + "\n")
    opener.chmod(0o755)


def address_of(promptlab: Promptlab, generation_id: int) -> str:
    return str(promptlab("generation", "show", generation_id, "--json").json["outputs"][0]["url"])


def test_a_viewer_is_given_the_address(promptlab: Promptlab, three: list[int], opener: Path, tmp_path: Path) -> None:
    does(opener, f'echo "$1" > {tmp_path}/opened')
    ran = promptlab("generation", "open", three[0])
    address = address_of(promptlab, three[0])
    assert (tmp_path / "opened").read_text().strip() == ran.out.strip() == address


def test_a_viewer_that_stays_open_is_not_waited_for(promptlab: Promptlab, three: list[int], opener: Path) -> None:
    does(opener, "exec /bin/sleep 5")
    promptlab("generation", "open", three[0])


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (None, "No viewer was found."),
        (("exit 3",), "No viewer was found."),
        (("exit 4",), "The viewer failed: xdg-open ended with code 4."),
    ],
    ids=["no opener", "an opener without a viewer", "a viewer that fails"],
)
def test_without_a_viewer_the_address_is_given_and_the_code_says_so(
    promptlab: Promptlab, three: list[int], opener: Path, lines: tuple[str, ...] | None, says: str
) -> None:
    if lines is not None:
        does(opener, *lines)
    address = address_of(promptlab, three[0])
    ran = promptlab("generation", "open", three[0], "--json", code=4)
    error = ran.error
    assert (error["code"], error["message"]) == ("not_configured", f"{says} The address is {address}")
    assert "--preview" in error["hint"]
    assert json.loads(ran.out)["items"][0]["link"] == address


@pytest.mark.parametrize("command", [("generation", "open"), ("storage", "url")], ids=" ".join)
def test_a_file_that_is_gone_is_said_with_its_place(
    promptlab: Promptlab, three: list[int], opener: Path, tmp_path: Path, command: tuple[str, ...]
) -> None:
    """No viewer is started on nothing, and no address is printed as if it opened something."""
    does(opener, f"touch {tmp_path}/opened")
    address = address_of(promptlab, three[0])
    Path(urlsplit(address).path).unlink()
    ran = promptlab(*command, three[0], code=3)
    assert (ran.out, (tmp_path / "opened").exists()) == ("", False)
    assert f"Error: {address} is no longer in the storage." in " ".join(ran.err.split())


def test_the_loop_goes_on_without_a_viewer(promptlab: Promptlab, three: list[int], opener: Path, loop: Loop) -> None:
    """It is said each time somebody asks, and nothing of a viewer's own talk is on the screen."""
    does(opener, "exit 3")
    address = address_of(promptlab, three[0])
    child = loop()
    child.expect("q quit")
    for _ in range(2):
        child.send("o")
        child.expect_exact(f"No viewer was found. The address is\r\n{address}\r\n")
        assert "spoken" not in str(child.before)
    child.send("4")
    child.expect("Item 2 of 3")
    child.expect("q quit")
    child.send("q")
    assert ended(child) == 0
