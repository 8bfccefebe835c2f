"""What the folder adds to the promises of every storage."""

import subprocess
import sys
from pathlib import Path

import pytest

from promptlab.adapters.storage.local import LocalStorage
from promptlab.adapters.storage.protocol import ObjectMissing, StorageUnavailable
from promptlab.errors import InvalidInput

PATH = "lab/default/ab/cd/abcd.png"

_UPLOAD_TO_A_FULL_DISK = """
import resource, sys
from pathlib import Path
from promptlab.adapters.storage.local import LocalStorage
from promptlab.adapters.storage.protocol import StorageUnavailable

resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
try:
    LocalStorage(Path(sys.argv[1])).upload(bytes(50_000), sys.argv[2], "image/png")
except StorageUnavailable as error:
    print(error.message, error.hint, sep="\\n")
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "images"


def _files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_the_folder_is_made_by_the_first_upload_only(root: Path) -> None:
    """Looking, linking and deleting leave no trace."""
    storage = LocalStorage(root)
    url = (root / PATH).as_uri()
    with pytest.raises(ObjectMissing):
        storage.read(url)
    storage.delete(url)
    with pytest.raises(ObjectMissing):
        storage.signed_url(url, 60)
    assert not root.exists()
    storage.upload(b"image", PATH, "image/png")
    assert _files(root) == [PATH]


def test_a_link_is_the_url_and_never_expires(root: Path) -> None:
    storage = LocalStorage(root)
    url = storage.upload(b"image", PATH, "image/png")
    assert storage.signed_url(url, 1) == storage.signed_url(url, 10**9) == url


def test_whoever_may_read_new_files_may_read_images(root: Path) -> None:
    """An image has the mode of any new file, so that a team can share a folder."""
    LocalStorage(root).upload(b"image", PATH, "image/png")
    ordinary = root / "ordinary"
    ordinary.touch()
    assert (root / PATH).stat().st_mode == ordinary.stat().st_mode


def test_a_full_disk_leaves_no_half_file(root: Path) -> None:
    """The write that does not fit is undone, what was there stays, and the sentence says what to do."""
    storage = LocalStorage(root)
    url = storage.upload(b"the earlier image", PATH, "image/png")
    for path in (PATH, "lab/new.png"):
        done = subprocess.run(
            [sys.executable, "-c", _UPLOAD_TO_A_FULL_DISK, root, path], capture_output=True, text=True, check=True
        )
        message, hint = done.stdout.splitlines()
        assert message == f"The image folder {root} cannot be written: File too large."
        assert hint == "Make room there, or set PROMPTLAB_STORAGE_URL to another place."
    assert _files(root) == [PATH]
    assert storage.read(url) == b"the earlier image"


def test_a_folder_that_cannot_be_made_is_named(root: Path) -> None:
    """The sentence names the folder and its hint the setting, also for root, whom no mode bits stop."""
    root.write_text("a file stands where the folder should be")
    with pytest.raises(StorageUnavailable, match="cannot be written") as caught:
        LocalStorage(root).upload(b"image", PATH, "image/png")
    assert str(root) in caught.value.message
    assert "PROMPTLAB_STORAGE_URL" in (caught.value.hint or "")


def test_a_folder_in_the_place_of_an_image_is_no_image(root: Path) -> None:
    """It is missing when it is read, and neither overwritten nor deleted."""
    storage = LocalStorage(root)
    url = storage.upload(b"image", PATH, "image/png").rpartition("/")[0]
    with pytest.raises(StorageUnavailable):
        storage.upload(b"image", "lab/default/ab/cd", "image/png")
    with pytest.raises(ObjectMissing):
        storage.read(url)
    storage.delete(url)
    assert _files(root) == [PATH]


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    file = tmp_path / "private" / "secret.png"
    file.parent.mkdir()
    file.write_bytes(b"secret")
    return file


@pytest.mark.parametrize("linked", ["folder", "file"])
def test_links_that_lead_out_of_the_folder_are_refused(root: Path, outside: Path, linked: str) -> None:
    root.mkdir()
    target, path = (outside.parent, "lab/secret.png") if linked == "folder" else (outside, "lab")
    (root / "lab").symlink_to(target)
    storage, url = LocalStorage(root), (root / path).as_uri()
    with pytest.raises(InvalidInput):
        storage.read(url)
    with pytest.raises(InvalidInput):
        storage.signed_url(url, 60)
    with pytest.raises(InvalidInput):
        storage.delete(url)
    with pytest.raises(InvalidInput):
        storage.upload(b"image", path, "image/png")
    assert outside.read_bytes() == b"secret"


def test_links_in_a_circle_lead_nowhere(root: Path) -> None:
    root.mkdir()
    (root / "lab").symlink_to(root / "lab")
    with pytest.raises(StorageUnavailable):
        LocalStorage(root).upload(b"image", PATH, "image/png")


def test_the_folder_itself_may_be_a_link(root: Path, tmp_path: Path) -> None:
    """Images may lie on another disk, and move to a third: their URLs stay."""
    for disk in ("first disk", "second disk"):
        (tmp_path / disk).mkdir()
    root.symlink_to(tmp_path / "first disk")
    storage = LocalStorage(root)
    url = storage.upload(b"image", PATH, "image/png")
    assert url == (root / PATH).as_uri()
    (tmp_path / "first disk" / "lab").rename(tmp_path / "second disk" / "lab")
    root.unlink()
    root.symlink_to(tmp_path / "second disk")
    assert storage.read(url) == b"image"


def test_an_image_is_found_under_every_name_of_its_folder(root: Path, tmp_path: Path) -> None:
    """A URL that was recorded through a link is good for who names the folder itself."""
    root.mkdir()
    (tmp_path / "alias").symlink_to(root)
    url = LocalStorage(tmp_path / "alias").upload(b"image", PATH, "image/png")
    assert LocalStorage(root).read(url) == b"image"
