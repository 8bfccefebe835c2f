"""`compare`, `gate` and `stats` on 100,000 ratings: two versions, 10,000 cases, five raters who rated everything."""

from sqlalchemy import text

from bench._databases import on_both
from bench._measure import medians, report
from promptlab.db.engine import Database
from promptlab.db.models import Batch, PromptVersion
from promptlab.db.projects import get_or_create
from promptlab.services import comparison, gating, reports

CASES, RATERS = 10_000, 5
RATINGS = 2 * CASES * RATERS
ROUNDS = 5
SECONDS = 1.0

_NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :rows)"
_CASES = f"""
INSERT INTO "case" (id, project_id, variables, content_hash, created_at)
{_NUMBERS} SELECT i, 1, '{{}}', CAST(i AS VARCHAR), '2026-01-01 00:00:00' FROM n
"""
_GENERATIONS = f"""
INSERT INTO generation (id, project_id, prompt_version_id, batch_id, state, request_key, draw, image_count, parameters,
                        rendered_user_prompt, warnings, created_at, review_position, case_id, result_rating)
{_NUMBERS} SELECT i, 1, 1 + i % 2, 1, 'succeeded', 'key', i, 1, '{{}}', :prompt, '[]', '2026-01-01 00:00:00', i,
       1 + (i - 1) / 2, 3 FROM n
"""
_RATINGS = """
INSERT INTO rating (project_id, generation_id, rater, score, tags, criteria, created_at, duration_ms)
SELECT 1, id, :rater, 1 + (id * 7919 + :number * 31 + prompt_version_id * (id % 3)) % 5, '[]', '{}',
       '2026-01-01 00:00:00', id FROM generation
"""


def fill(database: Database) -> None:
    with database.transaction() as session:
        project_id = get_or_create(session, "default").id or 0
        for number in (1, 2):
            session.add(
                PromptVersion(
                    project_id=project_id, name="poster", version=number, user_prompt="a fox", provider="sketch",
                    model="sketch-1", content_hash=str(number),
                )
            )  # fmt: skip
        session.add(Batch(project_id=project_id, order_seed=1))
        session.flush()
        run = session.connection().execute
        run(text(_CASES), {"rows": CASES})
        run(text(_GENERATIONS), {"rows": 2 * CASES, "prompt": "a fox in a long prompt " * 20})
        for number in range(RATERS):
            run(text(_RATINGS), {"rater": f"rater {number}", "number": number})


def measure(name: str, database: Database) -> None:
    def compare() -> None:
        with database.reading() as session:
            [found] = comparison.compare(session, 1, "1", ["2"])["candidates"]
            assert (found["blocks"], found["raters"]) == (CASES, RATERS)

    def gate() -> None:
        terms = gating.Terms()
        with database.reading() as session:
            view = gating.gate(session, 1, "1", "2", terms)
            assert view["blocks"] == CASES
        with database.transaction() as session:
            gating.fixed(session, 1, view, terms)

    def stats(by: str) -> None:
        with database.reading() as session:
            reports.stats_page(session, 1, reports.StatsFilters(), by=by, limit=20, cursor=None)

    actions = {
        "compare": compare,
        "gate": gate,
        "stats": lambda: stats("version"),
        "stats --by rater": lambda: stats("rater"),
    }
    for what, seconds in medians(actions, rounds=ROUNDS).items():
        report(f"{name}, {what}, seconds for {RATINGS:,} ratings after start-up", seconds, SECONDS)


def main() -> None:
    on_both(fill, measure)


if __name__ == "__main__":
    main()
