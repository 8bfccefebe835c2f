"""What a worker has done: told once to a person, and always to Prometheus."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress

from prometheus_client import CollectorRegistry, Gauge, Histogram, generate_latest
from prometheus_client import Counter as Counting
from prometheus_client.core import GaugeMetricFamily

from promptlab.adapters import jobs
from promptlab.db import attempts
from promptlab.db.engine import Database
from promptlab.errors import PromptlabError, Unreachable
from promptlab.output import Output
from promptlab.services.lab import Lab
from promptlab.services.outcomes import Ended
from promptlab.services.shift import Watch

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_SAY_AGAIN_SECONDS = 300.0
_BUCKETS = (0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600)
"""Seconds: image generators answer in between."""


class Tally:
    """Counts, and says each class of failure once; again only when it still happens minutes later."""

    def __init__(self, database: Database, output: Output, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.outcomes: Counter[str] = Counter()
        self._output = output
        self._database = database
        self._clock = clock
        self._said: dict[str, float] = {}
        self._lock = threading.Lock()
        self._registry = CollectorRegistry()
        self._generations = Counting(
            "promptlab_generations",
            "Generations that ended here.",
            ["provider", "outcome"],
            registry=self._registry,
        )
        self._in_flight = Gauge(
            "promptlab_in_flight", "Generations being worked on here.", ["provider"], registry=self._registry
        )
        self._seconds = Histogram(
            "promptlab_provider_seconds",
            "Seconds that requests spent in their provider.",
            ["provider"],
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self._registry.register(_Queue(database))

    @property
    def watch(self) -> Watch:
        """What a shift tells us."""
        return Watch(started=self._started, stopped=self._stopped, ended=self._ended, said=self._say)

    def metrics(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self._registry)

    def _started(self, provider: str) -> None:
        self._in_flight.labels(provider).inc()

    def _stopped(self, provider: str) -> None:
        self._in_flight.labels(provider).dec()

    def _ended(self, lab: Lab, provider: str, generation_id: int, ended: Ended) -> None:
        with self._lock:
            self.outcomes[ended.state.value] += 1
        self._generations.labels(provider, ended.state.value).inc()
        with suppress(Unreachable), lab.database.reading() as session:
            for attempt in attempts.of_generations(session, [generation_id]):
                if attempt.owner == lab.owner.id and attempt.duration_ms is not None:
                    self._seconds.labels(provider).observe(attempt.duration_ms / 1000)
        if ended.error is not None:
            sentence = f"{provider}: generation {generation_id} {ended.state.value}: {ended.error.message}"
            self._say(sentence, f"{provider} {ended.state.value} {ended.error.kind}")

    def _say(self, sentence: str, about: str) -> None:
        with self._lock:
            moment, last = self._clock(), self._said.get(about)
            if last is not None and moment - last <= _SAY_AGAIN_SECONDS:
                return
            self._said[about] = moment
        self._output.warn(sentence, again=True)


class _Queue:
    """How many jobs wait, for all workers together; nothing while the database is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def collect(self) -> Iterator[GaugeMetricFamily]:
        family = GaugeMetricFamily("promptlab_queue_length", "Generations that wait for a worker.", labels=["provider"])
        with suppress(PromptlabError), self._database.reading() as session:
            for queue, count in jobs.waiting(session).items():
                if queue != jobs.TEND:
                    family.add_metric([queue], count)
        yield family
