"""Where objects lie: relative paths that stay inside a storage on every system, and the paths that file URLs name."""

import unicodedata
from pathlib import Path, PureWindowsPath
from urllib.parse import urlsplit

from promptlab.errors import InvalidInput

_LONGEST_NAME = 255  # of a file, on every file system in use
_LONGEST_PATH = 1024  # of a key, in S3


def check_path(path: str) -> str:
    """Return `path` as it is, if it names an object inside a storage on every system.

    Raises:
        InvalidInput: it is empty, absolute, climbs out, or holds what some storage cannot name.
    """
    steps = path.split("/")
    wrong = {
        "is empty": not path,
        "is absolute or names a drive": path.startswith("/") or bool(PureWindowsPath(path).drive),
        "climbs out with '..'": ".." in steps,
        "has an empty step": bool({"", "."}.intersection(steps)),
        "holds a backslash": "\\" in path,
        "holds a control character": any(unicodedata.category(character) in {"Cc", "Cs"} for character in path),
        "is too long": _size(path) > _LONGEST_PATH or max(map(_size, steps)) > _LONGEST_NAME,
    }
    for complaint, applies in wrong.items():
        if applies:
            raise InvalidInput(f"The path {path!r} cannot be used in the storage: it {complaint}.")
    return path


def path_of(url: str) -> Path | None:
    """Return the absolute path that a file URL names, None where it is no file URL of this machine."""
    from urllib.request import url2pathname  # loads http.client, email and ssl

    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    path = Path(url2pathname(parts.path))
    here = parts.scheme == "file" and parts.netloc in {"", "localhost"} and path.is_absolute()
    return path if here and not parts.query and not parts.fragment else None


def not_here(shown: str, place: str) -> InvalidInput:
    """Return the error for a path or URL that does not lie in `place`."""
    return InvalidInput(
        f"{shown!r} is not in the storage {place}.",
        hint="If it was stored elsewhere, set PROMPTLAB_STORAGE_URL to that place.",
    )


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))
