"""The contract between promptlab and a place where images are kept."""

from typing import Protocol

from promptlab.errors import NotFound, Unreachable


class StorageUnavailable(Unreachable):
    """The image storage cannot be reached or written."""

    code = "storage_unavailable"


class ObjectMissing(NotFound):
    """The image is no longer in the storage."""

    code = "object_missing"


class Storage(Protocol):
    """A place for images. Safe to use from several threads at once."""

    def upload(self, data: bytes, path: str, media_type: str) -> str:
        """Keep `data` under the relative `path` and return its URL; the same path is overwritten.

        Whoever reads the URL sees the whole object or none.

        Raises:
            InvalidInput: a path that is empty, absolute or climbs out with `..`.
            StorageUnavailable: not reachable, not writable, or full.
        """
        ...

    def read(self, url: str) -> bytes:
        """Return the bytes behind a URL that `upload` returned.

        Raises:
            InvalidInput: a URL of another place.
            ObjectMissing: nothing there.
            StorageUnavailable: not reachable or not readable.
        """
        ...

    def signed_url(self, url: str, expires_in: int) -> str:
        """Return a link that a viewer can open for `expires_in` seconds; a folder's links do not expire.

        Raises:
            InvalidInput: a URL of another place.
            ObjectMissing: nothing there, where looking costs nothing: in a folder.
            StorageUnavailable: a folder that is not readable.
        """
        ...

    def delete(self, url: str) -> None:
        """Remove the object; deleting what is already gone is fine.

        Raises:
            InvalidInput: a URL of another place.
            StorageUnavailable: not reachable or not writable.
        """
        ...
