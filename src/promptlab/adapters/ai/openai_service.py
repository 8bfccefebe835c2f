"""Where a server is that speaks OpenAI's Images API, and how it is asked."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode, urlsplit

_VERSION = re.compile(r"/v\d\w*/*$")
_ACTION = re.compile(r"/(images/(generations|edits)|models)/*$")


@dataclass(frozen=True, kw_only=True)
class Service:
    """One server that speaks the Images API: its name here, where it is, and how it is asked.

    With `deployments` the model stands in the path. `query` goes with every request.
    """

    name: str
    base_url: str
    secret_headers: Mapping[str, str] = field(repr=False)
    deployments: bool = False
    query: Mapping[str, str] = field(default_factory=dict)
    default_model: str | None = None

    @property
    def host(self) -> str:
        return urlsplit(self.base_url).netloc

    @property
    def address_advice(self) -> str | None:
        """What is probably wrong with the base URL where nothing is found at it: its end. None for a likely one."""
        path = urlsplit(self.base_url).path
        if action := _ACTION.search(path):
            return f"The base URL should end before {action[0]}."
        # With most servers the version is `/v1`.
        likely = self.deployments or _VERSION.search(path)
        return None if likely else "The base URL probably lacks /v1 at its end."

    def path(self, action: str, model: str) -> str:
        """Return the path below the base URL that makes images: `generations` of nothing, or `edits` of some."""
        deployment = f"/deployments/{quote(model, safe='')}" if self.deployments else ""
        return self._asked(f"{deployment}/images/{action}")

    @property
    def models(self) -> str:
        """The path below the base URL that lists the models."""
        return self._asked("/models")

    def _asked(self, path: str) -> str:
        return f"{path}?{urlencode(self.query)}" if self.query else path
