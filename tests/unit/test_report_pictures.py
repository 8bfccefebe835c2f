"""Pictures and plots of a report: whatever an image is, its thumbnail looks like it."""

import re
from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from promptlab.output.report import plots
from promptlab.output.report.thumbnails import STEPS, Picture, Step, Undrawable, redrawn, thumbnail

STEP = Step(edge=100, quality=90)


def encoded(image: Image.Image, kind: str, **how: Any) -> bytes:
    out = BytesIO()
    image.save(out, kind, **how)
    return out.getvalue()


def opened(picture: Picture) -> Image.Image:
    assert picture.media_type == "image/jpeg"
    found = Image.open(BytesIO(picture.data))
    assert found.size == (picture.width, picture.height)
    return found


def near(image: Image.Image, place: tuple[int, int], colour: tuple[int, int, int]) -> bool:
    found = image.getpixel(place)
    assert isinstance(found, tuple)
    return all(abs(a - b) < 16 for a, b in zip(found, colour, strict=True))


@pytest.mark.parametrize(("size", "small"), [((400, 200), (100, 50)), ((210, 300), (70, 100)), ((60, 30), (60, 30))])
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
def test_a_thumbnail_keeps_shape_and_colours_of_every_kind(
    kind: str, size: tuple[int, int], small: tuple[int, int]
) -> None:
    image = Image.new("RGB", size, (200, 40, 40))
    image.paste((30, 60, 200), (size[0] // 2, 0, *size))
    found = opened(thumbnail(encoded(image, kind), STEP))
    assert found.size == small
    assert near(found, (4, 4), (200, 40, 40))
    assert near(found, (found.width - 4, 4), (30, 60, 200))


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_what_is_transparent_is_white(mode: str) -> None:
    clear = Image.new("RGBA", (200, 200), (0, 0, 0, 0))
    image = clear.convert(mode) if mode != "P" else clear.quantize(4)
    assert near(opened(thumbnail(encoded(image, "PNG"), STEP)), (50, 50), (255, 255, 255))


def test_a_photograph_stands_as_the_camera_says() -> None:
    turned = Image.new("RGB", (1, 1)).getexif()
    turned[0x0112] = 6
    found = thumbnail(encoded(Image.new("RGB", (400, 200), "teal"), "JPEG", exif=turned), STEP)
    assert (found.width, found.height) == (50, 100)
    assert (redrawn(encoded(Image.new("RGB", (40, 20)), "JPEG", exif=turned)).width) == 20


def test_an_animation_shows_its_first_frame() -> None:
    frames = [Image.new("RGB", (80, 80), colour) for colour in ("red", "blue")]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert near(opened(thumbnail(data, STEP)), (40, 40), (255, 0, 0))


@pytest.mark.parametrize("data", [b"", b"no image", encoded(Image.effect_noise((90, 90), 50), "PNG")[:2000]])
def test_what_is_no_whole_image_is_not_drawn(data: bytes) -> None:
    with pytest.raises(Undrawable):
        thumbnail(data, STEP)
    with pytest.raises(Undrawable):
        redrawn(data)


def test_each_step_is_smaller_than_the_one_before() -> None:
    data = encoded(Image.effect_noise((700, 700), 80), "PNG")
    sizes = [len(thumbnail(data, step).data) for step in STEPS]
    assert sizes == sorted(sizes, reverse=True)
    assert len(set(sizes)) == len(sizes)


def test_plots_say_their_numbers_to_who_cannot_see_them() -> None:
    look = {"theta": 0.62, "interval": [0.51, 0.72], "blocks": 40}
    drawn = [
        plots.interval_plot(look),
        plots.history_plot([look | {"blocks": 20}, look], "case"),
        plots.mean_plot(3.25, [2.5, 4.0]),
        plots.distribution_plot({"1": 0, "2": 3, "3": 0, "4": 9, "5": 1}),
    ]
    said = [re.findall(r'aria-label="([^"]+)"', plot)[0] for plot in drawn]
    assert said == [
        "Wins 62 of 100, ties split; between 51 and 72.",
        "Wins of 100 by number of cases; after 20: 62, 51 to 72; after 40: 62, 51 to 72.",
        "Mean 3.25, between 2.50 and 4.00.",
        "How often each score was given: 0 of 1, 3 of 2, 0 of 3, 9 of 4, 1 of 5.",
    ]
