"""What `promptlab rate` asks in a sitting: one item after another, one key a rating."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from promptlab.commands.keyboard import Keyboard
from promptlab.commands.rating_walk import Walk
from promptlab.commands.remarks import Remarks, RemarksBook
from promptlab.commands.screen import Question, Screen
from promptlab.commands.use import Action
from promptlab.runtime import Runtime
from promptlab.settings.rubric import Rubric

if TYPE_CHECKING:
    from promptlab.services.review_queue import ReviewQueue

View = dict[str, Any]

_SCORES = {key: int(key) for key in "12345"}  # whole keys: two that come at once are no score


@dataclass(frozen=True)
class _Given:
    """A rating of this session."""

    generation_id: int
    rating_id: int


class RatingUse:
    """What one rater has not rated yet, or one generation; what becomes of an answer is a rating."""

    noun, deed, nothing = "Item", "rated", "Nothing waits for a rating of yours."

    def __init__(self, runtime: Runtime, walk: Walk) -> None:
        self._runtime, self._asked = runtime, walk
        self._rubric = runtime.settings.rubric or Rubric()
        self._queue: ReviewQueue | None = None
        self._is_asked = False
        self.is_single = walk.generation_id is not None
        ways = "Give --score" if self.is_single else "Give an id and --score, or --from FILE"
        self.remedy = f"{ways}, or run it in a terminal."

    def seat(self, screen: Screen, keyboard: Keyboard) -> None:
        self._screen, self._book = screen, RemarksBook(self._rubric, screen, keyboard)

    def find(self) -> int:
        """Find what is to be rated and return how much it is.

        Raises:
            InvalidInput: the rater has no usable name.
            NotFound: no such generation, version or batch.
            Conflict: the one generation has no images.
        """
        from promptlab.services import reading, review
        from promptlab.services.review_queue import ReviewQueue

        lab, asked = self._runtime.lab, self._asked
        review.check_rater(asked.rater)
        if asked.generation_id is not None:
            review.check_ratable(lab, asked.generation_id)
            return 1
        filters = reading.queue_filters(
            lab,
            reference=asked.reference,
            batch_id=asked.batch_id,
            rater=asked.rater,
            ratings_wanted=self._runtime.settings.ratings_per_generation,
        )
        self._queue = ReviewQueue(lab, filters)
        return self._queue.length()

    def more(self, count: int) -> Sequence[Question]:
        return [self._question(item) for item in self._items(count)]

    def _items(self, count: int) -> list[View]:
        from promptlab.services import reading

        lab, asked = self._runtime.lab, self._asked
        if asked.generation_id is not None:
            wanted, self._is_asked = ([] if self._is_asked else [asked.generation_id]), True
            return [reading.one(lab, each, blind=asked.blind) for each in wanted]
        assert self._queue is not None  # noqa: S101 - set by `find`
        return reading.items(lab, self._queue.take(count), blind=asked.blind)

    def _question(self, item: View) -> Question:
        images = [("inputs", item["inputs"]), ("images", item["outputs"])]
        return Question(id=item["id"], images=images, subject=item)

    def introduce(self, question: Question) -> None:
        if self._rubric.overall:
            self._screen.say(self._rubric.overall)
        if not self._asked.blind:
            from promptlab.output.ratings import origin

            self._screen.show(origin(question.subject))

    def remind(self, question: Question) -> None:
        if self._book.of(question.id):
            self._book.say(question.id)

    @property
    def keys(self) -> Sequence[str]:
        if self._rubric.criteria:
            return ("1-5 score", "c criteria", "t tags", "n note")
        return ("1 failed … 5 excellent", "n note", "t tags")

    @property
    def help(self) -> Sequence[tuple[str, str]]:
        from promptlab.services.scores import SCORE_NAMES

        words = ", ".join(f"{score} {word}" for score, word in SCORE_NAMES.items())
        criteria = [("c", f"criteria: a score for each of {', '.join(self._rubric.criteria)}")]
        return [
            ("1 to 5", f"{words}; kept at once, on to the next"),
            *([("", self._rubric.overall)] if self._rubric.overall else []),
            *(criteria if self._rubric.criteria else []),
            ("t", "tags: one key each" if self._rubric.tags else "tags, as text"),
            ("n", "a note, as text"),
        ]

    def answer(self, key: str) -> int | None:
        return _SCORES.get(key)

    def actions(self, question: Question) -> Mapping[str, Action]:
        item = question.id
        found: dict[str, Action] = {
            "n": partial(self._book.ask_note, item),
            "t": partial(self._book.ask_tags, item),
        }
        return {**found, "c": partial(self._book.ask_criteria, item)} if self._rubric.criteria else found

    def record(self, question: Question, answer: int, duration_ms: int | None) -> tuple[_Given, str]:
        from promptlab.services import review
        from promptlab.services.scores import SCORE_NAMES

        said, generation_id = self._book.of(question.id), question.subject["id"]
        verdict = review.Verdict(
            rater=self._asked.rater,
            score=answer,
            note=said.note,
            tags=said.tags,
            criteria=said.criteria,
            duration_ms=duration_ms,
        )
        rating = review.rate(self._runtime.lab, generation_id, verdict)
        return _Given(generation_id, rating.id or 0), f"{answer} {SCORE_NAMES[answer]}"

    def withdraw(self, question: Question, receipt: _Given) -> str:
        from promptlab.services import review

        earlier = review.undo(self._runtime.lab, receipt.generation_id, self._asked.rater, rating_id=receipt.rating_id)
        stands = f" Your earlier score stands again: {earlier.score}." if earlier else ""
        return f"Undone.{stands}{_kept(self._book.of(question.id))}"

    def close(self) -> None:
        """Leave to others what was claimed and not rated."""
        if self._queue is not None:
            self._queue.leave()

    def done(self, given: int) -> str:
        return f"{given} rated."

    def again(self) -> str:
        return self._asked.command(self._runtime.flags, default_rater=self._runtime.settings.rater)


def _kept(remarks: Remarks) -> str:
    if not remarks:
        return ""
    return f" Note{', tags and criteria' if remarks.criteria else ' and tags'} are kept for your next score."
