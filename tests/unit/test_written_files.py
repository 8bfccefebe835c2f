"""Files that a command is asked to write: what cannot be written is said before anything is bought."""

import os
from contextlib import suppress
from pathlib import Path

import pytest

from promptlab.errors import InvalidInput, Unreachable
from promptlab.output.files import require_writable, written_whole


def refused(path: Path) -> str:
    with pytest.raises(InvalidInput) as caught:
        require_writable(path, flag="--junit", so_far="Nothing was done.")
    assert caught.value.hint == "Nothing was done. Choose another --junit."
    return caught.value.message


def test_a_folder_that_is_not_there_is_made(tmp_path: Path) -> None:
    path = tmp_path / "reports" / "of today" / "junit.xml"
    require_writable(path, flag="--junit", so_far="Nothing was done.")
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize("name", ["folder", "/dev/full", "file/junit.xml", "x" * 300, "with\0nul", "", "loop"])
def test_what_can_be_no_file_is_said_in_a_sentence(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder, a device, a path through a file, a name that is too long or holds a NUL, a link to itself."""
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    Path("file").write_text("", encoding="utf-8")
    Path("loop").symlink_to("loop")
    assert refused(Path(name)).endswith(".")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_is_not_ours_is_said(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    assert "Permission denied" in refused(tmp_path / "junit.xml")


def test_what_fails_leaves_what_was_there(tmp_path: Path) -> None:
    """No half of the new file, and nothing beside it."""
    path = tmp_path / "junit.xml"
    path.write_text("before", encoding="utf-8")
    with suppress(KeyboardInterrupt), written_whole(path) as file:
        file.write("half")
        raise KeyboardInterrupt
    assert path.read_text(encoding="utf-8") == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    real, link = tmp_path / "real.xml", tmp_path / "junit.xml"
    link.symlink_to(real)
    with written_whole(link) as file:
        file.write("new")
    assert link.is_symlink()
    assert real.read_text(encoding="utf-8") == "new"


def test_everybody_may_read_what_was_written_as_usual(tmp_path: Path) -> None:
    """A CI server takes files up as another user."""
    other = tmp_path / "other"
    other.touch()
    with written_whole(tmp_path / "junit.xml") as file:
        file.write("new")
    assert (tmp_path / "junit.xml").stat().st_mode == other.stat().st_mode


def test_a_disk_that_takes_nothing_more_is_said(tmp_path: Path) -> None:
    """As when a folder goes away while images are made."""
    with pytest.raises(Unreachable, match="cannot be written: No such file"), written_whole(tmp_path / "gone" / "a"):
        pass
