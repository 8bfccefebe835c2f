"""A lab that has something of everything a report tells: for tests, the benchmark, and people who look at the page."""

import hashlib
import os
import random
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw
from sqlmodel import Session, col, select
from tests import planted
from tests.fixtures import factories

from promptlab.adapters.storage.local import LocalStorage
from promptlab.cli import main
from promptlab.db.engine import Database
from promptlab.db.models import Generation
from promptlab.db.states import AttemptOutcome, GenerationState

SUBJECTS = ("fox", "lighthouse", "tram", "orchard", "glacier", "violin", "harbour at dusk", "market hall")
PROMPTS = (
    "A quiet poster of {{ subject }}, flat colours, wide margins, no text.",
    "A quiet poster of {{ subject }} at night, in neon colours, wide margins, no text or logo.",
    "A loud poster of {{ subject }}, flat colours.",
)
STARS = (2.8, 3.9, 2.6)

Draw = Callable[[int, int], bytes]


def poster(case: int, version: int, size: tuple[int, int] = (512, 640)) -> bytes:
    """Return a picture that looks like something, and other than every other one."""
    dice = random.Random(f"{case} {version}")
    width, height = size
    dark = version % 2 == 1
    sky = (24 + dice.randrange(30), 26, 60) if dark else (236, 228 - dice.randrange(20), 205)
    image = Image.new("RGB", size, sky)
    pen = ImageDraw.Draw(image)
    for layer in range(5):
        tone = dice.randrange(40, 220)
        colour = (tone, dice.randrange(40, 200), 255 - tone) if dark else (tone, 120 + tone // 3, 110)
        top = height * (4 + layer) // 10 + dice.randrange(-20, 20)
        points = [(x, top + dice.randrange(-50, 50)) for x in range(0, width + 64, 64)]
        pen.polygon([(0, height), *points, (width, height)], fill=colour)
    x, y = dice.randrange(width // 5, width * 4 // 5), height // 4
    pen.ellipse((x - 60, y - 60, x + 60, y + 60), fill=(250, 90, 160) if dark else (214, 92, 60))
    return png(image)


def png(image: Image.Image) -> bytes:
    out = BytesIO()
    image.save(out, "PNG", compress_level=1)
    return out.getvalue()


def kept(storage: LocalStorage, data: bytes, size: tuple[int, int] = (512, 640)) -> dict[str, Any]:
    """Store an image and return its columns."""
    digest = hashlib.sha256(data).hexdigest()
    url = storage.upload(data, f"lab/default/{digest[:2]}/{digest[2:4]}/{digest}.png", "image/png")
    return {"url": url, "sha256": digest, "bytes": len(data), "width": size[0], "height": size[1]}


def plant(
    database: Database,
    storage: LocalStorage,
    *,
    versions: int = 2,
    cases: int = 8,
    inputs: bool = True,
    draw: Draw = poster,
) -> list[int]:
    """Make versions of `banner` over the same cases, rated by three people, with a few that have no image."""
    with database.transaction() as session:
        made = [
            factories.version(
                session,
                name="banner",
                user_prompt=PROMPTS[number],
                parameters={"size": "512x640", "steps": 20 + number},
            ).id
            or 0
            for number in range(versions)
        ]
        batch = factories.batch(session).id
        for number in range(cases):
            subject = SUBJECTS[number % len(SUBJECTS)]
            variables = {"subject": subject, "mood": "calm" if number % 2 else "bright"}
            key = f"{subject}-{number + 1}"
            case_id = factories.case(session, key=key, variables=variables).id
            given = kept(storage, draw(number, 9)) if inputs else None
            for place, version_id in enumerate(made):
                state = _state_of(number, place)
                row = factories.generation(
                    session, prompt_version_id=version_id, batch_id=batch, case_id=case_id, state=state,
                    execution_time=2400 + 90 * number + 700 * place, cost_usd=0.04 + 0.01 * place,
                )  # fmt: skip
                if given:
                    factories.image_input(session, row, **given)
                if state is GenerationState.SUCCEEDED:
                    factories.output(session, row, **kept(storage, draw(number, place)))
                else:
                    _fail(session, row, state)
        stars = dict(zip(made, STARS, strict=False))
        planted.rated(session, _succeeded(session, but_the_last=versions), stars, noise=0.7)
    return made


def _state_of(case: int, place: int) -> GenerationState:
    if case % 16 == 5 and place == 1:
        return GenerationState.REFUSED
    return GenerationState.FAILED if case % 16 == 6 and place == 0 else GenerationState.SUCCEEDED


def _fail(session: Session, row: Generation, state: GenerationState) -> None:
    refused = state is GenerationState.REFUSED
    factories.attempt(
        session, row,
        outcome=AttemptOutcome.REFUSED if refused else AttemptOutcome.FAILED,
        error_kind="content_policy" if refused else "server",
        error_message="The request was refused by the safety system." if refused else "The model is overloaded.",
    )  # fmt: skip


def _succeeded(session: Session, *, but_the_last: int) -> list[Generation]:
    made = col(Generation.state) == GenerationState.SUCCEEDED
    return list(session.exec(select(Generation).where(made).order_by(col(Generation.id))))[:-but_the_last]


if __name__ == "__main__":
    home = Path(os.environ["PROMPTLAB_HOME"])
    assert main(["db", "upgrade"]) == 0
    with factories.opening(f"sqlite:///{home}/promptlab.db") as opened:
        plant(opened, LocalStorage(home / "images"), versions=3, cases=24)
