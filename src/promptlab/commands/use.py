"""What a sitting can be used for: what is asked, which keys answer it, and what becomes of the answers."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from promptlab.commands.keyboard import Keyboard
from promptlab.commands.screen import Question, Screen

Action = Callable[[], str | None]
"""What a key does; it may return another key, which is then taken as if pressed."""


class Use(Protocol):
    """What is asked, and what becomes of the answers."""

    @property
    def noun(self) -> str:
        """What one is called before its number: `Item`."""
        ...

    @property
    def deed(self) -> str:
        """What was done to it: `rated`."""
        ...

    @property
    def nothing(self) -> str:
        """What is said where there is nothing to ask about."""
        ...

    @property
    def is_single(self) -> bool:
        """Whether there is one question only, which has no number."""
        ...

    @property
    def keys(self) -> Sequence[str]:
        """The keys of its own, as the line of keys shows them."""
        ...

    @property
    def help(self) -> Sequence[tuple[str, str]]:
        """The same keys and what each does, at length."""
        ...

    @property
    def remedy(self) -> str:
        """What leads to an answer where nobody can be asked."""
        ...

    def seat(self, screen: Screen, keyboard: Keyboard) -> None:
        """Take note of where to show and ask."""
        ...

    def find(self) -> int:
        """Find what is to be asked about and return how much it is."""
        ...

    def more(self, count: int) -> Sequence[Question]:
        """Return the next questions: none that it has returned before."""
        ...

    def introduce(self, question: Question) -> None:
        """Show what stands above the pictures."""
        ...

    def remind(self, question: Question) -> None:
        """Show what was said already, below the pictures."""
        ...

    def answer(self, key: str) -> Any:
        """Return the answer that the key is, None if it is none."""
        ...

    def actions(self, question: Question) -> Mapping[str, Action]:
        """Return what other keys of its own do."""
        ...

    def record(self, question: Question, answer: Any, duration_ms: int | None) -> tuple[object, str]:
        """Keep an answer; return a receipt for `withdraw` and what is said. Raises NotFound or Conflict."""
        ...

    def withdraw(self, question: Question, receipt: Any) -> str:
        """Take an answer back and return what is said. Raises NotFound."""
        ...

    def done(self, given: int) -> str:
        """Return how many answers were given, as a sentence."""
        ...

    def again(self) -> str:
        """Return the command that goes on where the sitting ended."""
        ...
