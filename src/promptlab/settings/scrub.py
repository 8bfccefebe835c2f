"""Striking secrets out of text that nobody has written for people: tracebacks."""

import os
import re
from collections.abc import Iterator
from urllib.parse import unquote, unquote_plus

from promptlab.settings.urls import passwords_in

_SECRET_NAME = re.compile(r"KEY|TOKEN|SECRET|PASSWORD", re.IGNORECASE)
_SHORTEST = 4


def scrub(text: str) -> str:
    """Return the text without the value of any secret in the environment."""
    # The longest first: a short one may be part of it.
    for secret in sorted({*_secrets()}, key=len, reverse=True):
        if len(secret) >= _SHORTEST:
            text = text.replace(secret, "***")
    return text


def _secrets() -> Iterator[str]:
    for name, value in os.environ.items():
        for password in passwords_in(value):
            yield from (password, unquote(password), unquote_plus(password))
        if "://" not in value and _SECRET_NAME.search(name):
            yield value
