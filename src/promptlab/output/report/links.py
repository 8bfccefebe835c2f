"""Links from a report to the images in full size: relative where they lie in a folder, else signed for a while."""

import os
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from promptlab.adapters.storage.paths import path_of
from promptlab.errors import PromptlabError


class Links:
    """Makes links for a report that lies in `folder`; `sign` makes them for images that lie in no folder."""

    def __init__(self, folder: Path, sign: Callable[[str], str]) -> None:
        self._folder, self._sign = Path(os.path.realpath(folder)), sign
        self._made: dict[str, str | None] = {}
        self.has_signed = self.has_beside = self.has_elsewhere = False

    def of(self, url: str) -> str | None:
        """Return the link to the image at a URL, None where there can be none."""
        if url not in self._made:
            self._made[url] = self._new(url)
        return self._made[url]

    def _new(self, url: str) -> str | None:
        path = path_of(url)
        if path is None:
            return self._signed(url)
        try:
            steps = Path(os.path.relpath(os.path.realpath(path), self._folder)).as_posix()
        except ValueError:  # on another drive
            self.has_elsewhere = True
            return url
        if steps.startswith("../"):
            self.has_elsewhere = True
        else:
            self.has_beside = True
        return quote(steps)

    def _signed(self, url: str) -> str | None:
        try:
            link = self._sign(url)
        except PromptlabError:  # kept in a storage that the settings do not name
            return None
        self.has_signed = True
        return link
