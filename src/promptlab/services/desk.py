"""A lab that a long-lived process works at: known as alive all the while, and left as the dead leave theirs if need be.

A command that meets a storage or a database that is away ends, and the next one settles what it had in flight. A
worker goes on; so it leaves its desk with everything on it, as one that is known to be dead, and takes another.
"""

import threading
from contextlib import suppress

from promptlab.services.lab import Lab
from promptlab.services.workload import at_work


class _Left(Exception):
    """The desk was left with work on it."""


class Desk:
    """A lab, with a process that is at work there until it is broken or closed and nobody uses it any more.

    Raises what being at work raises: the folder of owners cannot be written.
    """

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.is_broken = False
        self._users = 0
        self._is_closing = False
        self._lock = threading.Lock()
        self._seated, self._leaves = threading.Event(), threading.Event()
        self._error: OSError | None = None
        # A thread of its own: the lock that says we are alive is given back by whoever took it.
        self._thread = threading.Thread(target=self._sit, daemon=True, name="promptlab-desk")
        self._thread.start()
        self._seated.wait()
        if self._error is not None:
            raise self._error

    def enter(self) -> bool:
        """Begin to use the desk; False if that is too late."""
        with self._lock:
            if self.is_broken or self._is_closing:
                return False
            self._users += 1
            return True

    def leave(self, *, broken: bool = False) -> None:
        """End one use of the desk. If it broke, what is on it is settled once the last user has left."""
        with self._lock:
            self._users -= 1
            self.is_broken = self.is_broken or broken
            if not self._users and (self.is_broken or self._is_closing):
                self._leaves.set()

    def close(self) -> None:
        """Take no more users, and wait until the last one has left."""
        with self._lock:
            self._is_closing = True
            if not self._users:
                self._leaves.set()
        self._thread.join()

    def _sit(self) -> None:
        try:
            with suppress(_Left), at_work(self.lab):
                self._seated.set()
                self._leaves.wait()
                if self.is_broken:
                    raise _Left
        except OSError as error:
            self._error = error
        finally:
            self._seated.set()
