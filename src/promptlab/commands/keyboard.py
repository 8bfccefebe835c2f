"""The keyboard of somebody who works with single keys, or the pipe that stands in for it."""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

import typer

from promptlab.commands.typed_line import TypedLine, write

ESCAPE = "\x1b"
LEFT, RIGHT = frozenset({"\x1b[D", "\x1bOD"}), frozenset({"\x1b[C", "\x1bOC"})
ENTER = frozenset("\r\n")
END = frozenset({"", "\x04"})
"""What is read where nobody will press a key any more: the end of a pipe, and Ctrl-D."""

QUIT = END | {"q", "Q"}

_SEQUENCE_SECONDS = 0.05  # the rest of a key follows at once, but a slow line may deliver it in two parts
_BEGUN = re.compile(
    rb"(?:\x1b(?:\[\[?[0-?]*[ -/]*|O)?|[\xc0-\xdf]|[\xe0-\xef][\x80-\xbf]?|[\xf0-\xf7][\x80-\xbf]{0,2})\Z"
)
"""The beginning of an escape sequence, or of a character, whose end is still on its way."""

_REPORT = re.compile(r"\x1b\[[?>]?[\d;]*[ct]")
"""What a terminal says of itself, perhaps long after it was asked: nobody has pressed that."""

_KEY = re.compile(r"\x1b\[\[?[0-?]*[ -/]*.|\x1bO.|\x1b[^\x1b]|.", re.DOTALL)


class Keyboard:
    """Reads whole keys and lines of text from stdin. On a terminal nothing that is typed shows by itself meanwhile."""

    def __init__(self) -> None:
        self.is_terminal = sys.stdin.isatty()
        self._ahead: str | None = None
        """The first character of a pipe, once it was looked for and until it is read."""

    @contextmanager
    def held(self) -> Iterator[None]:
        """Take single keys within the block; Ctrl-C still interrupts, Ctrl-Z is a key like others."""
        if not self.is_terminal or sys.platform == "win32":
            yield
            return
        import termios

        before, mode = termios.tcgetattr(sys.stdin), termios.tcgetattr(sys.stdin)
        mode[3] &= ~(termios.ECHO | termios.ICANON | termios.IEXTEN)
        nothing = bytes([os.fpathconf(sys.stdin.fileno(), "PC_VDISABLE")])
        mode[6][termios.VMIN], mode[6][termios.VTIME], mode[6][termios.VSUSP] = 1, 0, nothing
        termios.tcsetattr(sys.stdin, termios.TCSAFLUSH, mode)
        try:
            yield
        finally:
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)

    def forget(self) -> None:
        """Forget keys that were pressed before there was something to answer."""
        if self.is_terminal and sys.platform != "win32":
            import termios

            termios.tcflush(sys.stdin, termios.TCIFLUSH)

    def answers(self) -> bool:
        """Say whether anybody can be asked: somebody at a terminal, or a pipe that has or had a key."""
        if not self.is_terminal and self._ahead is None:
            self._ahead = _character()
            return bool(self._ahead)
        return True

    def read(self) -> str:
        """Return one key, several that came together, or one character of a pipe; one of END at the end."""
        if self.is_terminal:
            while not (keys := [key for key in self._keys() if not _REPORT.fullmatch(key)]):
                pass
            return "".join(keys)
        key, self._ahead = self._ahead or _character(), ""
        return key

    def inquire(self, question: str, answer: re.Pattern[bytes], seconds: float) -> re.Match[bytes] | None:
        """Ask the terminal itself; return its answer, None if it has none within so many seconds.

        To be asked while the keyboard is held. What is typed meanwhile is lost.
        """
        if not self.is_terminal or sys.platform == "win32":
            return None
        from select import select

        write(question)
        terminal, came, end = sys.stdin.fileno(), b"", monotonic() + seconds
        while not (found := answer.search(came)):
            if not select([terminal], [], [], max(0.0, end - monotonic()))[0]:
                return None
            came += os.read(terminal, 1024)
        return found

    def ask(self, question: str) -> str | None:
        """Return the line that is typed as an answer; None if Esc, Ctrl-C or Ctrl-D cancelled it."""
        line = TypedLine(question)
        if not self.is_terminal:
            return sys.stdin.readline().strip()
        try:
            while True:
                for key in self._keys():
                    if key == ESCAPE or key in END:
                        return None
                    if key in ENTER:
                        return line.text.strip()
                    line.take(key)
        except KeyboardInterrupt:
            return None
        finally:
            # What is left of text that was pasted is no answer to the next question.
            self.forget()
            write("\n")

    def _keys(self) -> list[str]:
        """Return the keys that came together."""
        if sys.platform == "win32":
            try:
                return [typer.getchar()]
            except EOFError:
                return [""]
        from select import select

        terminal = sys.stdin.fileno()
        came = os.read(terminal, 1024)
        while _BEGUN.search(came) and select([terminal], [], [], _SEQUENCE_SECONDS)[0]:
            came += os.read(terminal, 1024)
        return _KEY.findall(came.decode(sys.stdin.encoding, "replace")) or [""]


def _character() -> str:
    while (key := sys.stdin.read(1)).isspace():
        pass
    return key
