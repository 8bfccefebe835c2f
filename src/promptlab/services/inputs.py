"""Input images that a person names on the command line: files, and addresses of files."""

from pathlib import Path

from promptlab.adapters.download import MAX_BYTES, download
from promptlab.adapters.storage.paths import path_of
from promptlab.errors import InvalidInput
from promptlab.services.images import ImageInfo, UnusableImage, inspect_image
from promptlab.settings.urls import redact


def load_input(source: str) -> tuple[bytes, ImageInfo]:
    """Return the bytes of the image at a path or http(s) URL, and what they are.

    Raises:
        InvalidInput: unreadable, empty, no image, cut off, too large or animated.
    """
    data = download(source) if source.startswith(("http://", "https://")) else _read(_path(source))
    shown = redact(source)
    try:
        info = inspect_image(data)
    except UnusableImage as error:
        raise InvalidInput(f"{shown} cannot be used as an input image: it {error.reason}.") from error
    if info.animated:
        raise InvalidInput(f"{shown} is animated; an input image stands still.", hint="Save one of its frames.")
    return data, info


def _path(source: str) -> Path:
    """Return the path that is meant: links that promptlab prints can be given back to it."""
    scheme, separator, _rest = source.partition("://")
    if not separator:
        return Path(source)
    found = path_of(source) if scheme == "file" else None
    if found is None:
        raise InvalidInput(
            f"{redact(source)} is no address that images are read from.", hint="Use a path, file:// or https://."
        )
    return found


def _read(path: Path) -> bytes:
    try:
        with path.expanduser().open("rb") as file:
            data = file.read(MAX_BYTES + 1)  # bounded for pipes and devices too, whose size nobody knows
    except (OSError, ValueError, RuntimeError) as error:  # RuntimeError: `~somebody`, who is not there
        why = getattr(error, "strerror", None) or str(error).rstrip(".")
        raise InvalidInput(f"{path} cannot be read: {why}.") from error
    if len(data) > MAX_BYTES:
        raise InvalidInput(f"{path} holds more than {MAX_BYTES:,} bytes.")
    return data
