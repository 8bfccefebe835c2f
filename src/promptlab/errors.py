"""The errors a person is meant to read, and the exit code each one ends in.

    PromptlabError            1
    ├── InvalidInput          2   wrong usage, or something unusable was given
    ├── NotFound              3   nothing there by that name
    ├── Conflict              3   at odds with what is there
    ├── NotConfigured         4   a setting or a key is missing or wrong
    ├── Unreachable           4   database, storage or network away
    ├── LimitReached          7   cost, images or deadline
    ├── NotAllowed            8   not for this role
    └── Interrupted         130   somebody stopped it; what was done is kept

Anything else that reaches `promptlab.cli.main` is a bug and ends in a traceback.
"""

from difflib import get_close_matches
from typing import ClassVar


class PromptlabError(Exception):
    """Something went wrong."""

    exit_code: ClassVar[int] = 1
    code: ClassVar[str] = "error"

    def __init__(self, message: str | None = None, *, hint: str | None = None) -> None:
        super().__init__(message or type(self).__doc__)
        self.hint = hint

    @property
    def message(self) -> str:
        return str(self)


class InvalidInput(PromptlabError):
    """This input cannot be used."""

    exit_code = 2
    code = "invalid_input"


class NotFound(PromptlabError):
    """There is nothing by that name."""

    exit_code = 3
    code = "not_found"


class Conflict(PromptlabError):
    """This is at odds with what is already there."""

    exit_code = 3
    code = "conflict"


class NotConfigured(PromptlabError):
    """A setting is missing or wrong."""

    exit_code = 4
    code = "not_configured"


class Unreachable(PromptlabError):
    """Something that promptlab depends on cannot be reached."""

    exit_code = 4
    code = "unreachable"


class LimitReached(PromptlabError):
    """A limit stopped the run."""

    exit_code = 7
    code = "limit_reached"


class NotAllowed(PromptlabError):
    """This role may not do that."""

    exit_code = 8
    code = "not_allowed"


class Interrupted(PromptlabError):
    """Somebody stopped this; what was done is kept."""

    exit_code = 130
    code = "interrupted"


def nearest(word: str, known: list[str]) -> str:
    """Return a sentence that offers the known word nearest to `word`, or an empty one."""
    found = nearest_name(word, known)
    return f" Did you mean {found!r}?" if found else ""


def nearest_name(word: str, known: list[str]) -> str | None:
    """Return the known word nearest to `word`, as it is or without the owner before a slash; None without one."""
    short = {name.partition("/")[2] or name: name for name in reversed(known)}
    for given, names in ((word, {name: name for name in known}), (word.partition("/")[2] or word, short)):
        if matches := get_close_matches(given, names, n=1):
            return names[matches[0]]
    return None
