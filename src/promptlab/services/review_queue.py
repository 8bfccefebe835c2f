"""What comes next in a session of rating: whole blocks, those first that the rater has begun."""

from collections import deque
from collections.abc import Iterator

from promptlab.db import claims, review_queue
from promptlab.db.review_queue import QueueFilters
from promptlab.services.lab import Lab

MAX_COUNTED = 10_000
"""How many waiting generations are counted: nobody rates more, and counting a million takes a second."""


class ReviewQueue:
    """The queue of one rater in one session, which hands out each generation once; `filters` name the rater.

    What is taken is looked up then, a block at a time, so a session can load a few images ahead. Where the number of
    raters is limited, a block is claimed before anything of it is handed out, and kept for the rater while they rate.
    """

    def __init__(self, lab: Lab, filters: QueueFilters) -> None:
        self._lab = lab
        self._filters = filters
        self._found: deque[int] = deque()
        self._seen: set[int] = set()
        self._claimed: list[int] = []
        self._blocks = self._in_order()

    def length(self) -> int:
        """Return how many generations wait; MAX_COUNTED + 1 means more than MAX_COUNTED."""
        with self._lab.database.reading() as session:
            return review_queue.length(session, self._lab.project_id, self._filters, at_most=MAX_COUNTED + 1)

    def take(self, count: int) -> list[int]:
        """Return the ids of the next generations that wait, in their order; less than `count` only at the end."""
        taken: list[int] = []
        while len(taken) < count and self._has_found():
            taken.append(self._found.popleft())
        return taken

    def leave(self) -> None:
        """Give back what was claimed; blocks in which the rater has rated something stay theirs."""
        if self._claimed:
            with self._lab.database.transaction() as session:
                claims.give_back(session, self._lab.project_id, self._rater, self._claimed)

    def _has_found(self) -> bool:
        while not self._found and (ids := next(self._blocks, None)) is not None:
            self._found.extend(id_ for id_ in ids if id_ not in self._seen)
            self._seen.update(ids)
        return bool(self._found)

    def _in_order(self) -> Iterator[list[int]]:
        """Yield the ids of block after block: open ones, the others, and what has come before those meanwhile."""
        with self._lab.database.reading() as session:
            begun = review_queue.open_blocks(session, self._lab.project_id, self._filters)
        yield from map(self._of_block, begun)
        yield from self._walk()
        yield from self._walk()

    def _walk(self) -> Iterator[list[int]]:
        block: int | None = -1
        while block is not None:
            with self._lab.database.reading() as session:
                block = review_queue.next_block(session, self._lab.project_id, self._filters, after=block)
            if block is not None:
                yield self._of_block(block)

    def _of_block(self, block: int) -> list[int]:
        if self._filters.ratings_wanted is not None:
            return self._claim(block)
        with self._lab.database.reading() as session:
            return review_queue.of_block(session, self._lab.project_id, self._filters, block)

    def _claim(self, block: int) -> list[int]:
        """Claim the block and return what waits in it: nothing where others were faster."""
        with self._lab.database.transaction() as session:
            claims.lock(session, self._lab.project_id, block)
            ids = review_queue.of_block(session, self._lab.project_id, self._filters, block)
            if ids:
                claims.put(session, self._lab.project_id, block, self._rater)
                self._claimed.append(block)
            return ids

    @property
    def _rater(self) -> str:
        return self._filters.rater or ""
