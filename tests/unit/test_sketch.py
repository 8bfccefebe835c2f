"""The offline provider: pictures that follow from the words, at once, and that tell nothing."""

import hashlib
import time
from io import BytesIO

import pytest
from PIL import Image, ImageChops, ImageStat
from tests.pictures import hole, picture

from promptlab.adapters.ai.protocol import ImageProvider, ImageRequest, ProviderFailed
from promptlab.adapters.ai.registry import open_provider
from promptlab.adapters.ai.sketch_drawing import CAPTION
from promptlab.settings import load


@pytest.fixture
def sketch() -> ImageProvider:
    return open_provider("sketch", load())


def _ask(sketch: ImageProvider, prompt: str = "a red fox", **about: object) -> Image.Image:
    (data,) = sketch.generate(_request(prompt, **about), accepted=pytest.fail).images
    return Image.open(BytesIO(data)).convert("RGB")


def _request(prompt: str = "a red fox", **about: object) -> ImageRequest:
    given: dict[str, object] = {"model": "sketch-1", "user_prompt": prompt, "seed": 1, **about}
    return ImageRequest(**given)  # type: ignore[arg-type]


def _apart(one: Image.Image, other: Image.Image) -> float:
    """Return how far two images are apart on average, from 0 to 255."""
    return sum(ImageStat.Stat(ImageChops.difference(one, other)).mean) / 3


def test_a_seed_gives_the_same_bytes_on_every_run(sketch: ImageProvider) -> None:
    first = sketch.generate(_request(count=2), accepted=pytest.fail)
    again = open_provider("sketch", load()).generate(_request(count=2), accepted=pytest.fail)
    assert first == again


def test_the_seed_of_a_draw_is_reported_and_repeats_it(sketch: ImageProvider) -> None:
    """Without a seed one is drawn; asking with it again gives the same picture."""
    first = sketch.generate(_request(seed=None), accepted=pytest.fail)
    seed = first.effective_parameters["seed"]
    assert sketch.generate(_request(seed=seed), accepted=pytest.fail).images == first.images


@pytest.mark.parametrize("seed", [0, 2**63 - 1])
def test_every_seed_is_taken(sketch: ImageProvider, seed: int) -> None:
    assert sketch.generate(_request(seed=seed), accepted=pytest.fail).effective_parameters["seed"] == seed


@pytest.mark.parametrize(
    ("one", "other"),
    [("a fox at night", "a fox at noon"), ("a red fox", "a blue fox"), ("a banner", "a banner, watercolor")],
)
def test_versions_of_a_prompt_look_different(sketch: ImageProvider, one: str, other: str) -> None:
    assert _apart(_ask(sketch, one), _ask(sketch, other)) > 20


def test_night_is_darker_than_day(sketch: ImageProvider) -> None:
    night, day = (ImageStat.Stat(_ask(sketch, f"a field by {time}").convert("L")).mean[0] for time in ("night", "day"))
    assert night < day / 2


def test_an_input_image_is_seen_in_the_picture(sketch: ImageProvider) -> None:
    """In the middle of the picture is the input's colour, which is nowhere near it otherwise."""
    image = _ask(sketch, "fog", inputs=(picture("magenta", (300, 300)),))
    assert image.getpixel((384, 346)) == (255, 0, 255)
    assert _ask(sketch, "fog").getpixel((384, 346)) != (255, 0, 255)


def test_only_the_transparent_part_of_a_mask_is_drawn_anew(sketch: ImageProvider) -> None:
    image = _ask(sketch, "fog", inputs=(picture("magenta"),), mask=hole())
    assert image.getpixel((600, 200)) == (255, 0, 255)
    assert image.getpixel((100, 200)) != (255, 0, 255)


def test_the_picture_tells_nothing_of_where_it_comes_from(sketch: ImageProvider) -> None:
    """The caption says that it is a sketch; prompt and model are nowhere in the file."""
    assert CAPTION == "sketch, offline"
    (data,) = sketch.generate(_request("a secret word"), accepted=pytest.fail).images
    assert Image.open(BytesIO(data)).info == {}
    assert not any(word in data for word in (b"secret", b"sketch-1"))


def test_the_caption_is_the_same_in_every_picture(sketch: ImageProvider) -> None:
    """Its white letters are at the same place whatever the prompt."""
    letters = [_ask(sketch, prompt).crop((0, 720, 200, 768)).point(lambda value: 255 if value == 255 else 0)
               for prompt in ("dark night", "dark evening")]  # fmt: skip
    assert _apart(*letters) == 0
    assert ImageStat.Stat(letters[0]).mean[0] > 0


@pytest.mark.parametrize("size", ["64x64", "2048x64", "64x2048", "333x777"])
def test_every_size_within_the_limits_is_drawn(sketch: ImageProvider, size: str) -> None:
    image = _ask(sketch, parameters={"size": size}, inputs=(picture(),) * 4)
    assert f"{image.width}x{image.height}" == size


@pytest.mark.parametrize("size", ["63x64", "2049x64", "64", "64x", "axb", "64x64x64", "-64x64", "６４x64"])
def test_other_sizes_are_a_failure(sketch: ImageProvider, size: str) -> None:
    with pytest.raises(ProviderFailed, match="64 to 2048"):
        _ask(sketch, parameters={"size": size})


def test_it_costs_nothing(sketch: ImageProvider) -> None:
    assert sketch.generate(_request(), accepted=pytest.fail).cost_usd == 0.0
    assert sketch.capabilities("sketch-1").upper_price(count=10, inputs=4, prompt_bytes=32_000) == 0.0


def test_it_is_quick(sketch: ImageProvider) -> None:
    """A picture takes 20 ms of a processor, so that a tour of sixty is no wait; four times that is a fault."""
    _ask(sketch)
    started = time.process_time()
    for number in range(10):
        _ask(sketch, f"a city at night {number}")
    assert (time.process_time() - started) / 10 < 0.08


def test_prompts_of_every_kind_are_drawn(sketch: ImageProvider) -> None:
    """Empty, in another script, with half a surrogate pair, or endless: a hash is made of all of them."""
    seen = {
        hashlib.sha256(_ask(sketch, prompt, parameters={"size": "64x64"}).tobytes()).hexdigest()
        for prompt in ("", "夜の森", "\ud800", "word " * 50_000)
    }
    assert len(seen) == 4
