"""TOML that people write: what it holds, or a sentence with the line that cannot be read and what to do about it."""

import re
import tomllib
from pathlib import Path
from typing import Any

from promptlab.errors import NotConfigured
from promptlab.settings.secrets import is_secret_name
from promptlab.settings.urls import has_password

_LINE = re.compile(r"at line (\d+)")
_UNQUOTED = re.compile(r"""\s*(?P<name>[\w.-]+)\s*=\s*(?P<text>[^\s"'\[{#][^#"']*?)\s*(#.*)?""")
_TWICE = re.compile(r"Cannot (overwrite|declare|mutate)|Duplicate")
_FORM = 'A line is a [table], or a name, = and a value: project = "spring".'
_LONGEST_EXAMPLE = 60


def read_toml(path: Path, *, called: str) -> dict[str, Any]:
    """Return what the file holds.

    Raises:
        NotConfigured: it is no TOML; the sentence begins as the file is `called`.
        OSError: it cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _complaint(text, str(error), called) from error
    except UnicodeDecodeError as error:
        raise NotConfigured(f"{called} is not valid TOML: it is no UTF-8 text.", hint="Save it as UTF-8.") from error
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, brackets in brackets in brackets
        raise NotConfigured(f"{called} is not valid TOML: a value is too large.", hint=_FORM) from error


def _complaint(text: str, said: str, called: str) -> NotConfigured:
    lines = text.rstrip().splitlines() or [""]
    found = _LINE.search(said)
    number = min(int(found[1]), len(lines)) if found else len(lines)  # without a line it is the end of the file
    unquoted = _UNQUOTED.fullmatch(lines[number - 1])
    if unquoted and not _is_value(unquoted["text"]):
        message = f"{called} is not valid TOML: line {number} has text without quotes, and text needs quotes."
        return NotConfigured(message, hint=f"Write {_quoted(unquoted['name'], unquoted['text'])}")
    if _TWICE.search(said):
        message = f"{called} is not valid TOML: line {number} sets again what was set above it."
        return NotConfigured(message, hint="Keep one of them.")
    return NotConfigured(f"{called} is not valid TOML: line {number} cannot be read.", hint=_FORM)


def _is_value(text: str) -> bool:
    try:
        tomllib.loads(f"value = {text}")
    except ValueError:
        return False
    return True


def _quoted(name: str, text: str) -> str:
    """Return the line as it should be, with dots for what may be a secret."""
    secret = is_secret_name(name) or has_password(text) or not text.isprintable() or len(text) > _LONGEST_EXAMPLE
    mark = "'" if "\\" in text else '"'  # between double quotes a backslash means something else
    return f"{name} = {mark}{'…' if secret else text}{mark}"
