"""What every storage promises: see `promptlab.adapters.storage.protocol`."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote
from urllib.request import urlopen
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from tests.s3_server import S3Bucket, S3Server

from promptlab.adapters.storage.protocol import ObjectMissing, Storage, StorageUnavailable
from promptlab.adapters.storage.registry import open_storage
from promptlab.errors import InvalidInput
from promptlab.settings import load

PATH = "lab/default/ab/cd/abcd.png"
THREADS = 16


@dataclass(frozen=True)
class Place:
    """A storage, where it is, and a look behind its back at the paths of all that it keeps."""

    storage: Storage
    url: str
    kept: Callable[[], set[str]]


@pytest.fixture(params=["local", "s3"])
def place(request: pytest.FixtureRequest) -> Place:
    found: Place = request.getfixturevalue(f"{request.param}_place")
    return found


@pytest.fixture
def local_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    root = tmp_path / "my images #1 · ü%41"
    monkeypatch.setenv("PROMPTLAB_STORAGE_URL", root.as_uri())

    def kept() -> set[str]:
        return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}

    return Place(open_storage(load()), root.as_uri(), kept)


@pytest.fixture
def s3_place(s3_server: S3Server, s3_environment: S3Bucket, monkeypatch: pytest.MonkeyPatch) -> Place:
    prefix = "my images #1 · ü%41/"
    url = f"s3://{s3_environment.name}/{quote(prefix)}"
    monkeypatch.setenv("PROMPTLAB_STORAGE_URL", url)

    def kept() -> set[str]:
        listed = s3_server.client.list_objects_v2(Bucket=s3_environment.name).get("Contents", [])
        return {about["Key"].removeprefix(prefix) for about in listed}

    return Place(open_storage(load()), url.rstrip("/"), kept)


@pytest.mark.parametrize("data", [b"", b"\x89PNG\r\n\x1a\n\x00", os.urandom(2_000_000)], ids=["none", "few", "many"])
def test_bytes_come_back_as_they_went_in(place: Place, data: bytes) -> None:
    assert place.storage.read(place.storage.upload(data, PATH, "image/png")) == data


def test_an_object_is_kept_under_its_path_and_nothing_beside_it(place: Place) -> None:
    place.storage.upload(b"image", PATH, "image/png")
    assert place.kept() == {PATH}


def test_the_same_path_is_overwritten(place: Place) -> None:
    url = place.storage.upload(b"a longer first version", PATH, "image/png")
    assert place.storage.upload(b"second", PATH, "image/webp") == url
    assert place.storage.read(url) == b"second"
    assert place.kept() == {PATH}


def test_a_url_is_the_storage_and_the_quoted_path(place: Place) -> None:
    """A URL is plain ASCII without spaces, whatever the path holds."""
    path = "ein lab/50%/größe #1?.png"
    assert place.storage.upload(b"image", path, "image/png") == f"{place.url}/{quote(path)}"
    assert place.kept() == {path}


def test_a_url_outlives_the_process(place: Place) -> None:
    """A storage that is opened later reads what an earlier one wrote."""
    url = place.storage.upload(b"image", PATH, "image/png")
    assert open_storage(load()).read(url) == b"image"


def test_what_is_not_there_is_missing(place: Place) -> None:
    """Also where only a folder, or a file in a folder's place, bears the name."""
    url = place.storage.upload(b"image", PATH, "image/png")
    for missing in (f"{place.url}/lab/other.png", url.rpartition("/")[0], f"{url}/deeper.png"):
        with pytest.raises(ObjectMissing, match="no longer in the storage"):
            place.storage.read(missing)


def test_before_the_first_upload_everything_is_missing(place: Place) -> None:
    with pytest.raises(ObjectMissing):
        place.storage.read(f"{place.url}/{PATH}")


def test_deleting_removes_one_object_and_deleting_again_is_fine(place: Place) -> None:
    url = place.storage.upload(b"image", PATH, "image/png")
    place.storage.upload(b"other", "lab/default/ab/cd/other.png", "image/png")
    for _time in range(2):
        place.storage.delete(url)
        assert place.kept() == {"lab/default/ab/cd/other.png"}
    with pytest.raises(ObjectMissing):
        place.storage.read(url)


def test_a_link_opens_the_object(place: Place) -> None:
    url = place.storage.upload(b"image", "ein lab/größe #1?.png", "image/png")
    with urlopen(place.storage.signed_url(url, 60)) as answer:
        assert answer.read() == b"image"


_BAD_STEPS = st.sampled_from(["", ".", "..", "\\", "..\\..", "a\0b", "line\nbreak", "\ud800", "x" * 256, "ü" * 128])
_STEPS = st.one_of(_BAD_STEPS, st.sampled_from(["a", "%2e%2e", "~", "C:"]), st.text(max_size=5))
_SHARED_STORAGE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)


