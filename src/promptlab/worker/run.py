"""A worker from its start to its end, from what a command line says."""

from collections.abc import Sequence

from promptlab.db.engine import Database, driver_arguments
from promptlab.errors import NotConfigured, PromptlabError
from promptlab.output.cells import counted
from promptlab.runtime import Runtime
from promptlab.services.detached import require_workers
from promptlab.services.lane import Lane
from promptlab.services.shift import Shift
from promptlab.settings.installed import provider_names
from promptlab.worker.listener import is_well, listening, parse_address
from promptlab.worker.process import Process, tick_seconds
from promptlab.worker.tally import CONTENT_TYPE, Tally
from promptlab.worker.tasks import app_for


def work(runtime: Runtime, names: Sequence[str], *, concurrency: int | None, listen: str | None) -> None:
    """Take jobs of the providers named, else of all that are set up here, until somebody says stop.

    Raises:
        NotConfigured: no PostgreSQL, a provider that cannot be used, or no provider is left.
        InvalidInput: no address to listen at.
        Unreachable: database or queue are away when it begins.
    """
    address = None if listen is None else parse_address(listen)
    database = runtime.database
    require_workers(database)
    runtime.concurrency = concurrency
    lanes = _lanes(runtime, names)
    tally = Tally(database, runtime.output)
    shift = Shift(database, lanes, runtime.open_lab, tally.watch, runtime.lease)
    app = app_for(shift, driver_arguments(runtime.settings.database), tend_every=tick_seconds(runtime.lease))
    pages = {"/health": lambda: is_well(database), "/metrics": lambda: (200, CONTENT_TYPE, tally.metrics())}
    with listening(address, pages):
        runtime.output.note(_started(database, lanes))
        Process(app, shift, lanes, runtime.lease, say=runtime.output.note, warn=tally.watch.said).run()
    shift.close()
    runtime.output.note(_stopped(tally))
    for lane in lanes.values():
        if lane.closed_by is not None:
            raise lane.closed_by


def _lanes(runtime: Runtime, names: Sequence[str]) -> dict[str, Lane]:
    """Open the providers that are named; without any, all that are set up here."""
    lanes: dict[str, Lane] = {}
    for name in names or provider_names():
        try:
            runtime.providers.open(name)
        except PromptlabError:
            if names:
                raise
            continue
        lanes[name] = Lane(name, runtime.providers.limits(name))
    if not lanes:
        raise NotConfigured("No provider is set up here.", hint="`promptlab provider list` says what each needs.")
    return lanes


def _started(database: Database, lanes: dict[str, Lane]) -> str:
    each = ", ".join(f"{name} ({lane.limits.concurrency} at once)" for name, lane in lanes.items())
    return f"Worker started on {database.shown}: {each}."


def _stopped(tally: Tally) -> str:
    ended = ", ".join(f"{count} {outcome}" for outcome, count in sorted(tally.outcomes.items()))
    total = sum(tally.outcomes.values())
    return f"Worker stopped after {counted(total, 'generation')}{f': {ended}' if ended else ''}."
