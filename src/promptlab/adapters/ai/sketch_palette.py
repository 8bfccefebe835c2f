"""The colours of the offline provider's drawings: chosen by words of the prompt, and by its hash where none says."""

import colorsys
import hashlib
import re
from typing import NamedTuple

Colour = tuple[int, int, int]

# Hues are turns from 0 to 1.
_HUES = {
    "red": 0.99, "crimson": 0.97, "orange": 0.07, "autumn": 0.07, "amber": 0.11, "desert": 0.10, "gold": 0.13,
    "golden": 0.13, "yellow": 0.15, "lime": 0.24, "green": 0.34, "forest": 0.38, "jungle": 0.36, "spring": 0.28,
    "teal": 0.48, "turquoise": 0.48, "cyan": 0.51, "sea": 0.54, "ocean": 0.56, "winter": 0.57, "snow": 0.57,
    "blue": 0.60, "indigo": 0.69, "violet": 0.75, "purple": 0.78, "lavender": 0.74, "magenta": 0.86, "pink": 0.92,
    "rose": 0.95,
}  # fmt: skip


class Light(NamedTuple):
    """A time of day or a style: saturation and value, from 0 to 1, of the sky above, at the horizon and of the land."""

    sky_saturation: float
    sky_value: float
    horizon_saturation: float
    horizon_value: float
    land_saturation: float
    land_value: float
    stars: int = 0


_DAY = Light(0.45, 0.90, 0.18, 0.99, 0.45, 0.50)
_LIGHTS = {
    "night": Light(0.70, 0.12, 0.55, 0.34, 0.45, 0.16, stars=90),
    "dark": Light(0.60, 0.10, 0.50, 0.28, 0.40, 0.14, stars=20),
    "dusk": Light(0.60, 0.38, 0.62, 0.96, 0.50, 0.30, stars=12),
    "sunset": Light(0.62, 0.55, 0.68, 1.00, 0.55, 0.32),
    "dawn": Light(0.35, 0.75, 0.40, 1.00, 0.35, 0.45),
    "neon": Light(0.90, 0.10, 0.95, 0.55, 1.00, 0.85, stars=40),
    "watercolor": Light(0.22, 0.97, 0.08, 1.00, 0.28, 0.72),
    "fog": Light(0.10, 0.85, 0.05, 0.95, 0.14, 0.62),
    "noir": Light(0.00, 0.30, 0.00, 0.85, 0.00, 0.20),
}
_SAME = {
    "moonlit": "night", "midnight": "night", "moon": "night", "evening": "dusk", "twilight": "dusk",
    "sunrise": "dawn", "morning": "dawn", "cyberpunk": "neon", "glowing": "neon", "watercolour": "watercolor",
    "aquarelle": "watercolor", "pastel": "watercolor", "mist": "fog", "misty": "fog", "foggy": "fog",
    "monochrome": "noir", "grayscale": "noir",
}  # fmt: skip


_MOTIFS = {
    "forest": "trees", "tree": "trees", "trees": "trees", "jungle": "trees", "wood": "trees", "park": "trees",
    "fox": "trees", "bird": "trees", "owl": "trees", "city": "towers", "town": "towers", "street": "towers",
    "building": "towers", "skyline": "towers", "office": "towers", "shop": "towers", "cyberpunk": "towers",
    "sea": "water", "ocean": "water", "lake": "water", "river": "water", "harbour": "water", "harbor": "water",
    "beach": "water", "boat": "water", "ship": "water", "lighthouse": "water", "island": "water",
    "mountain": "hills", "mountains": "hills", "desert": "hills", "valley": "hills", "meadow": "hills",
}  # fmt: skip
_CHANCE_MOTIFS = ("hills", "trees", "towers", "water")
_WARM: Colour = (255, 244, 214)


class Palette(NamedTuple):
    """The colours of one drawing, how many stars it has, and what stands in its foreground."""

    sky: Colour
    horizon: Colour
    far: Colour
    near: Colour
    accent: Colour
    stars: int
    motif: str


def palette_of(prompt: str) -> Palette:
    """Return the colours for a prompt: the same prompt has the same ones in every draw."""
    digest = hashlib.sha256(prompt.encode(errors="replace")).digest()
    words = re.findall(r"[a-z]+", prompt.lower())
    hue = next((_HUES[word] for word in words if word in _HUES), digest[0] / 256) + (digest[1] / 256 - 0.5) * 0.04
    light = next((_LIGHTS[name] for word in words if (name := _SAME.get(word, word)) in _LIGHTS), _DAY)
    land = hue + (0.08, -0.08, 0.42, 0.5)[digest[2] % 4]
    return Palette(
        sky=_rgb(hue, light.sky_saturation, light.sky_value),
        horizon=_rgb(hue + 0.06, light.horizon_saturation, light.horizon_value),
        far=_rgb((hue * 2 + land) / 3, light.land_saturation * 0.6, (light.land_value + light.horizon_value) / 2),
        near=_rgb(land, light.land_saturation, light.land_value * 0.55),
        accent=between(_rgb(hue + 0.5, min(1.0, light.horizon_saturation + 0.15), 1.0), _WARM, 0.5),
        stars=light.stars,
        motif=next((_MOTIFS[word] for word in words if word in _MOTIFS), _CHANCE_MOTIFS[digest[3] % 4]),
    )


def _rgb(hue: float, saturation: float, value: float) -> Colour:
    red, green, blue = colorsys.hsv_to_rgb(hue % 1.0, saturation, value)
    return round(red * 255), round(green * 255), round(blue * 255)


def between(one: Colour, other: Colour, share: float) -> Colour:
    """Return the colour that lies a share, from 0 to 1, of the way to the other."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue
