"""The pictures of a report: each image is read once, several at a time, and what is kept of it waits in a file."""

import base64
import os
import tempfile
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Self

from promptlab.adapters.storage.protocol import ObjectMissing
from promptlab.errors import InvalidInput
from promptlab.output.report.thumbnails import Picture, Step, Undrawable, redrawn, thumbnail

View = dict[str, Any]
Read = Callable[[str], bytes]

GONE = "The image is no longer in the storage."
ELSEWHERE = "The image is kept in another storage than the one that is set."
DAMAGED = "The image cannot be drawn: its file is damaged."

_AT_ONCE = 8


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a picture lies in the file of an album, or why there is none."""

    offset: int = 0
    size: int = 0
    media_type: str = ""
    width: int = 0
    height: int = 0
    missing: str | None = None

    @property
    def embedded_size(self) -> int:
        """How many bytes it takes in a page, as base64."""
        return -(-self.size // 3) * 4


class Album:
    """Pictures by the hash of their image. In a `with` block; nothing of it is left behind it."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(prefix="promptlab-report-")  # noqa: SIM115 - closed by the block around us
        self._lock = threading.Lock()
        self.places: dict[str, Place] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()

    def fill(self, images: Sequence[View], read: Read, advance: Callable[[], None], draw: "Draw") -> None:
        """Read each of the images and keep what `draw` makes of it.

        Raises:
            StorageUnavailable: the storage is away.
        """

        def keep(image: View) -> None:
            self.places[image["sha256"]] = self._kept(image, read, draw)

        with ThreadPoolExecutor(_AT_ONCE) as threads:
            for _done in threads.map(keep, images):
                advance()

    def shrink(self, step: Step) -> None:
        """Make every picture smaller."""

        def smaller(sha256: str) -> None:
            if self.places[sha256].missing is None:
                self.places[sha256] = self._added(thumbnail(self.data(sha256), step))

        with ThreadPoolExecutor(os.cpu_count()) as threads:
            list(threads.map(smaller, list(self.places)))

    def leave_out(self, sha256: str, why: str) -> None:
        """Show a sentence in the place of a picture."""
        self.places[sha256] = replace(self.places.get(sha256, Place()), size=0, missing=why)

    def data(self, sha256: str) -> bytes:
        """Return the bytes of a picture."""
        place = self.places[sha256]
        with self._lock:
            self._file.seek(place.offset)
            return self._file.read(place.size)

    def source(self, sha256: str) -> str:
        """Return a picture as a URL that holds it."""
        return f"data:{self.places[sha256].media_type};base64,{base64.b64encode(self.data(sha256)).decode()}"

    def _kept(self, image: View, read: Read, draw: "Draw") -> Place:
        try:
            return self._added(draw(image, read(image["url"])))
        except ObjectMissing:
            return Place(missing=GONE)
        except InvalidInput:
            return Place(missing=ELSEWHERE)
        except Undrawable:
            return Place(missing=DAMAGED)

    def _added(self, picture: Picture) -> Place:
        with self._lock:
            offset = self._file.seek(0, os.SEEK_END)
            self._file.write(picture.data)
        return Place(
            offset=offset,
            size=len(picture.data),
            media_type=picture.media_type,
            width=picture.width,
            height=picture.height,
        )


Draw = Callable[[View, bytes], Picture]


def drawn_at(step: Step) -> Draw:
    """Return what draws an image that small."""
    return lambda _image, data: thumbnail(data, step)


def as_it_is(image: View, data: bytes) -> Picture:
    """Take an image as it was stored."""
    return Picture(data=data, media_type=image["media_type"], width=image["width"], height=image["height"])


def in_full(_image: View, data: bytes) -> Picture:
    """Draw an image in full size, without what its file tells of how it was made."""
    return redrawn(data)
