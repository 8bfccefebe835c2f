"""The loop of a worker: one of Procrastinate's workers for each provider, one that tends, and how they are stopped."""

import asyncio
import logging
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from typing import Any

from procrastinate import App

from promptlab.adapters import jobs
from promptlab.errors import Interrupted, Unreachable
from promptlab.services.lane import Lane
from promptlab.services.shift import Shift

_POLL_SECONDS = 1.0
"""How often a worker without jobs looks for some. Listening would take a connection that no pooler can share."""

_NEVER = 1e9
"""Seconds. Jobs are not aborted one by one: the row of a generation says whether it is to go on."""

_BEATS = 4
"""How often a worker gives a sign of life within the time after which it counts as dead."""


def tick_seconds(lease: timedelta) -> int:
    """Return how often a worker looks for what others have left behind."""
    return max(1, min(30, int(lease.total_seconds() / _BEATS)))


class Process:
    """A worker that runs until it is told to stop, or has no provider left that it can use.

    On SIGTERM or Ctrl-C nothing more is taken, and what is in flight is awaited; the second one ends the process at
    once. What was in flight is then settled by the next worker or command.
    `say` tells a person, `warn` tells what must not be missed and of what class it is.
    """

    def __init__(
        self,
        app: App,
        shift: Shift,
        lanes: Mapping[str, Lane],
        lease: timedelta,
        *,
        say: Callable[[str], None],
        warn: Callable[[str, str], None],
    ) -> None:
        self._app = app
        self._shift = shift
        self._lanes = lanes
        self._lease = lease
        self._say = say
        self._warn = warn
        self._is_stopping = False
        self._serving: list[asyncio.Task[None]] = []

    def run(self) -> None:
        """Work; raises QueueUnreachable if the queue is away when it begins."""
        _keep_quiet()
        asyncio.run(self._run())

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        # The tasks run in the loop's own threads, of which there would be too few: with the ones that look around.
        loop.set_default_executor(ThreadPoolExecutor(sum(lane.limits.concurrency for lane in self._lanes.values()) + 4))
        loop.set_exception_handler(_log)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._signalled)
        with jobs.translated_errors():
            await self._app.open_async()
        try:
            await self._work(loop)
        finally:
            with suppress(Unreachable), jobs.translated_errors():
                await self._app.close_async()

    async def _work(self, loop: asyncio.AbstractEventLoop) -> None:
        around = [asyncio.create_task(self._serve([jobs.TEND], 1)), asyncio.create_task(self._look_around())]
        for lane in self._lanes.values():
            task = asyncio.create_task(self._serve([lane.name], lane.limits.concurrency, lane))
            lane.on_close = _from_any_thread(loop, task)
            self._serving.append(task)
        await asyncio.gather(*self._serving, return_exceptions=True)
        self._is_stopping = True
        for task in around:
            task.cancel()
        await asyncio.gather(*around, return_exceptions=True)

    async def _serve(self, queues: Sequence[str], concurrency: int, lane: Lane | None = None) -> None:
        """Take jobs of some queues; when the database goes away, try again until it is back."""
        beat = self._lease.total_seconds() / _BEATS
        while not (self._is_stopping or (lane is not None and lane.stopping.is_set())):
            try:
                with jobs.translated_errors():
                    await self._app.run_worker_async(
                        queues=queues,
                        concurrency=concurrency,
                        delete_jobs="always",  # the row is what is kept
                        listen_notify=False,
                        fetch_job_polling_interval=_POLL_SECONDS,
                        abort_job_polling_interval=_NEVER,
                        install_signal_handlers=False,
                        update_heartbeat_interval=beat,
                        stalled_worker_timeout=self._lease.total_seconds(),
                    )
            except Unreachable as error:
                self._warn(error.message, error.code)
            await asyncio.sleep(_POLL_SECONDS)

    async def _look_around(self) -> None:
        """Settle what processes of this machine have left, at once: their spool and locks are here."""
        everywhere = True
        while True:
            await asyncio.to_thread(self._shift.recover, everywhere=everywhere)
            everywhere = False
            await asyncio.sleep(tick_seconds(self._lease))

    def _signalled(self) -> None:
        if self._is_stopping:
            self._say("Stopped at once. What was in flight is settled by the next worker or command.")
            os._exit(Interrupted.exit_code)  # threads wait for answers, and an ordinary exit would wait for them
        self._is_stopping = True
        self._say("Stopping: what is in flight is finished first. Again stops at once.")
        self._shift.stop()
        for task in self._serving:
            task.cancel()


def _from_any_thread(loop: asyncio.AbstractEventLoop, task: "asyncio.Task[None]") -> Callable[[], None]:
    """Return what cancels a task of the loop."""

    def cancel() -> None:
        with suppress(RuntimeError):  # the loop has ended, and the task with it
            loop.call_soon_threadsafe(task.cancel)

    return cancel


def _keep_quiet() -> None:
    """Leave it to us what is said; with --verbose, which sets up logging, everything is."""
    if not logging.getLogger().handlers:
        for name in ("procrastinate", "psycopg"):
            logging.getLogger(name).addHandler(logging.NullHandler())


def _log(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    # A job whose end could not be written, mostly: its row has been, and another worker looks after the job.
    logging.getLogger("procrastinate").info("%s: %r", context["message"], context.get("exception"))
