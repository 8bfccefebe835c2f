"""Pictures side by side as one."""

from io import BytesIO
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from promptlab.errors import InvalidInput
from promptlab.output.sheet import captioned, side_by_side


def png(width: int, height: int, colour: str = "teal", **written: str) -> bytes:
    kept, text = BytesIO(), PngInfo()
    for name, value in written.items():
        text.add_text(name, value)
    Image.new("RGB", (width, height), colour).save(kept, "PNG", pnginfo=text)
    return kept.getvalue()


_SIZES = st.lists(st.tuples(st.integers(1, 60), st.integers(1, 60)), min_size=1, max_size=4)


@given(_SIZES, st.integers(20, 200), st.integers(1, 90), st.integers(0, 4))
def test_all_fit_and_none_covers_another(sizes: list[tuple[int, int]], width: int, height: int, gap: int) -> None:
    sheet, places = side_by_side([png(*size) for size in sizes], width=width, height=height, gap=gap)
    assert sheet.width <= width
    assert sheet.height <= min(height, max(tall for _wide, tall in sizes))
    assert len(places) == len(sizes)
    for place, after in pairwise(places):
        assert place.left + place.width + gap == after.left
    assert places[-1].left + places[-1].width == sheet.width


def test_they_stand_in_their_order_and_keep_their_shape() -> None:
    sheet, places = side_by_side([png(40, 20, "red"), png(10, 20, "blue")], width=100, height=20, gap=5)
    assert [(place.left, place.width) for place in places] == [(0, 40), (45, 10)]
    assert [sheet.getpixel((x, 10)) for x in (20, 42, 50)] == [(255, 0, 0), (128, 128, 128), (0, 0, 255)]


@pytest.mark.parametrize("count", [1, 2])
def test_what_is_written_into_their_files_is_not_in_the_sheet(count: int) -> None:
    made = captioned([("image", png(40, 20, parameters="a secret prompt"))] * count)
    assert b"secret" not in made
    with Image.open(BytesIO(made)) as sheet:
        assert sheet.info == {}


def test_what_is_no_picture_is_said() -> None:
    with pytest.raises(InvalidInput, match="cannot be drawn"):
        captioned([("image", b"no picture")])
