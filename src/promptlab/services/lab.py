"""What the services of one project work with."""

from collections.abc import Callable
from dataclasses import dataclass

from promptlab.adapters.ai.protocol import ImageProvider
from promptlab.adapters.storage.protocol import Storage
from promptlab.db.engine import Database
from promptlab.services.ownership import Owner
from promptlab.services.spool import Spool


@dataclass(frozen=True, kw_only=True)
class Lab:
    """One project of one database, with its storage and the spool of this machine.

    `uid` is the name that the database gave itself. `open_provider` returns the adapter of a provider's name and
    raises NotConfigured where a key is missing.
    """

    database: Database
    storage: Storage
    spool: Spool
    owner: Owner
    uid: str
    project_id: int
    project: str
    open_provider: Callable[[str], ImageProvider]

    def object_path(self, sha256: str, extension: str) -> str:
        """Return where an image lies in the storage: by its content, so that the same bytes are kept once."""
        return f"{self.uid}/{self.project}/{sha256[:2]}/{sha256[2:4]}/{sha256}{extension}"
