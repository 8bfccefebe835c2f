"""From the key that is a score to the next item, drawn, with 1,000,000 generations and images of 1.9 MB.

The loop of `promptlab rate` in a terminal, by somebody who looks at each item for two seconds.
"""

import os
import sys
import tempfile
import time
from io import BytesIO
from pathlib import Path

import pexpect
from sqlalchemy import text

from bench._measure import report
from bench.review import fill
from promptlab.db.engine import open_database
from promptlab.db.migrate import upgrade

ITEMS, PICTURES, LIMIT = 60, 20, 100  # milliseconds
_SECONDS = 2
_SIDE, _SPOTS = 1024, 128  # pixels on each side

_TERMINALS = {"half blocks": ("", ("--preview",)), "sixel": ("\x1b[?62;4c", ())}
"""What a terminal answers when it is asked what it can, and how `rate` is called there."""

_OUTPUTS = """
INSERT INTO generation_image_output (project_id, generation_id, url, sha256, media_type, width, height, bytes, position)
SELECT 1, id, :folder || (id % :pictures) || '.png', 'a', 'image/png', :side, :side, 1000000, 0
FROM (SELECT id FROM generation ORDER BY review_position, id LIMIT :items) AS first
"""


def picture() -> bytes:
    """Return an image as hard to pack as a photograph: soft spots of all colours, with grain."""
    from PIL import Image

    def noise(side: int) -> Image.Image:
        return Image.frombytes("RGB", (side, side), os.urandom(3 * side**2))

    spots = noise(_SPOTS).resize((_SIDE, _SIDE), Image.Resampling.BICUBIC)
    kept = BytesIO()
    Image.blend(spots, noise(_SIDE), 0.06).save(kept, "PNG")
    return kept.getvalue()


def prepare(url: str, folder: Path) -> None:
    upgrade(url)
    database = open_database(url)
    fill(database)
    images = folder / "images"
    images.mkdir()
    for number in range(PICTURES):
        (images / f"{number}.png").write_bytes(picture())
    values = {"folder": f"{images.as_uri()}/", "pictures": PICTURES, "side": _SIDE, "items": 4 * ITEMS}
    with database.transaction() as session:
        session.connection().execute(text(_OUTPUTS), values)
    database.close()


def next_items(folder: Path, answer: str, flags: tuple[str, ...]) -> list[float]:
    """Return the milliseconds from each score to the item after it."""
    child: pexpect.spawn[str] = pexpect.spawn(
        sys.executable, ["-m", "promptlab", "rate", "--rater", f"new{len(flags)}", *flags],
        cwd=str(folder), env={**os.environ, "TERM": "xterm-256color", "PROMPTLAB_HOME": str(folder)},
        encoding="utf-8", timeout=60, dimensions=(40, 120), maxread=1_000_000, searchwindowsize=200,
    )  # fmt: skip
    child.delaybeforesend = None
    if answer:
        child.expect_exact("\x1b[c")
        child.send(answer)
    child.expect("q quit")
    taken: list[float] = []
    for _item in range(ITEMS):
        time.sleep(_SECONDS)
        start = time.perf_counter()
        child.send("4")
        child.expect("q quit")
        taken.append((time.perf_counter() - start) * 1000)
    child.close(force=True)
    return taken


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(f"sqlite:///{folder / 'promptlab.db'}", folder)
        for terminal, (answer, flags) in _TERMINALS.items():
            taken = sorted(next_items(folder, answer, flags))
            report(f"next item in {terminal}, median of {ITEMS}, ms", taken[ITEMS // 2], LIMIT)
            report(f"next item in {terminal}, 19 of 20, ms", taken[ITEMS * 19 // 20], LIMIT)


if __name__ == "__main__":
    main()
