"""What the services of one project work with."""

from dataclasses import dataclass

from promptlab.adapters.ai.protocol import ImageProvider
from promptlab.adapters.storage.protocol import Storage
from promptlab.db.engine import Database
from promptlab.services.ownership import Owner
from promptlab.services.spool import Spool
from promptlab.settings import ProviderSettings, Settings


class Providers:
    """The image providers, each opened once: its connections are shared by all threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._opened: dict[tuple[str, bool], ImageProvider] = {}
        self._limits: dict[str, ProviderSettings] = {}

    def open(self, name: str, *, for_sending: bool = True) -> ImageProvider:
        """Return the adapter of that name; raises NotConfigured where a key is missing that sending needs."""
        from promptlab.adapters.ai.registry import open_provider  # most commands only look

        key = (name, for_sending)
        if key not in self._opened:
            self._opened[key] = open_provider(name, self._settings, for_sending=for_sending)
        return self._opened[key]

    def limits(self, name: str) -> ProviderSettings:
        """Return how often and how many at once that provider is asked."""
        from promptlab.adapters.ai.registry import provider_spec

        if name not in self._limits:  # finding a provider looks through all that is installed
            self._limits[name] = self._settings.for_provider(
                name, key_variable=None, base_url_variable=None, concurrency=provider_spec(name).concurrency
            )
        return self._limits[name]

    def close(self) -> None:
        """Give their connections back."""
        for provider in self._opened.values():
            provider.close()


@dataclass(frozen=True, kw_only=True)
class Lab:
    """One project of one database, with its storage and the spool of this machine.

    `uid` is the name that the database gave itself.
    """

    database: Database
    storage: Storage
    spool: Spool
    owner: Owner
    uid: str
    project_id: int
    project: str
    providers: Providers

    def object_path(self, sha256: str, extension: str) -> str:
        """Return where an image lies in the storage: by its content, so that the same bytes are kept once."""
        return f"{self.uid}/{self.project}/{sha256[:2]}/{sha256[2:4]}/{sha256}{extension}"
