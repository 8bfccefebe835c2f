"""A worker's time at work: it takes generations that it is given, and settles what processes that died have left."""

import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta

from promptlab.adapters import jobs
from promptlab.db import detached, generations, projects
from promptlab.db.engine import Database
from promptlab.db.models import Batch, Project
from promptlab.db.states import GenerationState
from promptlab.errors import Interrupted, LimitReached, NotConfigured, PromptlabError, Unreachable
from promptlab.services.desk import Desk
from promptlab.services.detached import tend
from promptlab.services.dispatch import closes_provider
from promptlab.services.generation import ProviderAway, run
from promptlab.services.lab import Lab
from promptlab.services.lane import Lane
from promptlab.services.orders import require_room
from promptlab.services.outcomes import Ended
from promptlab.services.pace import LONGEST_REST_SECONDS
from promptlab.services.recovery import recover
from promptlab.settings.scrub import scrub

_BROKEN = frozenset({GenerationState.FAILED, GenerationState.UNKNOWN})


@dataclass(frozen=True, kw_only=True)
class Watch:
    """Who wants to know: `started(provider)` and `stopped(provider)` around each generation that is taken.

    `ended(lab, provider, id, how)` when one has ended, and `said(sentence, about)` what a person should know; `about`
    is the class of it, of which one sentence is enough.
    """

    started: Callable[[str], None]
    stopped: Callable[[str], None]
    ended: Callable[[Lab, str, int, Ended], None]
    said: Callable[[str, str], None]


class Shift:
    """What a worker has at hand: a lane for each of its providers, and a desk in each project that it has met."""

    def __init__(
        self,
        database: Database,
        lanes: Mapping[str, Lane],
        open_lab: Callable[[Project], Lab],
        watch: Watch,
        lease: timedelta,
    ) -> None:
        self._database = database
        self._lease = lease
        self._lanes = lanes
        self._open_lab = open_lab
        self._watch = watch
        self._desks: dict[int, Desk] = {}
        self._lock = threading.Lock()

    def take(self, provider: str, project_id: int, generation_id: int) -> None:
        """Take a generation to its outcome, if its batch is to go on; whatever goes wrong is said, not raised.

        While something is away it is waited for, and the lane with it: nothing is bought that could not be kept. What
        cannot be taken stays planned.
        """
        lane = self._lanes[provider]
        while lane.is_ready():
            self._watch.started(provider)
            try:
                with self._saying(lane):
                    self._take(lane, project_id, generation_id)
            except Unreachable:
                lane.rest()
            else:
                return
            finally:
                self._watch.stopped(provider)

    def recover(self, *, everywhere: bool = False) -> None:
        """Settle what processes that died have left, in projects with work or `everywhere`; errors are said."""
        with suppress(Unreachable), self._saying():
            with self._database.reading() as session:
                found = projects.all_of_them(session) if everywhere else detached.projects_with_work(session)
            for project in found:
                for sentence in recover(self._open_lab(project)).sentences:
                    self._watch.said(f"{project.name}: {sentence}", sentence)

    def tend(self) -> None:
        """Go on with all detached batches, also with what workers that died were about to do; errors are said."""
        with suppress(Unreachable), self._saying():
            with self._database.transaction() as session:
                jobs.drop_stalled(session, self._lease.total_seconds())
                detached.finish_stopped(session)
                found = detached.projects_with_work(session)
            for project in found:
                tend(self._open_lab(project))

    def stop(self) -> None:
        """Send nothing more; what is in flight goes on, and what waits to be sent again stays planned."""
        for lane in self._lanes.values():
            lane.close()

    def close(self) -> None:
        """Leave every desk."""
        for desk in self._desks.values():
            desk.close()

    def _take(self, lane: Lane, project_id: int, generation_id: int) -> None:
        with self._database.reading() as session:
            batch = detached.batch_of(session, generation_id)
        if batch is None:
            return
        attempts = lane.limits.attempts_with(batch.max_retries)
        with self._at_desk(project_id) as lab, lane.place(lab) as flight:
            ended = run(lab, flight, generation_id, max_attempts=attempts, batch_id=batch.id)
            if ended is not None and not _is_away(ended):
                lane.went_well()
                self._watch.ended(lab, lane.name, generation_id, ended)
                self._judge(lane, batch, ended)
        if ended is not None and ended.error is not None and _is_away(ended):
            with self._database.transaction() as session:
                if generations.replan(session, generation_id, [ended.state]):  # locked first, as by all others
                    detached.reopen(session, batch.id or 0)
            raise Unreachable(ended.error.message)  # and so it is waited for

    def _judge(self, lane: Lane, batch: Batch, ended: Ended) -> None:
        """Draw conclusions for others from how one has ended."""
        if error := closes_provider(lane.name, ended):
            self._close(lane, error)
        if batch.fail_fast and ended.state in _BROKEN:
            with self._database.transaction() as session:
                detached.stop(session, batch.id or 0)

    def _close(self, lane: Lane, error: PromptlabError) -> None:
        self._watch.said(f"{lane.name}: nothing more is sent there by this worker.", lane.name)
        lane.close(error)

    @contextmanager
    def _at_desk(self, project_id: int) -> Iterator[Lab]:
        """Work at the desk of a project. One at which something went away is left, so that it is settled by others."""
        desk = self._desk(project_id)
        broken = True
        try:
            yield desk.lab
            broken = False
        except (LimitReached, Interrupted, ProviderAway):  # known, and recorded
            broken = False
            raise
        finally:
            desk.leave(broken=broken)

    def _desk(self, project_id: int) -> Desk:
        with self._lock:
            desk = self._desks.get(project_id)
            if desk is not None and desk.enter():
                return desk
            with self._database.reading() as session:
                project = session.get_one(Project, project_id)
            lab = self._open_lab(project)
            require_room(lab)
            desk = self._desks[project_id] = Desk(lab)
            desk.enter()
            return desk

    @contextmanager
    def _saying(self, lane: Lane | None = None) -> Iterator[None]:
        """Say what goes wrong in the block; what is away, apart from a provider, is raised: it can be waited for."""
        name = "" if lane is None else f"{lane.name}: "
        try:
            yield
        except PromptlabError as error:
            self._watch.said(f"{name}{error.message}", f"{name}{error.message}")
            if lane is not None and isinstance(error, NotConfigured):
                self._close(lane, error)
            elif lane is not None and isinstance(error, ProviderAway):
                lane.rest(LONGEST_REST_SECONDS)
            elif isinstance(error, Unreachable):
                raise
        except Exception as error:  # noqa: BLE001 - a bug is shown whole, without secrets, and the others go on
            whole = scrub("".join(traceback.format_exception(error)))
            self._watch.said(f"{name}this is a bug in promptlab. Please report it:\n{whole}", type(error).__name__)


def _is_away(ended: Ended) -> bool:
    """Say whether the provider could not be reached: that says nothing of the generation."""
    return ended.state is GenerationState.FAILED and ended.error is not None and ended.error.kind == "connection"
