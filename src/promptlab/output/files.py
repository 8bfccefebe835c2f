"""Files that a command is asked to write: looked at before anything is bought, and written whole or not at all."""

import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from promptlab.errors import InvalidInput, Unreachable


def require_writable(path: Path, *, flag: str, so_far: str) -> None:
    """Check that a file can be written there, and make its folder; raises InvalidInput where it cannot.

    `so_far` says what was done until now.
    """
    hint = f"{so_far} Choose another {flag}."
    try:
        target = _target(path)
        if not _is_free(target):
            raise InvalidInput(f"{str(path)!r} is no file that can be written.", hint=hint)
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=target.parent):
            pass
    except (OSError, ValueError) as error:  # a NUL in a path is a ValueError
        reason = getattr(error, "strerror", None) or error
        raise InvalidInput(f"{str(path)!r} cannot be written: {reason}.", hint=hint) from error


@contextmanager
def written_whole(path: Path) -> Iterator[TextIO]:
    """Yield a file that takes the place of the one at `path` when the block ends well; otherwise nothing changes.

    Raises:
        Unreachable: it cannot be written, for example on a full disk.
    """
    target = _target(path)
    temporary = target.with_name(f".promptlab-{secrets.token_hex(8)}")
    try:
        with temporary.open("x", encoding="utf-8", newline="\n") as file:
            yield file
        temporary.replace(target)
    except OSError as error:
        raise Unreachable(
            f"{str(path)!r} cannot be written: {error.strerror or error}.",
            hint="What was made is recorded all the same.",
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def _target(path: Path) -> Path:
    """Return where a file really lies: what a link points to is replaced, not the link."""
    return Path(os.path.realpath(path))


def _is_free(target: Path) -> bool:
    """Say whether nothing is there yet, or a file that may be replaced: no folder, no device, no pipe."""
    try:
        target.stat()
    except FileNotFoundError:
        return True
    return target.is_file() and os.access(target, os.W_OK)
