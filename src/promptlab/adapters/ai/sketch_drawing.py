"""How the offline provider draws: sky, sun or moon, ridges, and what stands before them.

Colours and motif follow from the prompt, so that two versions look different and one looks like itself in every draw;
the forms follow from the entropy. The caption says what the picture is, and nothing of what it was made from.
"""

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING

from promptlab.adapters.ai.sketch_palette import Palette, between, palette_of

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont
    from PIL.ImageFont import ImageFont as BitmapFont

CAPTION = "sketch, offline"

_STARLIGHT, _FRAME = (245, 245, 230), (250, 250, 246)


@dataclass(frozen=True, kw_only=True)
class Looks:
    """What is drawn for: the words, and the size in pixels."""

    prompt: str
    width: int
    height: int


def draw(looks: Looks, entropy: bytes, *, inputs: Sequence[bytes] = (), mask: bytes | None = None) -> bytes:
    """Return a PNG. Input images are laid into the scene; with a mask only its transparent part is drawn anew.

    Raises:
        OSError, ValueError: an input is no image.
    """
    from PIL import ImageDraw

    scene = _Scene(looks, palette_of(looks.prompt), random.Random(entropy)).painted()  # noqa: S311 - no secret
    picture = _with_inputs(scene, [_opened(data) for data in inputs], _opened(mask) if mask else None)
    _caption(ImageDraw.Draw(picture), looks)
    out = BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


class _Scene:
    """One landscape: painted from the back to the front."""

    def __init__(self, looks: Looks, palette: Palette, chance: random.Random) -> None:
        from PIL import Image, ImageDraw

        self.width, self.height = looks.width, looks.height
        self.palette, self.chance = palette, chance
        column = Image.new("RGB", (1, self.height))
        column.putdata([self._sky_at(y) for y in range(self.height)])
        self.image = column.resize((self.width, self.height))
        self.pen: ImageDraw.ImageDraw = ImageDraw.Draw(self.image)

    def painted(self) -> "Image":
        self._stars()
        self._sun()
        self._ridges()
        before = {"trees": self._trees, "towers": self._towers, "water": self._water}
        if self.palette.motif in before:
            before[self.palette.motif]()
        return self.image

    def _sky_at(self, y: float) -> tuple[int, int, int]:
        return between(self.palette.sky, self.palette.horizon, min(1.0, y / (self.height * 0.7)))

    def _stars(self) -> None:
        for _ in range(self.palette.stars):
            x, y = self.chance.uniform(0, self.width), self.chance.uniform(0, self.height * 0.55)
            self._disc(x, y, self.chance.uniform(0.3, 1.3) * max(1.0, self.height / 768), _STARLIGHT)

    def _sun(self) -> None:
        radius = min(self.width, self.height) * self.chance.uniform(0.06, 0.14)
        x, y = self.width * self.chance.uniform(0.15, 0.85), self.height * self.chance.uniform(0.15, 0.45)
        for ring in range(8, 0, -1):
            glow = between(self.palette.accent, self._sky_at(y), 0.55 + ring * 0.05)
            self._disc(x, y, radius * (1 + ring * 0.09), glow)
        self._disc(x, y, radius, self.palette.accent)

    def _ridges(self) -> None:
        layers = self.chance.randint(4, 6)
        step = max(2, self.width // 256)
        for layer in range(layers):
            share = layer / (layers - 1)
            profile = _profile(self.chance, roughness=self.height * (0.13 - 0.07 * share))
            base = self.height * (0.48 + 0.42 * share)
            line = [(x, base + profile(x / self.width)) for x in range(0, self.width + step, step)]
            corners = [(self.width + step, self.height), (0, self.height)]
            self.pen.polygon([*line, *corners], fill=between(self.palette.far, self.palette.near, share))

    def _trees(self) -> None:
        for _ in range(self.chance.randint(14, 24)):
            x, foot = self.chance.uniform(0, self.width), self.height * self.chance.uniform(0.88, 1.05)
            tall = self.height * self.chance.uniform(0.12, 0.3)
            for tier in range(3):
                wide, top = tall * (0.13 + 0.06 * tier), foot - tall * (1 - 0.26 * tier)
                corners = [(x, top), (x - wide, top + tall * 0.42), (x + wide, top + tall * 0.42)]
                self.pen.polygon(corners, fill=between(self.palette.near, (0, 0, 0), 0.35))

    def _towers(self) -> None:
        x = 0.0
        while x < self.width:
            wide = self.width * self.chance.uniform(0.05, 0.11)
            top = self.height * self.chance.uniform(0.45, 0.85)
            self.pen.rectangle((x, top, x + wide, self.height), fill=between(self.palette.near, (0, 0, 0), 0.3))
            self._windows(x, top, wide)
            x += wide + self.width * 0.006

    def _windows(self, left: float, top: float, wide: float) -> None:
        pane = wide / 7
        for row in range(int((self.height - top) / (pane * 2.2))):
            for column in range(3):
                if self.chance.random() < 0.45:
                    x, y = left + pane * (1 + column * 2), top + pane * (1 + row * 2.2)
                    self.pen.rectangle((x, y, x + pane, y + pane), fill=self.palette.accent)

    def _water(self) -> None:
        from PIL import ImageOps

        shore = round(self.height * self.chance.uniform(0.62, 0.72))
        mirrored = ImageOps.flip(self.image.crop((0, 2 * shore - self.height, self.width, shore)))
        self.image.paste(mirrored.point([round(value * 0.8) for value in range(256)] * 3), (0, shore))
        for _ in range(60):
            y = self.chance.uniform(shore, self.height)
            x, half = self.chance.uniform(0, self.width), self.width * self.chance.uniform(0.01, 0.05)
            self.pen.line((x - half, y, x + half, y), fill=self.palette.horizon)

    def _disc(self, x: float, y: float, radius: float, colour: tuple[int, int, int]) -> None:
        self.pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)


