"""From the key that is a score to the next item, drawn, with 1,000,000 generations and images of 1 MB.

The loop of `promptlab rate` in a terminal, by somebody who looks at each item for a second.
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
_SIDE = 590  # pixels of noise on each side make 1 MB

_TERMINALS = {"half blocks": ("", ("--preview",)), "sixel": ("\x1b[?62;4c", ())}
"""What a terminal answers when it is asked what it can, and how `rate` is called there."""

_OUTPUTS = """
INSERT INTO generation_image_output (project_id, generation_id, url, sha256, media_type, width, height, bytes, position)
SELECT 1, id, :folder || (id % :pictures) || '.png', 'a', 'image/png', :side, :side, 1000000, 0
FROM (SELECT id FROM generation ORDER BY review_position, id LIMIT :items) AS first
"""


def prepare(url: str, folder: Path) -> None:
    from PIL import Image

    upgrade(url)
    database = open_database(url)
    fill(database)
    images = folder / "images"
    images.mkdir()
    for number in range(PICTURES):
        noise = BytesIO()
        Image.frombytes("RGB", (_SIDE, _SIDE), os.urandom(3 * _SIDE**2)).save(noise, "PNG")
        (images / f"{number}.png").write_bytes(noise.getvalue())
    values = {"folder": f"{images.as_uri()}/", "pictures": PICTURES, "side": _SIDE, "items": 4 * ITEMS}
    with database.transaction() as session:
        session.connection().execute(text(_OUTPUTS), values)
    database.close()


def next_items(folder: Path, answer: str, flags: tuple[str, ...]) -> list[float]:
    """Return the milliseconds from each score to the item after it."""
    child: pexpect.spawn[str] = pexpect.spawn(
        sys.executable, ["-m", "promptlab", "rate", "--rater", f"new{len(flags)}", *flags],
        cwd=str(folder), env={**os.environ, "TERM": "xterm-256color", "PROMPTLAB_HOME": str(folder)},
        encoding="utf-8", timeout=60, dimensions=(40, 120),
    )  # fmt: skip
    child.delaybeforesend = None
    if answer:
        child.expect_exact("\x1b[c")
        child.send(answer)
    child.expect("q quit")
    taken: list[float] = []
    for _item in range(ITEMS):
        time.sleep(1)
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
