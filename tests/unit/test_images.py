"""What image bytes really are."""

import struct
import zlib
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from promptlab.services.images import MAX_FRAMES, UnusableImage, extension, inspect_image

KINDS = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp", "GIF": "image/gif"}


def encoded(kind: str = "PNG", size: tuple[int, int] = (40, 30), frames: int = 1) -> bytes:
    made = [Image.effect_noise(size, 90 + number).convert("RGB") for number in range(frames)]
    buffer = BytesIO()
    more: dict[str, object] = {"save_all": True, "append_images": made[1:]} if frames > 1 else {}
    made[0].save(buffer, kind, **more)
    return buffer.getvalue()


def bomb(width: int, height: int) -> bytes:
    """A few bytes of PNG that say they are a huge picture."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 64)) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("kind", KINDS)
def test_the_bytes_say_what_an_image_is(kind: str) -> None:
    info = inspect_image(encoded(kind))
    assert (info.media_type, info.width, info.height, info.animated) == (KINDS[kind], 40, 30, False)
    assert extension(info.media_type).startswith(".")


def test_a_picture_with_a_second_one_behind_it_is_a_jpeg() -> None:
    """Many telephones write such files."""
    info = inspect_image(encoded("MPO", frames=2))
    assert (info.media_type, info.animated) == ("image/jpeg", False)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("part", [0.3, 0.6, 0.9])
def test_an_image_that_was_cut_off_is_not_usable(kind: str, part: float) -> None:
    data = encoded(kind, size=(200, 200))
    with pytest.raises(UnusableImage):
        inspect_image(data[: int(len(data) * part)])


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "is empty"),
        (b"<html>busy</html>", "is no PNG"),
        (b"\x89PNG\r\n\x1a\n", "is cut off or damaged|is no PNG"),
        (encoded("BMP"), "is no PNG"),
        (encoded("TIFF"), "is no PNG"),
    ],
    ids=["empty", "page", "head", "bmp", "tiff"],
)
def test_what_is_no_image_is_told_as_such(data: bytes, reason: str) -> None:
    with pytest.raises(UnusableImage, match=reason):
        inspect_image(data)


@pytest.mark.parametrize("size", [(10_000, 10_000), (60_000, 60_000), (2**31 - 1, 2)])
def test_a_decompression_bomb_is_refused_before_it_is_decoded(size: tuple[int, int]) -> None:
    with pytest.raises(UnusableImage, match="pixels, more than"):
        inspect_image(bomb(*size))


def test_an_animation_is_known_as_one() -> None:
    assert inspect_image(encoded("GIF", frames=3)).animated


def test_an_animation_without_end_is_refused() -> None:
    with pytest.raises(UnusableImage, match="frames, more than"):
        inspect_image(encoded("GIF", size=(4, 4), frames=MAX_FRAMES + 1))


@given(st.binary(max_size=300), st.sampled_from(sorted(KINDS)), st.integers(0, 400))
def test_damaged_bytes_are_an_image_or_not_usable(noise: bytes, kind: str, at: int) -> None:
    """No decoder's own exception comes through."""
    data = encoded(kind, size=(8, 8))
    try:
        inspect_image(data[:at] + noise + data[at + len(noise) :])
    except UnusableImage as error:
        assert error.reason