@_SHARED_STORAGE
@given(before=st.lists(_STEPS, max_size=3), bad=_BAD_STEPS, after=st.lists(_STEPS, max_size=3))
@example(before=[], bad="", after=[])
@example(before=[], bad="", after=["etc", "passwd"])
@example(before=["C:"], bad="..", after=["Windows"])
@example(before=["\\\\server"], bad="..", after=["share"])
@example(before=["a", "b"] * 300, bad="", after=["longer than a key may be"])
def test_no_path_leads_out_or_into_trouble(place: Place, before: list[str], bad: str, after: list[str]) -> None:
    """Empty, absolute, climbing and unspeakable paths are refused, and nothing is written."""
    with pytest.raises(InvalidInput, match="cannot be used in the storage"):
        place.storage.upload(b"image", "/".join([*before, bad, *after]), "image/png")
    assert place.kept() == set()


@pytest.mark.parametrize("path", ["/etc/passwd", "C:/Windows/x", "c:x", "d/" * 600 + "x", "ü" * 128])
def test_paths_that_some_system_cannot_name_are_refused_by_all(place: Place, path: str) -> None:
    with pytest.raises(InvalidInput, match="cannot be used in the storage"):
        place.storage.upload(b"image", path, "image/png")


_WORDS = st.text(st.characters(exclude_categories=["C"], exclude_characters="/\\"), min_size=1, max_size=20)


@_SHARED_STORAGE
@given(words=st.lists(_WORDS, min_size=1, max_size=3))
@example(words=["%2e%2e", "%2F", "a+b", "a&b=c;d", "..."])
@example(words=[" space ", "dot.", "*?<>|:\"'`$", "~", "e\u0301", "\u00e9"])
def test_every_other_path_is_kept_as_it_is_written(place: Place, words: list[str]) -> None:
    """No two paths are taken for the same: what is under one leaves the others alone."""
    assume(not {".", ".."}.intersection(words))
    path = "/".join([uuid4().hex, *words])
    url = place.storage.upload(path.encode(), path, "image/png")
    assert url.isascii()
    assert place.storage.read(url) == path.encode()
    assert path in place.kept()
    place.storage.delete(url)


def _foreign_urls(place: Place) -> list[str]:
    inside = f"{place.url}/{PATH}"
    return [
        *("", "x", PATH, "file:", "s3:", "s3://", "file://[", "s3://[", "https://example.com/x.png"),
        *("file:///etc/hostname", "file://elsewhere/etc/hostname", "file:relative", "s3://another-bucket/x.png"),
        *(place.url, f"{place.url}/", f"{place.url}2/x.png", place.url.rpartition("/")[0] + "/x.png"),
        *(f"{place.url}/../x.png", f"{place.url}/%2e%2e/x.png", f"{place.url}/lab/..%2f..%2f/x.png"),
        *(f"{inside}?versionId=1", f"{inside}#part", f"{inside}%00", inside.replace("://", "://me@")),
    ]


def test_urls_of_another_place_are_refused(place: Place) -> None:
    """Reading, linking and deleting stay inside the storage, and say where else to look."""
    place.storage.upload(b"image", PATH, "image/png")
    actions: list[Callable[[str], object]] = [
        place.storage.read,
        place.storage.delete,
        lambda url: place.storage.signed_url(url, 60),
    ]
    for url in _foreign_urls(place):
        for action in actions:
            with pytest.raises(InvalidInput, match="is not in the storage") as caught:
                action(url)
            assert "PROMPTLAB_STORAGE_URL" in (caught.value.hint or "")
    assert place.kept() == {PATH}


def test_threads_keep_different_objects_at_once(place: Place) -> None:
    contents = {f"lab/{number % 4}/{number}.png": os.urandom(50_000) for number in range(THREADS * 4)}
    with ThreadPoolExecutor(THREADS) as pool:
        urls = list(pool.map(lambda path: place.storage.upload(contents[path], path, "image/png"), contents))
        assert list(pool.map(place.storage.read, urls)) == list(contents.values())
        list(pool.map(place.storage.delete, urls))
    assert place.kept() == set()


def test_threads_that_write_one_object_leave_one_of_them_whole(place: Place) -> None:
    """Whoever reads meanwhile sees the whole of one, never a mixture, a part or nothing."""
    # All of one length: rclone announces the length before it opens the file, which S3 itself does not.
    versions = [bytes([number]) * 200_000 for number in range(THREADS)]
    url = place.storage.upload(versions[0], PATH, "image/png")
    with ThreadPoolExecutor(THREADS) as pool:
        writing = [pool.submit(place.storage.upload, version, PATH, "image/png") for version in versions]
        reading = [pool.submit(place.storage.read, url) for _version in versions]
        assert {future.result() for future in writing} == {url}
        assert all(future.result() in versions for future in reading)
    assert place.storage.read(url) in versions
    assert place.kept() == {PATH}


def test_deleting_what_others_write_and_read_breaks_nothing(place: Place) -> None:
    """An object is there or missing: nothing else comes of a race."""
    url = place.storage.upload(b"image", PATH, "image/png")

    def churn(_number: int) -> None:
        place.storage.delete(url)
        place.storage.upload(b"image", PATH, "image/png")
        try:
            assert place.storage.read(url) == b"image"
        except ObjectMissing:
            return
        except StorageUnavailable as error:
            # What rclone says of a file that goes while it opens it; of a folder nothing else may come.
            assert url.startswith("s3:")
            assert "Internal Server Error" in error.message

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(churn, range(THREADS * 2)))
