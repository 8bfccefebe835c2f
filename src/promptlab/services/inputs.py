"""Input images that a person names on the command line: files, and addresses of files."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from promptlab.adapters.download import MAX_BYTES, download
from promptlab.adapters.storage.paths import path_of
from promptlab.db.states import ImageRole
from promptlab.errors import InvalidInput
from promptlab.services.cases import ImageFacts
from promptlab.services.images import ImageInfo, UnusableImage, inspect_image
from promptlab.services.keeping import store_image
from promptlab.services.lab import Lab
from promptlab.settings.urls import redact


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """An image that was read, with what is known of it."""

    data: bytes
    info: ImageInfo
    facts: ImageFacts

    def stored(self, lab: Lab) -> ImageFacts:
        """Put it into the storage and return it with its URL."""
        columns = store_image(lab, self.data, self.info, position=self.facts.position)
        return replace(self.facts, url=columns["url"])


def load_images(inputs: Sequence[str], mask: str | None) -> list[Loaded]:
    """Return the input images, in order, and the mask behind them if there is one; raises as `load_input` does."""
    loaded = [_loaded(load_input(source), ImageRole.INPUT, position) for position, source in enumerate(inputs)]
    if mask is not None:
        loaded.append(_loaded(load_input(mask), ImageRole.MASK, 0))
    return loaded


def check_mask(images: Sequence[Loaded]) -> None:
    """Check that a mask, where there is one, has transparency and the size of the first input.

    Raises:
        InvalidInput: it has not.
    """
    if images and images[-1].facts.role is ImageRole.MASK:
        _check_mask(images[-1].info, images[0].info)


def _loaded(read: tuple[bytes, ImageInfo], role: ImageRole, position: int) -> Loaded:
    data, info = read
    facts = ImageFacts(
        role=role,
        position=position,
        sha256=sha256(data).hexdigest(),
        media_type=info.media_type,
        bytes=len(data),
        width=info.width,
        height=info.height,
    )
    return Loaded(data=data, info=info, facts=facts)


def _check_mask(mask: ImageInfo, first: ImageInfo) -> None:
    if not mask.transparent:
        raise InvalidInput(
            "The mask has no transparency.", hint="Make transparent what is to be redone, and save a PNG."
        )
    if (mask.width, mask.height) != (first.width, first.height):
        raise InvalidInput(
            f"The mask is {mask.width}x{mask.height} and the first input {first.width}x{first.height}; "
            "they must have the same size."
        )


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
