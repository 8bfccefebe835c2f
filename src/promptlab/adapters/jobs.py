"""Procrastinate's jobs: who is to work on which generation. A job carries ids only; the row is the truth.

A provider's jobs are the queue of its name. Enqueueing and looking are plain SQL on Procrastinate's tables, in whatever
transaction is at hand; the library itself is loaded by workers alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlmodel import Session

GENERATE = "promptlab.generate"
"""The task that takes a generation to its outcome; it is called with `project_id` and `generation_id`."""

_LOCK = 7_466_915_201_935  # any number, as long as every promptlab takes the same

# By Procrastinate's own function, called once for all of them: twice as fast as its Python, which sends each job.
# Its own lock against double jobs covers those that wait, not those that run; this covers both.
_ENQUEUE = text("""
    SELECT cardinality(procrastinate_defer_jobs_v1(array_agg(
        ROW(
            queue, :task, 0, NULL, job_key,
            jsonb_build_object('project_id', project_id, 'generation_id', generation_id), NULL
        )::procrastinate_job_to_defer_v1 ORDER BY place
    )))
    FROM unnest(CAST(:queues AS varchar[]), CAST(:projects AS bigint[]), CAST(:generations AS bigint[]))
        WITH ORDINALITY AS wanted (queue, project_id, generation_id, place)
    CROSS JOIN LATERAL (SELECT 'generation ' || generation_id AS job_key) AS named
    WHERE NOT EXISTS (
        SELECT FROM procrastinate_jobs WHERE queueing_lock = job_key AND status = 'todo'
    ) AND NOT EXISTS (
        SELECT FROM procrastinate_jobs WHERE queueing_lock = job_key AND status = 'doing'
    )
""")


@dataclass(frozen=True)
class Job:
    """A generation that a worker is to take, of a provider."""

    provider: str
    project_id: int
    generation_id: int


def enqueue(session: Session, jobs: Sequence[Job]) -> int:
    """Let workers take those generations, in this order, and return how many jobs that made.

    One whose generation has a job that waits or runs is left out; the transaction stays sound, whoever enqueues the
    same at once. The jobs must be of different generations.
    """
    # Without it two who enqueue the same in another order would wait for each other.
    session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    wanted = {
        "task": GENERATE,
        "queues": [job.provider for job in jobs],
        "projects": [job.project_id for job in jobs],
        "generations": [job.generation_id for job in jobs],
    }
    return int(session.execute(_ENQUEUE, wanted).scalar_one() or 0)
