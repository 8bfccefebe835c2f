"""The next item of a session of rating, with 1,000,000 generations, for a rater who has rated 20,000 of them."""

import time
from collections.abc import Callable
from functools import partial

from sqlalchemy import text

from bench._databases import on_both
from bench._measure import report
from promptlab.db.engine import Database
from promptlab.db.models import Batch, PromptVersion
from promptlab.db.projects import get_or_create
from promptlab.db.review_queue import QueueFilters
from promptlab.output import Output
from promptlab.runtime import Runtime
from promptlab.services.review_queue import ReviewQueue

ROWS, RATED, SMALL, LIMIT = 1_000_000, 20_000, 1_000, 100  # milliseconds

_GENERATIONS = """
INSERT INTO generation (id, project_id, prompt_version_id, batch_id, state, request_key, draw, image_count, parameters,
                        rendered_user_prompt, warnings, created_at, review_position)
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :rows)
SELECT i, 1, CASE WHEN i % 1000 = 0 THEN 3 ELSE 1 + i % 2 END, 1, 'succeeded', 'key', i, 1, '{}', :prompt, '[]',
       '2026-01-01 00:00:00', CAST(i / 2 AS BIGINT) * 1103515245 % 2199023255552 * 4194304 + i % 2
FROM n
"""
_ITEMS = "INSERT INTO batch_item (batch_id, generation_id, project_id) SELECT :batch, id, 1 FROM generation"
_RATINGS = """
INSERT INTO rating (project_id, generation_id, rater, score, tags, criteria, created_at)
SELECT 1, id, :rater, 4, '[]', '{}', '2026-01-01 00:00:00'
FROM (SELECT id FROM generation ORDER BY review_position, id LIMIT :rated) AS first
"""
_MEANS = "UPDATE generation SET result_rating = 4 WHERE id IN (SELECT generation_id FROM rating)"


def fill(database: Database) -> None:
    with database.transaction() as session:
        project_id = get_or_create(session, "default").id or 0
        for number in (1, 2, 3):
            session.add(
                PromptVersion(
                    project_id=project_id, name="poster", version=number, user_prompt="a fox", provider="sketch",
                    model="sketch-1", content_hash=str(number),
                )
            )  # fmt: skip
        session.add_all([Batch(project_id=project_id, order_seed=1) for _number in range(2)])
        session.flush()
        run = session.connection().execute
        run(text(_GENERATIONS), {"rows": ROWS, "prompt": "a fox in a long prompt " * 20})
        run(text(_ITEMS), {"batch": 1})
        run(text(_ITEMS + " WHERE id % 1000 = 1"), {"batch": 2})
        for rater in ("ana", "ben", "chi"):
            run(text(_RATINGS), {"rater": rater, "rated": RATED})
        run(text(_MEANS))


def measure(name: str, _database: Database) -> None:
    runtime = Runtime({}, Output(quiet=True))
    lab = runtime.lab
    for what, filters in {
        "of somebody new": QueueFilters(rater="new"),
        f"of one who rated {RATED:,}": QueueFilters(rater="ana"),
        "of a version": QueueFilters(rater="ana", prompt_version_id=1),
        f"of a version with {SMALL:,}": QueueFilters(rater="ana", prompt_version_id=3),
        "of a batch": QueueFilters(rater="ana", batch_id=1, is_large_batch=True),
        f"of a batch with {SMALL:,}": QueueFilters(rater="ana", batch_id=2),
        "with three ratings wanted": QueueFilters(rater="ana", ratings_wanted=3),
        "with three ratings wanted, of somebody new": QueueFilters(rater="new", ratings_wanted=3),
    }.items():
        queue = ReviewQueue(lab, filters)
        begin(f"{name}, {what}: counted", queue.length)
        begin(f"{name}, {what}: the first item", partial(queue.take, 1))
        slowest = max(_next(queue) for _round in range(50))
        report(f"{name}, {what}, slowest of 50 next items, ms", slowest * 1000, LIMIT)
    runtime.close()


def _next(queue: ReviewQueue) -> float:
    start = time.perf_counter()
    queue.take(1)
    return time.perf_counter() - start


def begin(what: str, action: Callable[[], object]) -> None:
    """Say how long something takes that a session does once, while it starts."""
    start = time.perf_counter()
    action()
    print(f"{what}: {(time.perf_counter() - start) * 1000:.0f} ms", flush=True)


def main() -> None:
    on_both(fill, measure)


if __name__ == "__main__":
    main()
