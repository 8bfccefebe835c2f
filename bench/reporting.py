"""`promptlab report` of 500 generations with images of 1 MB: how long it takes, how large it gets, what it holds."""

import json
import os
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

from PIL import Image  # noqa: TID253 - nobody waits for the start of a benchmark
from tests.fixtures.factories import opening
from tests.planted_report import plant, png

from bench._load import run
from bench._measure import report, report_most
from promptlab.adapters.storage.local import LocalStorage
from promptlab.db.migrate import upgrade

CASES, VERSIONS, SIZE = 250, 2, (1024, 1024)
DIFFERENT, GRAIN = 24, 0.004
SECONDS, MEGABYTES, MEMORY = 10.0, 15.0, 2.0


@cache
def noise(_number: int) -> bytes:
    """Return the image of the other benchmarks: grey noise of 1 MB."""
    return png(Image.effect_noise((1_000, 1_000), 60))


@cache
def photograph(number: int) -> bytes:
    """Return a PNG of about 1 MB: soft shapes with a little grain, as images from a model are."""
    soft = Image.effect_noise((16, 16), 120 + number).resize(SIZE, Image.Resampling.BICUBIC)
    tint = Image.merge("RGB", [soft, soft.rotate(90 * (1 + number % 3)), soft.rotate(180)])
    grain = Image.merge("RGB", [Image.effect_noise(SIZE, 60) for _ in range(3)])
    return png(Image.blend(tint, grain, GRAIN))


def measure(kind: Callable[[int], bytes], home: Path) -> None:
    url = f"sqlite:///{home}/promptlab.db"
    upgrade(url)
    with opening(url) as database:
        plant(
            database,
            LocalStorage(home / "images"),
            versions=VERSIONS,
            cases=CASES,
            inputs=False,
            # An end of its own, which no reader looks at: all have other bytes.
            draw=lambda case, version: kind(case % DIFFERENT) + f"{case} {version}".encode(),
        )
    size = sum(path.stat().st_size for path in home.rglob("*.png")) / 1e6
    print(f"{CASES * VERSIONS} generations, {size:.0f} MB of images: {kind.__name__}")
    environment = {**os.environ, "PROMPTLAB_HOME": str(home)}
    start = run("promptlab", "stats", environment=environment)
    taken = run("promptlab", "report", "-o", home / "report.html", "--json", environment=environment)
    found = json.loads(taken.out)
    print(f"{taken.seconds:.1f} s, {taken.busy:.1f} s of processor, {taken.peak_mb:.0f} MB of memory")
    report("seconds of a report, start-up included", taken.seconds, SECONDS)
    report("megabytes of its file", found["bytes"] / 1e6, MEGABYTES)
    report_most("images left out", found["images_left_out"], 0)
    report("memory of a report / of stats", taken.peak_mb / start.peak_mb, MEMORY)


def main() -> None:
    for kind in (noise, photograph):
        with tempfile.TemporaryDirectory() as name:
            measure(kind, Path(name))


if __name__ == "__main__":
    main()
