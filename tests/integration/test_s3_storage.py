"""What a bucket adds to the promises of every storage, against a real server."""

import socket
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from tests.s3_server import S3Bucket

from promptlab.adapters.storage.protocol import Storage, StorageUnavailable
from promptlab.adapters.storage.registry import open_storage
from promptlab.errors import InvalidInput
from promptlab.settings import load

if TYPE_CHECKING:
    import httpx

PATH = "lab/default/ab/cd/abcd.png"
WEEK = 7 * 24 * 60 * 60


@pytest.fixture
def storage(s3_environment: S3Bucket) -> Storage:
    return open_storage(load())


@pytest.fixture
def dead_endpoint() -> Iterator[str]:
    """An address where nobody listens, kept from others for as long as the test runs."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


def _get(link: str) -> "httpx.Response":
    """Open a link as anybody would: with a client that knows nothing of S3 and has no keys."""
    import httpx

    return httpx.get(link)


def _refused(link: str) -> bool:
    answer = _get(link)
    return answer.is_client_error and b"image" not in answer.content


def test_a_url_is_bucket_and_key(storage: Storage, s3_bucket: S3Bucket) -> None:
    assert storage.upload(b"image", PATH, "image/png") == f"s3://{s3_bucket.name}/{PATH}"


def test_a_link_works_for_whoever_has_it(storage: Storage) -> None:
    """A plain client without keys gets the bytes and their media type."""
    link = storage.signed_url(storage.upload(b"image", PATH, "image/webp"), WEEK)
    answer = _get(link)
    assert (answer.status_code, answer.content) == (200, b"image")
    assert answer.headers["content-type"] == "image/webp"
    assert parse_qs(urlsplit(link).query)["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]


def test_a_link_opens_nothing_else(storage: Storage) -> None:
    """Another key, a longer life, another signature or none: the server refuses them all."""
    link = storage.signed_url(storage.upload(b"image", PATH, "image/png"), 60)
    storage.upload(b"other", "lab/other.png", "image/png")
    parts = urlsplit(link)
    query = parse_qs(parts.query)

    def forged(**changes: str) -> str:
        given = {name: values[0] for name, values in query.items()}
        return parts._replace(query=urlencode(given | {f"X-Amz-{name}": to for name, to in changes.items()})).geturl()

    assert _get(forged()).status_code == 200
    for forgery in (
        link.replace(PATH, "lab/other.png"),
        forged(Expires=str(WEEK)),
        forged(Signature="0" * 64),
        parts._replace(query="").geturl(),
    ):
        assert _refused(forgery), forgery


def test_a_link_expires(storage: Storage) -> None:
    url = storage.upload(b"image", PATH, "image/png")
    brief, lasting = storage.signed_url(url, 1), storage.signed_url(url, 600)
    deadline = time.monotonic() + 20
    while not (refused := _refused(brief)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert refused
    assert _get(lasting).status_code == 200


@pytest.mark.parametrize("seconds", [-1, 0, WEEK + 1])
def test_a_link_lives_for_a_second_to_a_week(storage: Storage, seconds: int) -> None:
    url = storage.upload(b"image", PATH, "image/png")
    with pytest.raises(InvalidInput, match="1 second to 7 days"):
        storage.signed_url(url, seconds)


def _assert_unavailable(storage: Storage, message: str, hint: str) -> None:
    """Uploading, reading and deleting all say the same."""
    url = f"{load().storage}/{PATH}"
    for action in (
        lambda: storage.upload(b"image", PATH, "image/png"),
        lambda: storage.read(url),
        lambda: storage.delete(url),
    ):
        with pytest.raises(StorageUnavailable, match=message) as caught:
            action()
        assert hint in (caught.value.hint or "")


def test_a_wrong_secret_is_told_as_such(s3_environment: S3Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    _assert_unavailable(open_storage(load()), "does not accept the secret key", "AWS_SECRET_ACCESS_KEY")


def test_an_unknown_key_is_told_as_such(s3_environment: S3Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    _assert_unavailable(open_storage(load()), "does not know the access key", "AWS_ACCESS_KEY_ID")


def test_missing_credentials_are_told_as_such(s3_environment: S3Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    """For a link as well, which is made without asking S3."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    storage = open_storage(load())
    _assert_unavailable(storage, "without credentials", "AWS_ACCESS_KEY_ID")
    with pytest.raises(StorageUnavailable, match="without credentials"):
        storage.signed_url(f"{load().storage}/{PATH}", 60)


def test_a_missing_bucket_is_named(s3_environment: S3Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROMPTLAB_STORAGE_URL", "s3://never-made")
    _assert_unavailable(open_storage(load()), "'never-made' does not exist", "PROMPTLAB_STORAGE_URL")


def test_an_endpoint_that_is_away_is_told_soon(
    s3_environment: S3Bucket, dead_endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROMPTLAB_STORAGE_ENDPOINT_URL", dead_endpoint)
    storage = open_storage(load())
    started = time.monotonic()
    with pytest.raises(StorageUnavailable, match="cannot be reached") as caught:
        storage.upload(b"image", PATH, "image/png")
    assert time.monotonic() - started < 15
    assert dead_endpoint in caught.value.message
    assert "PROMPTLAB_STORAGE_ENDPOINT_URL" in (caught.value.hint or "")
