"""Procrastinate's tasks."""

from collections.abc import Mapping
from typing import Any

from procrastinate import App, JobContext

from promptlab.adapters import jobs
from promptlab.services.shift import Shift


def app_for(shift: Shift, arguments: Mapping[str, Any], *, tend_every: int) -> App:
    """Return the app whose tasks a shift works on; of all workers one tends, every so many seconds (1 to 59)."""
    app = jobs.make_app(arguments)

    @app.task(name=jobs.GENERATE, pass_context=True)
    def generate(context: JobContext, project_id: int, generation_id: int) -> None:
        shift.take(context.job.queue, project_id, generation_id)

    @app.periodic(cron=f"* * * * * */{tend_every}")  # the sixth field is seconds
    @app.task(name=jobs.TEND, queue=jobs.TEND, queueing_lock=jobs.TEND)
    def tend(timestamp: int) -> None:  # noqa: ARG001 - what a periodic task is called with
        shift.tend()

    return app
