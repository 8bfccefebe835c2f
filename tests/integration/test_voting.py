"""`promptlab vote`: two versions side by side, blind, one key a vote."""

import os
import sys
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from sqlmodel import col, select
from tests.fixtures.command_line import Promptlab
from tests.fixtures.factories import opening
from tests.fixtures.rating_loop import Loop, ended

from promptlab.db.models import Generation
from promptlab.db.opinions import Vote

Press = Callable[..., str]
_SUBJECTS = ("fox", "owl", "cat", "elk")


@pytest.fixture
def press(promptlab: Promptlab, monkeypatch: pytest.MonkeyPatch) -> Press:
    """Votes with keys out of a pipe."""

    def run(keys: str, *arguments: str, code: int = 0) -> str:
        monkeypatch.setattr("sys.stdin", StringIO(keys))
        return promptlab("vote", *(arguments or ("banner@1", "banner@2")), code=code).err

    return run


@pytest.fixture
def versions(promptlab: Promptlab) -> None:
    for prompt in ("a {{ subject }}", "a red {{ subject }}"):
        promptlab("prompt", "create", "banner", "--provider", "sketch", "--user", prompt)


@pytest.fixture
def contest(promptlab: Promptlab, versions: None) -> None:
    """Two versions on four cases, of one of them two draws; the second version has a case of its own."""
    Path("subjects.csv").write_text("subject\n" + "".join(f"{subject}\n" for subject in _SUBJECTS))
    both = ("--prompt-version", "banner@1", "--prompt-version", "banner@2")
    promptlab("batch", "run", *both, "--cases", "subjects.csv")
    for reference in ("banner@1", "banner@2", "banner@2"):
        promptlab("generate", "--prompt-version", reference, "--var", "subject=fox")
    promptlab("generate", "--prompt-version", "banner@2", "--var", "subject=yak")


def votes(rater: str | None = None) -> list[Vote]:
    url = os.environ.get("PROMPTLAB_DATABASE_URL") or f"sqlite:///{os.environ['PROMPTLAB_HOME']}/promptlab.db"
    with opening(url) as database, database.reading() as session:
        found = session.exec(select(Vote).order_by(col(Vote.id))).all()
    return [vote for vote in found if rater in {None, vote.rater}]


def generations() -> dict[int, Generation]:
    url = os.environ.get("PROMPTLAB_DATABASE_URL") or f"sqlite:///{os.environ['PROMPTLAB_HOME']}/promptlab.db"
    with opening(url) as database, database.reading() as session:
        return {row.id or 0: row for row in session.exec(select(Generation)).all()}


@pytest.fixture
def anywhere(place: str, promptlab: Promptlab) -> None:
    """On both databases."""
    if place != "sqlite and a folder":
        promptlab("db", "upgrade")


@pytest.mark.usefixtures("anywhere", "contest")
def test_a_vote_is_kept_at_once_and_not_asked_again(press: Press) -> None:
    """Four answers by four keys; another rater is asked about everything."""
    said = press("lR")
    assert "Pair 1 of 5" in said
    assert "2 votes." in said
    said = press("tbs")
    assert "Pair 1 of 3" in said
    assert [vote.answer.value for vote in votes()] == ["left", "right", "tie", "both_bad"]
    assert "Pair 1 of 1" in press("q")
    assert "Pair 1 of 5" in press("q", "banner@2", "banner@1", "--rater", "ben")
    press("l")
    assert "Nothing waits for a vote of yours." in press("l")


@pytest.mark.usefixtures("anywhere", "contest")
def test_a_pair_shows_both_versions_on_the_same_case(press: Press) -> None:
    """Draw by draw, as far as both have one; no pair is there the other way round for the same rater."""
    for rater in ("ana", "ben", "chi"):
        press("lllll", "banner@1", "banner@2", "--rater", rater)
        press("lllll", "banner@2", "banner@1", "--rater", rater)
    rows = generations()
    for rater in ("ana", "ben", "chi"):
        pairs = [(rows[vote.left_generation_id], rows[vote.right_generation_id]) for vote in votes(rater)]
        assert len(pairs) == 5
        assert all(left.case_id == right.case_id for left, right in pairs)
        assert all({left.prompt_version_id, right.prompt_version_id} == {1, 2} for left, right in pairs)
        assert len({left.case_id for left, _right in pairs}) == 4
    ways = [[(vote.left_generation_id, vote.right_generation_id) for vote in votes(rater)] for rater in ("ana", "ben")]
    assert [set(pair) for pair in ways[0]] == [set(pair) for pair in ways[1]], "everybody meets them in one order"
    assert {rows[vote.left_generation_id].prompt_version_id for vote in votes()} == {1, 2}, "sides are shuffled"


