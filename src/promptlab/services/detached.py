"""Batches that workers take, on this machine and others: their jobs, and what is done about those left behind."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from promptlab.adapters import jobs
from promptlab.adapters.jobs import Job
from promptlab.db.engine import Database
from promptlab.errors import NotConfigured

_AT_ONCE = 2_000
"""Jobs in one transaction. More are slower: each tells whoever listens, and PostgreSQL compares what it tells."""


def require_workers(database: Database) -> None:
    """Check that workers can share this database; raises NotConfigured with what they need otherwise."""
    if database.is_sqlite:
        raise NotConfigured(
            f"Workers share a PostgreSQL database, and {database.shown} is a file of this machine.",
            hint="Set PROMPTLAB_DATABASE_URL to postgresql://USER@HOST/NAME and run `promptlab db upgrade`.",
        )


def enqueue(database: Database, project_id: int, by_provider: Mapping[str, Sequence[int]]) -> int:
    """Let workers take the planned generations of each provider, in that order; return how many jobs that made.

    A generation that has a job already, waiting or running, gets no second one: doing this twice is harmless. If it is
    interrupted, workers find the rest themselves where its batch is `detached`.

    Raises:
        NotConfigured: the database is SQLite.
        DatabaseUnavailable: what was enqueued until then stays so.
    """
    require_workers(database)
    wanted = (Job(name, project_id, id_) for name, ids in by_provider.items() for id_ in ids)
    made = 0
    for chunk in _chunks(wanted):
        with database.transaction() as session:
            made += jobs.enqueue(session, chunk)
    return made


def _chunks(wanted: Iterator[Job]) -> Iterator[list[Job]]:
    while chunk := list(islice(wanted, _AT_ONCE)):
        yield chunk
