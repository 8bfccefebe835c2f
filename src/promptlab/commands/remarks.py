"""What a rater says beside the score, by keys: a note, tags, criteria. It stays with its item, also when undone."""

from collections.abc import Hashable
from dataclasses import dataclass, field
from string import ascii_lowercase

from promptlab.commands.keyboard import ENTER, ESCAPE, QUIT, Keyboard
from promptlab.commands.screen import Screen
from promptlab.settings.rubric import Rubric

_SCORES = frozenset("12345")
_PASS, _BACK = ENTER | {" ", "s", "S"}, frozenset({"u", "U", "\x7f", "\x08"})


@dataclass
class Remarks:
    """What has been said of an item before its score."""

    note: str | None = None
    tags: list[str] = field(default_factory=list)
    criteria: dict[str, int] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.note or self.tags or self.criteria)


class RemarksBook:
    """The remarks on each item of a session, and how they are asked for."""

    def __init__(self, rubric: Rubric, screen: Screen, keyboard: Keyboard) -> None:
        self._rubric, self._screen, self._keyboard = rubric, screen, keyboard
        self._remarks: dict[Hashable, Remarks] = {}

    def of(self, item: Hashable) -> Remarks:
        """Return what has been said of an item."""
        return self._remarks.setdefault(item, Remarks())

    def say(self, item: Hashable, *, cancelled: bool = False) -> None:
        """Say what has been said so far."""
        from promptlab.output.ratings import remarks_line

        remarks = self.of(item)
        line = remarks_line(remarks.note, remarks.tags, remarks.criteria)
        self._screen.say(f"{'Cancelled. ' if cancelled else ''}{line}")

    def ask_note(self, item: Hashable) -> None:
        """Ask for a note, a line of text."""
        note = self._keyboard.ask("Note (Esc cancels): ")
        if note is not None:
            self.of(item).note = note or None
        self.say(item, cancelled=note is None)

    def ask_tags(self, item: Hashable) -> str | None:
        """Ask for tags: of those of the rubric by one key each, else as text; return a key that is meant for others."""
        if self._rubric.tags:
            return self._choose_tags(item)
        tags = self._keyboard.ask("Tags, separated by commas (Esc cancels): ")
        if tags is not None:
            self.of(item).tags = tags.replace(",", " ").split()
        self.say(item, cancelled=tags is None)
        return None

    def ask_criteria(self, item: Hashable) -> str | None:
        """Ask for each criterion in turn, one key each; return a key that is meant for others."""
        names, place = list(self._rubric.criteria), 0
        self._screen.say("One key each: 1 to 5, Enter or s passes one over, u goes back, Esc ends.")
        while place < len(names):
            key = self._ask_criterion(item, names[place])
            if key is None or key in _PASS:
                place += 1
            elif key in _BACK:
                place = max(0, place - 1)
            elif key == ESCAPE:
                break
            elif key in QUIT:
                return key
            else:
                self._screen.say("1 to 5, Enter, u or Esc.")
        self.say(item)
        return None

    def _ask_criterion(self, item: Hashable, name: str) -> str | None:
        """Ask for one criterion; return None if it got a score, else the key."""
        from promptlab.services.scores import SCORE_NAMES

        criteria = self.of(item).criteria
        before = f" ({criteria[name]})" if name in criteria else ""
        self._screen.say(f"{name}{before}: {self._rubric.criteria[name]}")
        key = self._keyboard.read()
        if key not in _SCORES:
            return key
        criteria[name] = int(key)
        self._screen.say(f"  {key} {SCORE_NAMES[int(key)]}")
        return None

    def _choose_tags(self, item: Hashable) -> str | None:
        """Let keys switch tags on and off until another key is pressed; Enter and Esc do nothing else."""
        chosen = dict(zip(ascii_lowercase, self._rubric.tags, strict=False))
        tags = self.of(item).tags
        self._screen.say_keys([*(f"{key} {tag}" for key, tag in chosen.items()), "Enter ends"])
        while (key := self._keyboard.read()).lower() in chosen:
            tag = chosen[key.lower()]
            (tags.remove if tag in tags else tags.append)(tag)
            self._screen.say(f"tags {', '.join(tags)}" if tags else "no tags")
        self.say(item)
        return None if key in ENTER | {ESCAPE, "."} else key