def _profile(chance: random.Random, *, roughness: float) -> Callable[[float], float]:
    """Return the height of a ridge, in pixels, over its length from 0 to 1: waves upon waves."""
    waves = [(chance.uniform(0.7, 1.3) * 2**octave, chance.uniform(0, math.tau), 0.55**octave) for octave in range(6)]

    def height(x: float) -> float:
        return roughness * sum(math.sin(x * math.tau * often + phase) * much for often, phase, much in waves)

    return height


def _opened(data: bytes) -> "Image":
    from PIL import Image

    with Image.open(BytesIO(data)) as image:
        return image.convert("RGBA")


def _with_inputs(scene: "Image", inputs: Sequence["Image"], mask: "Image | None") -> "Image":
    from PIL import Image

    if inputs and mask is not None:
        kept = mask.getchannel("A").resize(scene.size)
        return Image.composite(inputs[0].convert("RGB").resize(scene.size), scene, kept)
    for position, image in enumerate(inputs):
        _hang(scene, image, position=position, among=len(inputs))
    return scene


def _hang(scene: "Image", image: "Image", *, position: int, among: int) -> None:
    """Lay an input into the scene, in a white frame; several hang side by side."""
    from PIL import ImageDraw

    room = scene.width / among
    image.thumbnail((max(8, round(room * 0.72)), max(8, round(scene.height * 0.55))))
    left = round(room * (position + 0.5) - image.width / 2)
    top = round(scene.height * 0.45 - image.height / 2)
    edge = max(2, round(min(scene.size) * 0.012))
    frame = (left - edge, top - edge, left + image.width + edge - 1, top + image.height + edge - 1)
    ImageDraw.Draw(scene).rectangle(frame, fill=_FRAME)
    scene.paste(image, (left, top), image)


def _caption(pen: "ImageDraw", looks: Looks) -> None:
    size = max(9, min(looks.width, looks.height) // 36)
    place, edge = (size * 0.8, looks.height - size * 1.8), max(1, size // 9)
    pen.text(place, CAPTION, fill=(255, 255, 255), font=_font(size), stroke_width=edge, stroke_fill=(0, 0, 0))


@cache
def _font(size: int) -> "FreeTypeFont | BitmapFont":
    from PIL import ImageFont

    return ImageFont.load_default(size)
