"""The loop of `promptlab rate`: one item after another, one key a rating. Every rating is committed at once."""

import shutil
import sys
import textwrap
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from promptlab.commands.keyboard import END, ESCAPE, Keyboard
from promptlab.commands.outcome import INTERRUPTED
from promptlab.commands.rating_walk import Walk
from promptlab.commands.viewer import open_link
from promptlab.errors import InvalidInput, NotConfigured
from promptlab.runtime import Runtime

if TYPE_CHECKING:
    from promptlab.db.generations import QueueFilters

_KEYS = (
    ("1 failed", "2 poor", "3 acceptable", "4 good", "5 excellent"),
    ("n note", "t tags", "s skip", "u undo", "o open", "q quit"),
)
_SCORES = frozenset("12345")  # a set: two keys that come at once are no score
_GLUE = "\u00a0"
_QUIT = END | {"q", "Q"}

View = dict[str, Any]


@dataclass
class _Remarks:
    """What has been said of an item before its score; it stays with the item when its rating is undone."""

    note: str | None = None
    tags: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.note or self.tags)


@dataclass(frozen=True)
class _Given:
    """A rating of this session."""

    generation_id: int
    place: int


class RatingLoop:
    """Shows what one rater has not rated yet and records one score after another; its talk is on stderr."""

    def __init__(self, runtime: Runtime, walk: Walk) -> None:
        self._runtime = runtime
        self._asked = walk
        self._keyboard = Keyboard()
        self._given: list[_Given] = []
        self._remarks: dict[int, _Remarks] = {}

    def run(self) -> int:
        """Walk the queue, or show just one generation; return the exit code.

        Raises:
            NotFound: no such generation, version or batch.
            Conflict: the one generation has no images.
            InvalidInput: there is neither a terminal nor a key in the pipe.
        """
        code = 0
        try:
            with self._keyboard.held():
                self._start()
        except KeyboardInterrupt:
            code = INTERRUPTED
        self._say(f"\n{len(self._given)} rated.")
        if code == INTERRUPTED:
            again = self._asked.command(self._runtime.flags, default_rater=self._runtime.settings.rater)
            self._runtime.output.note(f"What was rated is kept. Go on with: {again}")
        return code

    def _start(self) -> None:
        from promptlab.services import reading, review

        lab, asked = self._runtime.lab, self._asked
        if asked.generation_id is not None:
            review.check_ratable(lab, asked.generation_id)
            self._rate(reading.one(lab, asked.generation_id, blind=asked.blind), "", place=1)
            return
        wanted = self._runtime.settings.ratings_per_generation
        self._walk(
            reading.queue_filters(
                lab, reference=asked.reference, batch_id=asked.batch_id, rater=asked.rater, ratings_wanted=wanted
            )
        )

    def _walk(self, filters: "QueueFilters") -> None:
        from promptlab.services import reading

        lab, blind, place = self._runtime.lab, self._asked.blind, 1
        total = reading.queue_length(lab, filters)
        item = reading.next_in_queue(lab, filters, after=0, blind=blind)
        while item is not None:
            step = self._rate(item, f"Item {place} of {max(total, place)}", place=place)
            if step == "quit":
                return
            if step == "back":
                item, place = self._take_back()
            else:
                item, place = reading.next_in_queue(lab, filters, after=item["id"], blind=blind), place + 1
        self._say("\nNothing waits for a rating of yours." if total == 0 else "\nThat was the last one.")

    def _rate(self, item: View, title: str, *, place: int) -> str:
        """Show an item and act on keys until it is left; say how: rated, skip, back or quit."""
        if not self._keyboard.answers():
            raise self._nobody()
        self._show(item, title)
        while True:
            key = self._keyboard.read()
            if key in _QUIT:
                return "quit"
            if key in _SCORES:
                self._record(item["id"], int(key), place)
                return "rated"
            if key.lower() == "s":
                return "skip"
            if key.lower() == "u" and self._given:
                return "back"
            self._act(key, item)

    def _act(self, key: str, item: View) -> None:
        actions = {
            "n": lambda: self._ask_note(item),
            "t": lambda: self._ask_tags(item),
            "o": lambda: self._open(item),
            "u": lambda: self._say("There is nothing to undo in this session."),
            "?": self._say_keys,
        }
        if action := actions.get(key.lower()):
            action()
        elif len(key) == 1 or key.startswith(ESCAPE):
            self._say("That key does nothing here. ? shows the keys.")
        else:
            self._say("Several keys came at once, and none was taken. ? shows the keys.")

    def _ask_note(self, item: View) -> None:
        note = self._keyboard.ask("Note (Esc cancels): ")
        if note is not None:
            self._of(item).note = note or None
        self._say_remarks(item, cancelled=note is None)

    def _ask_tags(self, item: View) -> None:
        tags = self._keyboard.ask("Tags, separated by commas (Esc cancels): ")
        if tags is not None:
            self._of(item).tags = tags.replace(",", " ").split()
        self._say_remarks(item, cancelled=tags is None)

    def _open(self, item: View) -> None:
        for image in item["outputs"]:
            try:
                open_link(self._runtime.link(image["url"]))
            except NotConfigured as error:
                self._say(error.message)

    def _record(self, generation_id: int, score: int, place: int) -> None:
        from promptlab.services import review
        from promptlab.services.scores import SCORE_NAMES

        remarks = self._remarks[generation_id]
        verdict = review.Verdict(rater=self._asked.rater, score=score, note=remarks.note, tags=remarks.tags)
        review.rate(self._runtime.lab, generation_id, verdict)
        self._given.append(_Given(generation_id, place))
        self._say(f"{score} {SCORE_NAMES[score]}")

    def _take_back(self) -> tuple[View, int]:
        """Undo the last rating of this session; return its item, which is rated anew, and the item's place."""
        from promptlab.services import reading, review

        last = self._given.pop()
        earlier = review.undo(self._runtime.lab, last.generation_id, self._asked.rater)
        stands = f" Your earlier score stands again: {earlier.score}." if earlier else ""
        kept = " Note and tags are kept for your next score." if self._remarks[last.generation_id] else ""
        self._say(f"Undone.{stands}{kept}")
        return reading.one(self._runtime.lab, last.generation_id, blind=self._asked.blind), last.place

    def _show(self, item: View, title: str) -> None:
        from promptlab.output.ratings import item_picture
        from promptlab.output.sink import make_console, print_trimmed

        self._keyboard.forget()
        console = make_console(sys.stderr)
        if title:
            console.print(f"\n{title}", style="bold")
        print_trimmed(console, item_picture(console, item, self._runtime.link))
        if self._asked.preview:
            self._runtime.output.show_pictures([item], self._runtime.storage.read, stream=sys.stderr)
        if self._of(item):
            self._say_remarks(item)
        self._say_keys()

    def _of(self, item: View) -> _Remarks:
        return self._remarks.setdefault(item["id"], _Remarks())

    def _say_remarks(self, item: View, *, cancelled: bool = False) -> None:
        from promptlab.output.ratings import remarks_line

        remarks = self._of(item)
        self._say(f"{'Cancelled. ' if cancelled else ''}{remarks_line(remarks.note, remarks.tags)}")

    def _say_keys(self) -> None:
        width = shutil.get_terminal_size().columns
        for line in _KEYS:
            # A narrow terminal breaks the line between two keys, never within one.
            glued = "  ".join(key.replace(" ", _GLUE) for key in line)
            self._say(textwrap.fill(glued, width).replace(_GLUE, " "))

    def _say(self, text: str) -> None:
        from promptlab.output.cells import wrapped
        from promptlab.output.sink import make_console

        sys.stderr.write(f"{wrapped(text, make_console(sys.stderr).width)}\n")
        sys.stderr.flush()

    def _nobody(self) -> InvalidInput:
        known = self._asked.generation_id is not None
        ways = "Give --score" if known else "Give an id and --score, or --from FILE"
        return InvalidInput("Nothing was rated. Nobody can be asked here.", hint=f"{ways}, or run it in a terminal.")
