"""The loop of `promptlab rate`: one item after another, one key a rating. Every rating is committed at once."""

import shutil
import sys
import textwrap
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import typer

from promptlab.commands.outcome import INTERRUPTED
from promptlab.commands.viewer import open_link
from promptlab.runtime import Runtime

if TYPE_CHECKING:
    from promptlab.db.generations import QueueFilters

_KEYS = (
    ("1 failed", "2 poor", "3 acceptable", "4 good", "5 excellent"),
    ("n note", "t tags", "s skip", "u undo", "o open", "q quit"),
)
_SCORES = frozenset("12345")  # a set: two keys that come at once are no score
_GLUE = "\u00a0"
_END = ("", "\x04", "q", "Q")


@dataclass
class _Remarks:
    """What has been said of the item on screen before its score."""

    note: str | None = None
    tags: list[str] = field(default_factory=list)


class RatingLoop:
    """Shows what one rater has not rated yet and records one score after another; its talk is on stderr."""

    def __init__(self, runtime: Runtime, rater: str, *, blind: bool, preview: bool) -> None:
        self._runtime = runtime
        self._rater = rater
        self._blind = blind
        self._preview = preview
        self._given: list[int] = []

    def run(self, generation_id: int | None, reference: str | None, batch_id: int | None) -> int:
        """Walk the queue, or show just one generation; return the exit code."""
        from promptlab.services import reading

        lab, wanted = self._runtime.lab, self._runtime.settings.ratings_per_generation
        filters = reading.queue_filters(
            lab, reference=reference, batch_id=batch_id, rater=self._rater, ratings_wanted=wanted
        )
        code = 0
        try:
            if generation_id is None:
                self._walk(filters)
            else:
                self._rate(reading.one(lab, generation_id, blind=self._blind), "")
        except KeyboardInterrupt:
            code = INTERRUPTED
        self._say(f"\n{len(self._given)} rated.")
        return code

    def _walk(self, filters: "QueueFilters") -> None:
        from promptlab.services import reading

        lab, after, place = self._runtime.lab, 0, 1
        total = reading.queue_length(lab, filters)
        while item := reading.next_in_queue(lab, filters, after=after, blind=self._blind):
            step = self._rate(item, f"Item {place} of {max(total, place)}")
            if step == "quit":
                return
            if step == "back":
                after, place = self._take_back(after, place)
            else:
                after, place = item["id"], place + 1
        self._say("\nNothing waits for a rating of yours." if total == 0 else "\nThat was the last one.")

    def _rate(self, item: dict[str, Any], title: str) -> str:
        """Show an item and act on keys until it is left; say how: rated, skip, back or quit."""
        self._show(item, title)
        remarks = _Remarks()
        while True:
            key = _read_key()
            if key in _END:
                return "quit"
            if key in _SCORES:
                self._record(item["id"], int(key), remarks)
                return "rated"
            if key.lower() == "s":
                return "skip"
            if key.lower() == "u" and self._given:
                return "back"
            self._act(key, item, remarks)

    def _act(self, key: str, item: dict[str, Any], remarks: _Remarks) -> None:
        if key.lower() == "n":
            remarks.note = self._ask("Note: ") or None
            self._say("It goes with the score that you give now, 1 to 5.")
        elif key.lower() == "t":
            remarks.tags = [tag for tag in self._ask("Tags, separated by commas: ").replace(",", " ").split() if tag]
            self._say("They go with the score that you give now, 1 to 5.")
        elif key.lower() == "o":
            for image in item["outputs"]:
                open_link(self._runtime.link(image["url"]), self._runtime.output)
        elif key.lower() == "u":
            self._say("There is nothing to undo in this session.")
        else:
            self._say(f"{key!r} is no key here.")
            self._say_keys()

    def _record(self, generation_id: int, score: int, remarks: _Remarks) -> None:
        from promptlab.services import review

        verdict = review.Verdict(rater=self._rater, score=score, note=remarks.note, tags=remarks.tags)
        review.rate(self._runtime.lab, generation_id, verdict)
        self._given.append(generation_id)
        self._say(f"{score} {review.SCORE_NAMES[score]}")

    def _take_back(self, after: int, place: int) -> tuple[int, int]:
        """Undo the last rating of this session; return where the walk goes on: at the item it was of."""
        from promptlab.services import review

        last = self._given.pop()
        review.undo(self._runtime.lab, last, self._rater)
        self._say("Undone.")
        return min(after, last - 1), max(1, place - 1)

    def _show(self, item: dict[str, Any], title: str) -> None:
        from promptlab.output.ratings import item_picture
        from promptlab.output.sink import make_console, print_trimmed

        console = make_console(sys.stderr)
        console.print(f"\n{title}", style="bold")
        print_trimmed(console, item_picture(console, item, self._runtime.link))
        if self._preview:
            self._runtime.output.show_pictures([item], self._runtime.storage.read, stream=sys.stderr)
        self._say_keys()

    def _say_keys(self) -> None:
        width = shutil.get_terminal_size().columns
        for line in _KEYS:
            # A narrow terminal breaks the line between two keys, never within one.
            glued = "  ".join(key.replace(" ", _GLUE) for key in line)
            self._say(textwrap.fill(glued, width).replace(_GLUE, " "))

    def _ask(self, question: str) -> str:
        sys.stderr.write(question)
        sys.stderr.flush()
        return sys.stdin.readline().strip()

    def _say(self, text: str) -> None:
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()


def _read_key() -> str:
    """Return one key of the terminal, or one character of a pipe; empty at its end."""
    if sys.stdin.isatty():
        try:
            return typer.getchar()
        except EOFError:
            return ""
    while (key := sys.stdin.read(1)).isspace():
        pass
    return key
