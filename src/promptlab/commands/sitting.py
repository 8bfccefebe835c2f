"""A sitting: somebody is asked about one thing after another and answers with single keys, each kept at once."""

from collections import deque
from dataclasses import dataclass
from time import monotonic

from promptlab.commands.keyboard import ENTER, ESCAPE, QUIT, Keyboard
from promptlab.commands.outcome import INTERRUPTED
from promptlab.commands.screen import Question, Screen
from promptlab.commands.use import Action, Use
from promptlab.errors import Conflict, InvalidInput, NotFound
from promptlab.runtime import Runtime

_AHEAD = 3
_LONGEST_SECONDS = 300
"""Who looks at one thing for longer has looked at something else meanwhile: no time is recorded then."""


@dataclass(frozen=True)
class _Step:
    """A question that was left behind; without a receipt it was skipped."""

    question: Question
    receipt: object | None = None


class Sitting:
    """Goes through questions on one terminal, forward and back; its talk is on stderr."""

    def __init__(self, runtime: Runtime, use: Use, *, preview: bool) -> None:
        self._runtime, self._use = runtime, use
        self._keyboard = Keyboard()
        self._screen = Screen(runtime, self._keyboard, preview=preview)
        use.seat(self._screen, self._keyboard)
        self._done: list[_Step] = []
        self._coming: deque[Question] = deque()
        self._total = 0

    def run(self) -> int:
        """Go through all questions; return the exit code.

        Raises:
            InvalidInput: there is neither a terminal nor a key in the pipe.
        """
        code = 0
        try:
            with self._keyboard.held():
                self._walk()
        except KeyboardInterrupt:
            code = INTERRUPTED
        finally:
            self._screen.end()
        given = sum(step.receipt is not None for step in self._done)
        self._screen.say(f"\n{self._use.done(given)}")
        if code == INTERRUPTED:
            kept = f"What was {self._use.deed} is kept."
            self._runtime.output.note(f"{kept} Go on with: {self._use.again()}")
        return code

    def _walk(self) -> None:
        self._total = self._use.find()
        question = self._next()
        if question is None:
            self._screen.say(f"\n{self._use.nothing}")
            return
        self._screen.begin()
        while question is not None:
            moved = self._ask(question)
            if moved == "quit":
                return
            if isinstance(moved, _Step):
                self._done.append(moved)
                question = self._next() or self._last()
            else:
                self._coming.appendleft(question)
                question = self._back()

    def _next(self) -> Question | None:
        if not self._coming:
            self._coming.extend(self._use.more(1))
        return self._coming.popleft() if self._coming else None

    def _look_ahead(self) -> None:
        """Find out what comes next, and have it drawn, while somebody looks at what is there."""
        if len(self._coming) < _AHEAD:
            self._coming.extend(self._use.more(_AHEAD - len(self._coming)))
        self._screen.expect(list(self._coming)[:_AHEAD])

    def _last(self) -> Question | None:
        """Say that it was the last one; return it, or another before it, if that is to be undone."""
        if self._use.is_single:
            return None
        if not self._keyboard.is_terminal:
            self._screen.say("\nThat was the last one.")
            return None
        self._screen.say("\nThat was the last one. u undo, q or Enter quit")
        while (key := self._keyboard.read()) not in QUIT | ENTER:
            if key.lower() == "u":
                return self._back()
        return None

    def _back(self) -> Question:
        """Undo the last thing that was done, be it an answer or a skip; return its question, to be asked anew."""
        step = self._done.pop()
        if step.receipt is None:
            said = "Back to what was skipped."
        else:
            try:
                said = self._use.withdraw(step.question, step.receipt)
            except NotFound as error:  # somebody has deleted it, or it was answered elsewhere since
                said = error.message
        self._screen.say(said)
        return step.question

    def _ask(self, question: Question) -> _Step | str:
        """Show a question and act on keys until it is left; return what was done with it, or `back` or `quit`."""
        if not self._keyboard.answers():
            raise self._nobody()
        self._show(question)
        began, key = monotonic(), ""
        while True:
            key = key or self._keyboard.read()
            if key in QUIT:
                return "quit"
            if key in {"s", "S"}:
                return _Step(question)
            if key in {"u", "U"} and self._done:
                return "back"
            if (answer := self._use.answer(key)) is not None:
                return self._record(question, answer, monotonic() - began)
            key = self._act(key, question) or ""

    def _record(self, question: Question, answer: object, seconds: float) -> _Step:
        measured = self._keyboard.is_terminal and seconds <= _LONGEST_SECONDS
        try:
            receipt, said = self._use.record(question, answer, round(seconds * 1000) if measured else None)
        except (NotFound, Conflict) as error:  # deleted, or taken up again, while it was on this screen
            self._screen.say(f"{error.message} It is left out.")
            return _Step(question)
        self._screen.say(said)
        return _Step(question, receipt)

    def _act(self, key: str, question: Question) -> str | None:
        actions: dict[str, Action] = {
            **self._use.actions(question),
            "o": lambda: self._screen.open(question),
            "u": lambda: self._screen.say("There is nothing to undo in this session."),
            "?": self._help,
        }
        if action := actions.get(key.lower()):
            return action()
        if len(key) == 1 or key.startswith(ESCAPE):
            self._screen.say("That key does nothing here. ? shows the keys.")
        else:
            self._screen.say("Several keys came at once, and none was taken. ? shows the keys.")
        return None

    def _show(self, question: Question) -> None:
        if not self._use.is_single:
            place = len(self._done) + 1
            self._screen.title(self._use.noun, place, max(self._total, place))
        self._use.introduce(question)
        self._screen.pictures(question)
        self._use.remind(question)
        self._keyboard.forget()  # keys that were pressed before there was anything to answer
        self._say_keys()
        self._look_ahead()

    def _help(self) -> None:
        from promptlab.output.tables import details

        rest = [
            ("s", "skip: it comes again next time"),
            ("u", "undo the last answer or skip of this session, and the one before it, and so on"),
            ("o", "open the pictures in the viewer"),
            ("q", "quit; everything is kept"),
        ]
        self._screen.show(details([*self._use.help, *rest]))
        self._say_keys()

    def _say_keys(self) -> None:
        self._screen.say_keys([*self._use.keys, "s skip", "u undo", "o open", "? keys", "q quit"])

    def _nobody(self) -> InvalidInput:
        what = f"Nothing was {self._use.deed}. Nobody can be asked here."
        return InvalidInput(what, hint=self._use.remedy)
