"""Where received bytes lie until they are stored and recorded, so that what was paid for survives a crash.

An entry is a line of JSON, which says what the answer was and of each image its length and checksum, and then their
bytes. It becomes visible only whole.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO
from zlib import crc32

from promptlab.adapters.ai.protocol import ImageResult
from promptlab.adapters.storage.local import sync_folder
from promptlab.errors import Unreachable

ROOM_NEEDED = 50_000_000
"""Bytes that must be free before anything is bought: what a provider sends back has to fit."""

_ASIDE = ".aside"


class SpoolUnavailable(Unreachable):
    """The spool folder cannot be used."""

    code = "spool_unavailable"


@dataclass(frozen=True)
class SpoolKey:
    """Which attempt of which generation an entry belongs to."""

    generation_id: int
    number: int

    def __str__(self) -> str:
        return f"{self.generation_id}-{self.number}"


class Spool:
    """The spool of one lab on this machine; the folder is made when it is first needed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def require_room(self) -> None:
        """Check that an answer could be kept; raises SpoolUnavailable where the disk is full or read-only."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self._folder):
                free = shutil.disk_usage(self._folder).free
        except OSError as error:
            raise SpoolUnavailable(
                f"The spool folder {self._folder} cannot be written: {error.strerror}.",
                hint="Set PROMPTLAB_HOME to a folder that can be written.",
            ) from error
        if free < ROOM_NEEDED:
            raise SpoolUnavailable(
                f"Only {free // 1_000_000} MB are free at {self._folder}; {ROOM_NEEDED // 1_000_000} MB are needed.",
                hint="Make room, or set PROMPTLAB_HOME to another disk.",
            )

    def write(self, key: SpoolKey, result: ImageResult) -> None:
        """Keep an answer: temporary file, fsync, rename. Raises OSError where the disk cannot take it."""
        self._folder.mkdir(parents=True, exist_ok=True)
        about = json.dumps(
            asdict(result) | {"images": [(len(image), crc32(image)) for image in result.images]}, default=str
        )
        handle, name = tempfile.mkstemp(dir=self._folder, prefix=f".{key}.")
        temporary = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.writelines([about.encode(), b"\n", *result.images])
                file.flush()
                os.fsync(file.fileno())
            temporary.rename(self._path(key))
            sync_folder(self._folder)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise

    def adopt(self, key: SpoolKey) -> None:
        """Give an answer its name whose process died between the last byte and that; nobody may write it any more.

        Whether it is whole shows when it is read.
        """
        for left in self._folder.glob(f".{key}.*"):
            if not self._path(key).exists():
                left.rename(self._path(key))

    def read(self, key: SpoolKey) -> ImageResult | None:
        """Return the answer that was kept, None without one; one that is not whole is set aside."""
        if not self._path(key).is_file():
            return None
        try:
            with self._path(key).open("rb") as file:
                about = json.loads(file.readline())
                images = tuple(_whole(file, size, checksum) for size, checksum in about.pop("images"))
                return ImageResult(images=images, **about | {"warnings": tuple(about["warnings"])})
        except (KeyError, ValueError, TypeError, AttributeError):
            self.set_aside(key)
            return None
        except OSError as error:
            raise SpoolUnavailable(
                f"The answer {self._path(key)} cannot be read: {error.strerror}.", hint="Make it readable."
            ) from error

    def remove(self, key: SpoolKey) -> None:
        """Forget an answer that is stored and recorded."""
        self._path(key).unlink(missing_ok=True)

    def set_aside(self, key: SpoolKey) -> None:
        """Keep an answer that cannot be used, or came too late to be, where nothing will touch it."""
        path = self._path(key)
        if path.is_file():
            path.rename(path.with_name(path.name + _ASIDE))

    def entries(self) -> Iterator[SpoolKey]:
        """Yield what is waiting here."""
        if not self._folder.is_dir():
            return
        for path in sorted(self._folder.iterdir()):
            generation_id, dash, number = path.name.partition("-")
            if dash and generation_id.isdigit() and number.isdigit():
                yield SpoolKey(int(generation_id), int(number))

    def _path(self, key: SpoolKey) -> Path:
        return self._folder / str(key)


def _whole(file: BinaryIO, size: int, checksum: int) -> bytes:
    """Return so many bytes; raises ValueError where the file ends before, or has others than were written."""
    data = file.read(size)
    if len(data) != size or crc32(data) != checksum:
        raise ValueError("cut off or damaged")
    return data