@pytest.mark.usefixtures("contest")
def test_undo_goes_back_over_the_whole_session(loop: Loop) -> None:
    """Also the last vote and skips; arrow keys are left and right."""
    child = loop("banner@1", "banner@2", command="vote")
    steps = (
        *((1, "\x1b[D"), (2, "\x1bOC"), (3, "s"), (4, "t"), (5, "b"), (0, "u"), (5, "u"), (4, "u"), (3, "u")),
        *((2, "l"), (3, "\x1b[C"), (4, "q")),
    )
    for place, key in steps:
        child.expect(f"Pair {place} of 5" if place else "That was the last one. u undo, q or Enter quit")
        child.expect("q quit" if place else "")
        child.send(key)
    child.expect("3 votes")
    assert ended(child) == 0
    assert [vote.answer.value for vote in votes()] == ["left", "left", "right"]
    assert all(vote.duration_ms is not None and vote.duration_ms >= 0 for vote in votes())


@pytest.mark.usefixtures("anywhere", "contest")
def test_undo_leaves_what_the_rater_has_said_of_the_pair_elsewhere_since(loop: Loop) -> None:
    """Also on SQLite, which gives the later vote the id of the one in whose place it stands."""
    here, there = (loop("banner@1", "banner@2", "--rater", "ana", command="vote") for _terminal in range(2))
    for terminal, key in ((here, "l"), (there, "r")):
        terminal.expect("Pair 1 of 5")
        terminal.expect("q quit")
        terminal.send(key)
        terminal.expect("Pair 2 of 5")
    here.expect("q quit")
    here.send("u")
    here.expect("You have voted on it elsewhere since, and that vote stands.")
    assert [vote.answer.value for vote in votes()] == ["right"]


@pytest.mark.usefixtures("contest")
def test_an_interrupted_session_names_the_command_that_goes_on(loop: Loop) -> None:
    child = loop("banner@1", "2", "--rater", "ben b", "--preview", command="vote", columns=160)
    child.expect("q quit")
    child.sendintr()
    child.expect("What was voted on is kept. Go on with: promptlab vote banner@1 2 --rater 'ben b' --preview\r\n")
    assert ended(child) == 130


def test_versions_without_cases_are_paired_by_number_and_that_is_said(promptlab: Promptlab, press: Press) -> None:
    for number, prompt in enumerate(("a fox", "a red fox"), start=1):
        promptlab("prompt", "create", "banner", "--provider", "sketch", "--user", prompt)
        promptlab("generate", "--prompt-version", "banner", "--draws", number + 1)
    said = press("ll")
    assert said.count("There are no cases here") == 1
    assert "Pair 2 of 2" in said
    assert {frozenset((vote.left_generation_id, vote.right_generation_id)) for vote in votes()} == {
        frozenset((1, 3)),
        frozenset((2, 4)),
    }


@pytest.mark.usefixtures("versions")
def test_what_cannot_be_compared_is_said_with_what_to_run(promptlab: Promptlab, press: Press) -> None:
    said = press("l", code=3)
    assert "Error: banner@1 has no images yet." in said
    assert "promptlab batch run --prompt-version banner@1 --prompt-version banner@2" in " ".join(said.split())
    for reference, subject in (("banner@1", "fox"), ("banner@2", "owl")):
        promptlab("generate", "--prompt-version", reference, "--var", f"subject={subject}")
    said = " ".join(press("l", code=3).split())
    assert "banner@1 and banner@2 have no images of the same case." in said
    assert "promptlab batch run --prompt-version banner@1 --prompt-version banner@2 --cases NAME" in said
    assert "cannot be compared with itself" in press("l", "banner@2", "banner", code=2)


@pytest.mark.usefixtures("contest")
def test_a_pair_that_goes_while_it_is_shown_is_left_out(promptlab: Promptlab, loop: Loop) -> None:
    """Somebody deletes every image of the first version meanwhile."""
    child = loop("banner@1", "banner@2", command="vote")
    child.expect("q quit")
    ids = [str(number) for number, row in generations().items() if row.prompt_version_id == 1]
    promptlab("generation", "delete", *ids, "--yes")
    child.send("l")
    child.expect("There is no generation .* It is left out.")
    child.expect("q quit")
    child.send("q")
    child.expect("0 votes")
    assert ended(child) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="xdg-open is the opener of a Linux desktop")
@pytest.mark.usefixtures("contest")
def test_both_open_as_one_picture_with_their_sides(loop: Loop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a viewer nobody could tell left from right by the name of a file; nor does its name tell anything else."""
    (tmp_path / "bin").mkdir()
    opener = tmp_path / "bin" / "xdg-open"
    opener.write_text(f'#!/bin/sh\n/bin/cp "${{1#file://}}" {tmp_path}/opened.png\necho "$1" > {tmp_path}/address\n')
    opener.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    child = loop("banner@1", "banner@2", command="vote")
    child.expect("q quit")
    child.send("o")
    child.send("?")
    child.expect("left arrow")
    child.expect("q quit")
    from PIL import Image

    with Image.open(tmp_path / "opened.png") as sheet:
        assert sheet.width > 1.9 * sheet.height
        assert not getattr(sheet, "text", {})
    address = (tmp_path / "address").read_text().strip()
    assert address.endswith("/1.png")
    child.send("q")
    assert ended(child) == 0
    assert not Path(address.removeprefix("file://")).exists()
