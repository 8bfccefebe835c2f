"""Striking secrets out of text that nobody has written for people: tracebacks, logs."""

import os
import re
from urllib.parse import urlsplit

_SECRET_NAME = re.compile(r"KEY|TOKEN|SECRET|PASSWORD", re.IGNORECASE)


def scrub(text: str) -> str:
    """Return the text without the value of any secret in the environment."""
    for name, value in os.environ.items():
        secret = _password(value) if "://" in value else value if _SECRET_NAME.search(name) else None
        if secret and len(secret) >= 4:
            text = text.replace(secret, "***")
    return text


def _password(url: str) -> str | None:
    try:
        return urlsplit(url).password
    except ValueError:
        return None
