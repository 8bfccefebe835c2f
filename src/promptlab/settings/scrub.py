"""Striking secrets out of text that nobody has written for people: tracebacks, and what libraries log."""

import logging
import os
import re
from collections.abc import Iterator
from urllib.parse import unquote, unquote_plus

from promptlab.settings.urls import passwords_in

_SECRET_NAME = re.compile(r"KEY|TOKEN|SECRET|PASSWORD", re.IGNORECASE)
_SHORTEST = 4

_QUERY = re.compile(r"(?P<address>\b[a-z][a-z0-9+.-]*://[^\s?\"'<>]*)\?[^\s\"'<>]*", re.IGNORECASE)
_USER = re.compile(r"(?P<scheme>\b[a-z][a-z0-9+.-]*://)[^\s/\"'<>]*@", re.IGNORECASE)
_CREDENTIAL = re.compile(r"\b(?P<kind>bearer|basic|key|token)(?P<blank> +)[\w~+/=.:-]{8,}", re.IGNORECASE)
_HEADER = re.compile(
    r"(?P<name>[\w-]*(?:key|token|secret|authorization)[\w-]*)(?P<between>['\"]?\s*[:=,]\s*b?['\"]?)[^\s'\",]+",
    re.IGNORECASE,
)


def scrub(text: str) -> str:
    """Return the text without the value of any secret in the environment."""
    # The longest first: a short one may be part of it.
    for secret in sorted({*_secrets()}, key=len, reverse=True):
        if len(secret) >= _SHORTEST:
            text = text.replace(secret, "***")
    return text


class ScrubbingFormatter(logging.Formatter):
    """Formats what libraries log without the secrets of the environment, the queries of addresses and credentials.

    A key may come from a place that is not the environment, and an address may be signed for whoever has it.
    """

    def format(self, record: logging.LogRecord) -> str:
        text = scrub(super().format(record))
        text = _USER.sub(r"\g<scheme>***@", _QUERY.sub(r"\g<address>?***", text))
        text = _CREDENTIAL.sub(r"\g<kind>\g<blank>***", text)
        return _HEADER.sub(r"\g<name>\g<between>***", text)


def _secrets() -> Iterator[str]:
    for name, value in os.environ.items():
        for password in passwords_in(value):
            yield from (password, unquote(password), unquote_plus(password))
        if "://" not in value and _SECRET_NAME.search(name):
            yield value
