"""What goes over the wire to S3, and what becomes of its answers: played by a small server on loopback."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from promptlab.adapters.storage.protocol import ObjectMissing, Storage, StorageUnavailable
from promptlab.adapters.storage.registry import open_storage
from promptlab.settings import load

BUCKET = "team-images"
URL = f"s3://{BUCKET}/lab/a.png"

_XML = '<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>{message}</Message></Error>'


class Wire(ThreadingHTTPServer):
    """Keeps the headers of every request, and answers all of them with `status` and `body`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.status, self.body, self.announced = 200, b"", 0
        self.requests: list[dict[str, str]] = []

    def answer(self, status: int, body: bytes, *, announced: int = 0) -> None:
        """Set the answer; `announced` is its length where that is a lie."""
        self.status, self.body, self.announced = status, body, announced


class _Answer(BaseHTTPRequestHandler):
    server: Wire
    protocol_version = "HTTP/1.1"  # which answers `Expect: 100-continue`; botocore would wait a second for that

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.requests.append({name.lower(): value for name, value in self.headers.items()})
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(self.server.announced or len(self.server.body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(self.server.body)

    do_PUT = do_DELETE = do_GET  # noqa: N815 - the names that http.server calls

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's own signature
        """Keep the test's output clean."""


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    """The server, with promptlab set up to use it."""
    with Wire() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        monkeypatch.setenv("PROMPTLAB_STORAGE_URL", f"s3://{BUCKET}")
        monkeypatch.setenv("PROMPTLAB_STORAGE_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "promptlab")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def storage(wire: Wire) -> Storage:
    return open_storage(load())


def test_an_upload_is_one_plain_request(wire: Wire, storage: Storage) -> None:
    """It has the media type and a signature over the bytes, and nothing that only Amazon's own servers know."""
    storage.upload(b"image", "lab/a.png", "image/png")
    (headers,) = wire.requests
    assert headers["content-type"] == "image/png"
    assert headers["content-length"] == "5"
    assert headers["x-amz-content-sha256"] == "6105d6cc76af400325e94d588ce511be5bfdbb73b437dc51eca43917d7a43e3d"
    assert not [name for name in headers if "checksum" in name or "encryption" in name or name.startswith("if-")]


@pytest.mark.parametrize(
    ("settings", "sent"),
    [
        ({"ENCRYPTION": "AES256"}, {"": "AES256"}),
        ({"ENCRYPTION": "aws:kms"}, {"": "aws:kms"}),
        (
            {"ENCRYPTION": "aws:kms", "KMS_KEY": "alias/images"},
            {"": "aws:kms", "-aws-kms-key-id": "alias/images"},
        ),
    ],
    ids=["S3's keys", "KMS", "a key of KMS"],
)
def test_an_upload_asks_for_encryption(
    wire: Wire, monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], sent: dict[str, str]
) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(f"PROMPTLAB_STORAGE_{name}", value)
    open_storage(load()).upload(b"image", "lab/a.png", "image/png")
    prefix = "x-amz-server-side-encryption"
    assert {name.removeprefix(prefix): to for name, to in wire.requests[0].items() if name.startswith(prefix)} == sent


@pytest.mark.parametrize(
    ("answer", "sentence", "hint"),
    [
        ((403, "AccessDenied"), "is closed to these credentials", "s3:ListBucket"),
        ((400, "ExpiredToken"), "they have expired", "sign in again"),
        ((400, "InvalidToken"), "does not accept the session token", "sign in again"),
        ((403, "RequestTimeTooSkewed"), "the time of the request", "clock"),
        ((301, "PermanentRedirect"), "lies in another region", "PROMPTLAB_STORAGE_REGION"),
        ((400, "AuthorizationHeaderMalformed"), "lies in another region", "PROMPTLAB_STORAGE_REGION"),
        ((400, "EntityTooLarge"), "answered with an error: Their words", "PROMPTLAB_STORAGE_ENDPOINT_URL"),
    ],
)
def test_an_error_of_s3_becomes_a_sentence_and_a_hint(
    wire: Wire, storage: Storage, answer: tuple[int, str], sentence: str, hint: str
) -> None:
    """The sentence names the bucket, whatever was asked of it."""
    status, code = answer
    wire.answer(status, _XML.format(code=code, message="Their words.").encode())
    for action in (
        lambda: storage.upload(b"image", "lab/a.png", "image/png"),
        lambda: storage.read(URL),
        lambda: storage.delete(URL),
    ):
        with pytest.raises(StorageUnavailable, match=f"The bucket '{BUCKET}' .*{sentence}") as caught:
            action()
        assert hint in (caught.value.hint or "")


def test_a_server_that_is_busy_is_asked_again(wire: Wire, storage: Storage) -> None:
    """Three times in all, and then the sentence repeats its words."""
    wire.answer(503, _XML.format(code="SlowDown", message="Please reduce your request rate.").encode())
    with pytest.raises(StorageUnavailable, match=r"Please reduce your request rate\."):
        storage.read(URL)
    assert len(wire.requests) == 3


def test_an_answer_that_breaks_off_is_not_taken_for_the_image(wire: Wire, storage: Storage) -> None:
    wire.answer(200, b"half an im", announced=20)
    with pytest.raises(StorageUnavailable, match="cannot be reached"):
        storage.read(URL)


def test_a_bare_404_means_that_the_object_is_missing(wire: Wire, storage: Storage) -> None:
    """To a reader and a deleter: it never means that an upload went well."""
    wire.answer(404, b"")
    with pytest.raises(ObjectMissing):
        storage.read(URL)
    storage.delete(URL)
    with pytest.raises(StorageUnavailable, match="Not Found"):
        storage.upload(b"image", "lab/a.png", "image/png")


def test_a_web_page_is_not_taken_for_an_answer_of_s3(wire: Wire, storage: Storage) -> None:
    wire.answer(404, b"<html><body>Not Found</body></html>")
    with pytest.raises(StorageUnavailable, match="HTTP 404"):
        storage.read(URL)
