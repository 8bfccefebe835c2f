"""Images in a folder."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from promptlab.adapters.storage.paths import check_path, not_here, path_of
from promptlab.adapters.storage.protocol import ObjectMissing, StorageUnavailable
from promptlab.errors import InvalidInput

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_NOT_A_FILE = (FileNotFoundError, NotADirectoryError, IsADirectoryError)


class LocalStorage:
    """A folder, made by the first upload. Its URLs are file URLs; a path inside that leads out by a link is refused."""

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()

    def upload(self, data: bytes, path: str, media_type: str) -> str:  # noqa: ARG002 - a file has no media type
        """See `Storage.upload`. The object appears whole, by a rename, and has reached the disk by then."""
        target = self._inside(self._root / check_path(path), shown=path)
        with self._translated("written"):
            try:
                _write(target, data)
            except FileNotFoundError:  # its folder is not there yet, which is rare
                target.parent.mkdir(parents=True, exist_ok=True)
                _write(target, data)
        return target.as_uri()

    def read(self, url: str) -> bytes:
        """See `Storage.read`."""
        path = self._find(url)
        with self._translated("read"):
            try:
                return path.read_bytes()
            except _NOT_A_FILE as error:
                raise _gone(url) from error

    def signed_url(self, url: str, expires_in: int) -> str:  # noqa: ARG002 - who may read the folder may always do so
        """See `Storage.signed_url`."""
        path = self._find(url)
        with self._translated("read"):
            if not path.is_file():
                raise _gone(url)
        return path.as_uri()

    def delete(self, url: str) -> None:
        """See `Storage.delete`."""
        path = self._find(url)
        with self._translated("written"), suppress(*_NOT_A_FILE):
            path.unlink()

    def _find(self, url: str) -> Path:
        path = path_of(url)
        if path is None:
            raise not_here(url, str(self._root))
        return self._inside(path, shown=url)

    def _inside(self, path: Path, *, shown: str) -> Path:
        """Return `path` if it lies below the root, also when every link in both is followed."""
        try:
            check_path(Path(os.path.realpath(path)).relative_to(os.path.realpath(self._root)).as_posix())
        except (ValueError, InvalidInput) as error:  # ValueError: not below, or a name that no file can have
            raise not_here(shown, str(self._root)) from error
        return path

    @contextmanager
    def _translated(self, done: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            remedy = "Make room there" if error.errno in _FULL else "Make it a folder that you may read and write"
            raise StorageUnavailable(
                f"The image folder {self._root} cannot be {done}: {error.strerror or error}.",
                hint=f"{remedy}, or set PROMPTLAB_STORAGE_URL to another place.",
            ) from error


def _gone(url: str) -> ObjectMissing:
    return ObjectMissing(f"{url} is no longer in the storage.", hint="The file is gone; a copy put back there will do.")


def _write(target: Path, data: bytes) -> None:
    temporary = target.with_name(f".{uuid4().hex}.part")
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(target.parent)


def sync_folder(folder: Path) -> None:
    """Make a rename in the folder outlast a power cut, where the system can: the file is whole without."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
