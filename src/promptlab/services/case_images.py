"""Input images of many cases: each looked at once, then read again to be stored, so that few are in memory at once."""

import tempfile
import threading
import weakref
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from typing import IO, TypeVar

from promptlab.errors import InvalidInput, Unreachable
from promptlab.services.cases import ImageFacts
from promptlab.services.images import ImageInfo
from promptlab.services.inputs import load_input
from promptlab.services.keeping import store_image
from promptlab.services.lab import Lab
from promptlab.services.rows import in_row
from promptlab.settings.urls import redact

Element = TypeVar("Element")
Result = TypeVar("Result")

_AT_ONCE = 4
"""Images that are in memory: each may take 100 MB, and four times as much while it is decoded."""


@dataclass(frozen=True, kw_only=True)
class Looked:
    """An image that was looked at: what it is, and where its bytes are found again."""

    source: str
    row: int
    sha256: str
    bytes: int
    info: ImageInfo
    kept_at: int | None = None
    """Where in the temporary file: only of what was downloaded."""

    def facts(self, position: int) -> ImageFacts:
        """Return what a case keeps of it, at that place among its images."""
        return ImageFacts(
            position=position,
            sha256=self.sha256,
            media_type=self.info.media_type,
            bytes=self.bytes,
            width=self.info.width,
            height=self.info.height,
        )


class Images:
    """The images that are named by `sources`, paths and URLs with the row that each is first named in."""

    def __init__(self, sources: Mapping[str, int]) -> None:
        """Look at every image; raises InvalidInput, with the row, for the first that cannot be used."""
        self._downloads = _Downloads()
        looked = _in_threads(lambda source: self._look(*source), sources.items())
        self.by_source = {image.source: image for image in looked}

    def store(self, lab: Lab) -> dict[str, str]:
        """Put the images into the storage, and return the URL of each by its SHA-256.

        Raises:
            InvalidInput: a file is not what it was when it was looked at.
        """
        distinct = {image.sha256: image for image in self.by_source.values()}
        urls = _in_threads(lambda image: self._store(lab, image), distinct.values())
        return dict(zip(distinct, urls, strict=True))

    def _look(self, source: str, row: int) -> Looked:
        with in_row(row):
            data, info = load_input(source)
        is_url = source.startswith(("http://", "https://"))
        return Looked(
            source=source,
            row=row,
            sha256=sha256(data).hexdigest(),
            bytes=len(data),
            info=info,
            kept_at=self._downloads.keep(data) if is_url else None,
        )

    def _store(self, lab: Lab, image: Looked) -> str:
        with in_row(image.row):
            data = self._read_again(image)
        return str(store_image(lab, data, image.info, position=0)["url"])

    def _read_again(self, image: Looked) -> bytes:
        if image.kept_at is not None:
            return self._downloads.read(image.kept_at, image.bytes)
        data, _info = load_input(image.source)
        if sha256(data).hexdigest() != image.sha256:
            raise InvalidInput(f"{redact(image.source)} has changed while the file was read.", hint="Try again.")
        return data


class _Downloads:
    """What was downloaded, in one temporary file that is gone when nobody needs it any more."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._file: IO[bytes] | None = None

    def keep(self, data: bytes) -> int:
        """Write the bytes behind those that are there, and return where."""
        with self._lock:
            try:
                file = self._file or self._open()
                place = file.seek(0, 2)
                file.write(data)
                file.flush()
            except OSError as error:
                raise Unreachable(
                    f"A downloaded image cannot be kept in {tempfile.gettempdir()}: {error.strerror}.",
                    hint="Make room there, or let TMPDIR name another folder.",
                ) from error
        return place

    def read(self, place: int, length: int) -> bytes:
        """Return the bytes that were kept at that place."""
        with self._lock:
            assert self._file is not None  # noqa: S101 - a place is known only of what was kept
            self._file.seek(place)
            return self._file.read(length)

    def _open(self) -> IO[bytes]:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - open for as long as these downloads are needed
        weakref.finalize(self, self._file.close)
        return self._file


def _in_threads(work: Callable[[Element], Result], elements: Iterable[Element]) -> list[Result]:
    """Return the results in order; the first error ends it, and what has not begun by then never does."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(work, elements))
