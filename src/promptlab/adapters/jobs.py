"""Procrastinate's jobs: who is to work on which generation. A job carries ids only; the row is the truth.

A provider's jobs are the queue of its name. Enqueueing and looking are plain SQL on Procrastinate's tables, in whatever
transaction is at hand; the library itself is loaded by workers alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import TextClause, text
from sqlmodel import Session

from promptlab.errors import Unreachable

if TYPE_CHECKING:
    from procrastinate import App

GENERATE = "promptlab.generate"
"""The task that takes a generation to its outcome; it is called with `project_id` and `generation_id`."""

TEND = "promptlab.tend"
"""The task that goes on with detached batches, now and then; its queue has the same name."""

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


HAS_NO_JOB: TextClause = text("""
    NOT EXISTS (
        SELECT FROM procrastinate_jobs
        WHERE queueing_lock = 'generation ' || generation.id AND status IN ('todo', 'doing')
    )
""")
"""The condition that a row of the table `generation` has no job that waits or runs."""

_DROP_STALLED = text("""
    DELETE FROM procrastinate_jobs WHERE status = 'doing' AND (
        worker_id IS NULL OR worker_id IN (
            SELECT id FROM procrastinate_workers WHERE last_heartbeat < now() - CAST(:seconds AS float) * interval '1 s'
        )
    )
""")


class QueueUnreachable(Unreachable):
    """The queue of jobs cannot be reached."""

    code = "queue_unreachable"


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


def drop_stalled(session: Session, seconds: float) -> None:
    """Forget jobs of workers that have given no sign of life for so long: what is still to be done gets a new one."""
    session.execute(_DROP_STALLED, {"seconds": seconds})


def waiting(session: Session) -> dict[str, int]:
    """Return how many jobs wait in each queue."""
    statement = text("SELECT queue_name, count(*) FROM procrastinate_jobs WHERE status = 'todo' GROUP BY queue_name")
    return {str(queue): int(count) for queue, count in session.execute(statement)}


def make_app(arguments: Mapping[str, Any]) -> "App":
    """Return Procrastinate's app without any task, for a database by the arguments that psycopg takes.

    Nothing is prepared on its connections and nothing listened to: both work behind a transaction pooler, too.
    """
    from procrastinate import App, PsycopgConnector

    named = {name: value for name, value in arguments.items() if name != "context"}  # SQLAlchemy's own types
    connector = PsycopgConnector(kwargs={**named, "prepare_threshold": None}, min_size=1, max_size=8, timeout=10)
    return App(connector=connector)


@contextmanager
def translated_errors() -> Iterator[None]:
    """Turn what Procrastinate and its pool say into a sentence; raises QueueUnreachable."""
    from procrastinate.exceptions import ConnectorException
    from psycopg import Error

    try:
        yield
    except (ConnectorException, Error) as error:
        raise QueueUnreachable(hint="Is the database there?") from error
