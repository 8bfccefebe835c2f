"""Page 1,000 of 1,000,000 generations against page 1, and the first page of the queue."""

import tempfile
from functools import partial
from pathlib import Path

from sqlalchemy import text

from bench._measure import medians, report
from promptlab.db import generations, prompts, review_queue
from promptlab.db.engine import Database, open_database
from promptlab.db.migrate import upgrade
from promptlab.db.models import Batch, PromptVersion
from promptlab.db.pages import encode_cursor
from promptlab.db.projects import get_or_create

ROWS, PAGE = 1_000_000, 20

_FILL = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :rows)
INSERT INTO generation (id, project_id, prompt_version_id, batch_id, state, request_key, draw, image_count, parameters,
                        rendered_user_prompt, warnings, created_at, result_rating, review_position)
SELECT i, 1, 1, 1, 'succeeded', 'key', i, 1, '{}', 'a fox', '[]', '2026-01-01 00:00:00', CASE WHEN i % 10 THEN 4 END,
       ((i * 1103515245 % 500000) << 22) + i % 2
FROM n
"""


def fill(database: Database) -> None:
    with database.transaction() as session:
        project = get_or_create(session, "default")
        version = PromptVersion(
            project_id=project.id or 0, name="poster", version=1, user_prompt="a fox", provider="sketch",
            model="sketch-1", content_hash="0",
        )  # fmt: skip
        session.add_all([version, Batch(project_id=project.id or 0, order_seed=1)])
        session.flush()
        assert prompts.get(session, project.id or 0, "poster").id == 1
        session.connection().execute(text(_FILL), {"rows": ROWS})


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'bench.db'}"
        upgrade(url)
        database = open_database(url)
        fill(database)

        def page(cursor: str | None, filters: generations.Filters) -> None:
            with database.reading() as session:
                found = generations.list_generations(session, 1, filters, limit=PAGE, cursor=cursor)
                assert len(found.items) == PAGE

        def queue() -> None:
            with database.reading() as session:
                review_queue.page(session, 1, review_queue.QueueFilters(), limit=PAGE, cursor=None)

        page_1000 = encode_cursor(ROWS - 999 * PAGE + 1)
        for name, filters in {
            "all": generations.Filters(),
            "of one version": generations.Filters(prompt_version_id=1),
            "unrated": generations.Filters(unrated=True),
        }.items():
            actions = {"1": partial(page, None, filters), "1000": partial(page, page_1000, filters)}
            taken = medians(actions, rounds=200)
            print(f"page 1: {taken['1'] * 1000:.2f} ms")
            report(f"page 1,000 / page 1 of {ROWS:,} generations, {name}", taken["1000"] / taken["1"], 1.2)
        first = medians({"queue": queue}, rounds=50)
        print(f"queue, first page: {first['queue'] * 1000:.2f} ms")
        database.close()


if __name__ == "__main__":
    main()
