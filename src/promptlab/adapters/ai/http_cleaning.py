"""Making what a server says fit to be kept and shown."""

import math
from collections.abc import Iterable
from typing import Any, TypeVar

_SHORTEST_SECRET = 4  # what is shorter is no key, and striking it out would make riddles of ordinary words
_DEEPEST = 50  # levels of nesting; nobody means more, and Python's own stack ends before JSON's

_Json = TypeVar("_Json")


class Cleaner:
    """Takes out of JSON data the keys that a server may echo, and what no database stores: NUL, infinity."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets: tuple[str, ...] = ()
        self.learn(secrets)

    def learn(self, secrets: Iterable[str]) -> None:
        """Take these out as well from now on: keys that live for an hour."""
        known = {*self._secrets, *(secret for secret in secrets if len(secret) >= _SHORTEST_SECRET)}
        # The longest first: one may be a part of another, whose rest would else stay.
        self._secrets = tuple(sorted(known, key=lambda secret: (-len(secret), secret)))

    def __call__(self, value: _Json) -> _Json:
        """Return the data with `***` for each secret; lists and tables are copied."""
        cleaned: _Json = self._cleaned(value)
        return cleaned

    def _cleaned(self, value: Any, depth: int = 0) -> Any:
        if isinstance(value, str):
            return self._text(value)
        if depth > _DEEPEST or (isinstance(value, float) and not math.isfinite(value)):
            return None
        if isinstance(value, dict):
            return {self._text(str(name)): self._cleaned(item, depth + 1) for name, item in value.items()}
        if isinstance(value, list | tuple):
            return [self._cleaned(item, depth + 1) for item in value]
        return value

    def _text(self, text: str) -> str:
        # Databases take neither NUL nor half of a surrogate pair, both of which JSON can spell.
        text = text.replace("\0", "").encode(errors="replace").decode()
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text
