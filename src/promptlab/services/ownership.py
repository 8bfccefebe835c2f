"""Who has sent which request, and whether that process still lives.

On the same machine an operating-system lock on a file says so: it goes when the process goes, however it went.
Other machines, which do not see that file, believe a lease in the database that the process renews. A process id
says nothing: ids are reused.
"""

import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from promptlab.db.columns import now
from promptlab.errors import Unreachable

if TYPE_CHECKING:
    from filelock import BaseFileLock

LEASE = timedelta(minutes=2)
_RENEWALS = 4
"""How often a lease is renewed before it would end: others must not believe that we are dead for one that failed."""
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


class Owner:
    """This process, as it signs the requests it sends; `folder` is shared by the processes of this machine.

    `lease` is how long other machines believe that it lives when they hear nothing more from it.
    """

    def __init__(self, folder: Path, lease: timedelta = LEASE) -> None:
        self.id = uuid.uuid4().hex
        self._folder = folder
        self._lease = lease

    def lease_until(self) -> datetime:
        """Return until when other machines shall believe that this process lives."""
        return now() + self._lease

    @contextmanager
    def alive(self, renew: Callable[[], None], *, about: str, note: str) -> Iterator[None]:
        """Be known as alive while the block runs; `renew` is called again and again to renew leases.

        `note` is found by `notes(about)` of every process of this machine, until the block ends. If that is with an
        error, requests may still be in flight: the lock's file then stays, by which the owner is known to be dead.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._path(self.id)
        done = threading.Event()
        every = self._lease.total_seconds() / _RENEWALS
        thread = threading.Thread(target=_repeat, args=(renew, every, done), daemon=True, name="promptlab-lease")
        with file_lock(path):
            noted = path.with_suffix(".new")
            noted.write_text(note, encoding="utf-8")
            noted = noted.rename(path.with_suffix(f".{about}"))  # after the lock: a note without one is of the dead
            thread.start()
            try:
                yield
            finally:
                noted.unlink(missing_ok=True)
                done.set()
                thread.join()
        path.unlink(missing_ok=True)

    @contextmanager
    def take_over(self, owner: str, lease_until: datetime) -> Iterator[bool]:
        """Yield whether that owner is dead; while the block runs nobody else on this machine takes over from it."""
        path = self._path(owner)
        if owner == self.id:
            yield False
        elif not path.is_file():
            yield lease_until < now()
        else:
            with _taken(file_lock(path)) as dead:
                yield dead

    def notes(self, about: str) -> Iterator[tuple[str, str, bool]]:
        """Yield owners, their notes and whether they are dead; a note of the dead is given to one caller only."""
        for path in sorted(self._folder.glob(f"*.{about}")):
            with self.take_over(path.stem, _LONG_AGO) as dead, suppress(FileNotFoundError):
                note = path.read_text(encoding="utf-8")
                if dead:
                    path.unlink()
                yield path.stem, note, dead

    def forget(self, owner: str) -> None:
        """Forget an owner that is dead and has left nothing; until then it is known to be dead at once."""
        self._path(owner).unlink(missing_ok=True)

    def _path(self, owner: str) -> Path:
        return self._folder / f"{owner}.lock"


def file_lock(path: Path) -> "BaseFileLock":
    """Return the operating system's lock on a file, not yet taken."""
    from filelock import FileLock  # most commands never need it

    return FileLock(path)


@contextmanager
def _taken(lock: "BaseFileLock") -> Iterator[bool]:
    from filelock import Timeout

    try:
        lock.acquire(blocking=False)
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


def _repeat(renew: Callable[[], None], every: float, done: threading.Event) -> None:
    while not done.wait(every):
        with suppress(Unreachable):  # the next renewal comes well before the lease ends
            renew()
