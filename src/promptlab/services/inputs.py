"""Input images that a person names on the command line: files, and addresses of files."""

from pathlib import Path

from promptlab.adapters.download import MAX_BYTES, download
from promptlab.errors import InvalidInput
from promptlab.services.images import ImageInfo, UnusableImage, inspect_image


def load_input(source: str) -> tuple[bytes, ImageInfo]:
    """Return the bytes of the image at a path or http(s) URL, and what they are.

    Raises:
        InvalidInput: unreadable, empty, no image, cut off, too large or animated.
    """
    data = download(source) if source.startswith(("http://", "https://")) else _read(Path(source))
    try:
        info = inspect_image(data)
    except UnusableImage as error:
        raise InvalidInput(f"{source} cannot be used as an input image: it {error.reason}.") from error
    if info.animated:
        raise InvalidInput(f"{source} is animated; an input image stands still.", hint="Save one of its frames.")
    return data, info


def _read(path: Path) -> bytes:
    try:
        if path.is_file() and path.stat().st_size > MAX_BYTES:
            raise InvalidInput(f"{path} holds more than {MAX_BYTES:,} bytes.")
        return path.expanduser().read_bytes()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise InvalidInput(f"{path} cannot be read: {why}.") from error
