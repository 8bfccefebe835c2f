"""Batches that workers take, on this machine and others: their jobs, and what is done about those left behind."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from promptlab.adapters import jobs
from promptlab.adapters.jobs import Job
from promptlab.db import batches, detached
from promptlab.db.columns import now
from promptlab.db.detached import Planned
from promptlab.db.engine import Database
from promptlab.db.models import Batch
from promptlab.errors import NotConfigured
from promptlab.services.batch_states import close_batch
from promptlab.services.lab import Lab

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


def tend(lab: Lab) -> None:
    """Go on with the detached batches of a project: enqueue what has no job, and close those that are through.

    What a batch's limits leave no room for is not enqueued. If that is all that is left and nothing of it is in flight,
    the batch is stopped.
    """
    with lab.database.reading() as session:
        found = detached.open_batches(session, lab.project_id)
    for batch in found:
        _tend(lab, batch)


def _tend(lab: Lab, batch: Batch) -> None:
    batch_id = batch.id or 0
    with lab.database.reading() as session:
        count, _sending = batches.unfinished(session, batch_id)
        without_job = detached.planned(session, batch_id, jobs.HAS_NO_JOB)
    fitting = [row for row in without_job if _fits(batch, row)]
    if not fitting and len(without_job) == count:
        close_batch(lab, batch_id, stopped=bool(without_job))
    by_provider: dict[str, list[int]] = defaultdict(list)
    for row in fitting:
        if row.is_due:
            by_provider[row.provider].append(row.generation_id)
    enqueue(lab.database, lab.project_id, by_provider)


def _chunks(wanted: Iterator[Job]) -> Iterator[list[Job]]:
    while chunk := list(islice(wanted, _AT_ONCE)):
        yield chunk


def _fits(batch: Batch, row: Planned) -> bool:
    """Say whether the limits of the batch leave room for a generation, as far as is known now."""
    if batch.deadline_at is not None and batch.deadline_at <= now():
        return False
    if batch.max_images is not None and batch.committed_images + row.images > batch.max_images:
        return False
    return batch.max_cost_usd is None or round(batch.committed_usd + row.price_usd, 6) <= batch.max_cost_usd
