"""The one place that writes: data to stdout, talk (warnings, hints, progress) to stderr."""

import json
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

from promptlab.errors import InvalidInput, PromptlabError, Unreachable
from promptlab.output.cells import wrapped
from promptlab.output.tables import Fitted

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from promptlab.output.live import Look

PATIENCE_SECONDS = 0.5
"""What takes longer than this shows that it is under way."""

_ANY_WIDTH = 100_000
"""Where stdout is no terminal nothing is folded: whoever reads it wants whole lines and whole URLs."""


class Output:
    """Where a command shows its one thing. With `quiet` only data, warnings and errors are left."""

    def __init__(self, *, quiet: bool = False) -> None:
        self.quiet = quiet
        self._warned: set[str] = set()

    def show(self, data: Any, picture: "Callable[[Console], RenderableType]", *, as_json: bool) -> None:
        """Print data as JSON, or the picture of it that is made for the console at hand."""
        left_out: Sequence[str] = ()
        with _unread_output_allowed(sys.stdout):
            if as_json:
                _write_json(data, sys.stdout)
            else:
                console = make_console(sys.stdout)
                shown = picture(console)
                print_trimmed(console, shown)
                left_out = shown.left_out if isinstance(shown, Fitted) else ()
            sys.stdout.flush()
        if left_out:
            self.note(f"Left out for want of room: {', '.join(left_out)}. A wider terminal has all, and --json.")

    def show_pictures(
        self, items: Sequence[Any], read: Callable[[str], bytes], *, stream: TextIO | None = None
    ) -> None:
        """Draw the images of generations on a terminal that can; elsewhere their links must do, and that is said."""
        from promptlab.output.preview import can_show_pictures, picture_row

        console = make_console(stream or sys.stdout)
        if not can_show_pictures(console):
            self.note("No pictures can be drawn here; the links open them.")
            return
        for item in items:
            try:
                console.print(picture_row(console, item, read))
            except PromptlabError as error:
                self.warn(error.message)

    def show_page(
        self,
        items: Sequence[Any],
        next_cursor: str | None,
        picture: "Callable[[Console], RenderableType]",
        *,
        as_json: bool,
        empty: str,
    ) -> None:
        """Print several things; `empty` is said, as talk, where there are none."""
        if items or as_json:
            self.show({"items": list(items), "next_cursor": next_cursor}, picture, as_json=as_json)
        else:
            self.note(empty)
        if next_cursor and not as_json:
            self.note(f"More: --cursor {next_cursor}")

    def note(self, text: str) -> None:
        """Say something that helps a person; silent with --quiet."""
        if not self.quiet:
            self._say(text)

    def note_on_terminal(self, text: str) -> None:
        """Say something that helps whoever looks at the data on a terminal; elsewhere nobody needs it."""
        if make_console(sys.stdout).is_terminal:
            self.note(text)

    def warn(self, text: str, *, again: bool = False) -> None:
        """Say something that must not be missed, once unless it is to be said `again`."""
        if again or text not in self._warned:
            self._warned.add(text)
            self._say(f"Warning: {text}")

    def show_error(self, message: str, *, code: str, hint: str | None, as_json: bool) -> None:
        """Say what went wrong and what to do."""
        if as_json:
            with _unread_output_allowed(sys.stderr):
                _write_json({"error": {"code": code, "message": message, "hint": hint}}, sys.stderr)
            return
        self._say(f"Error: {message}")
        if hint:
            self._say(hint)

    def confirm(self, question: str, *, yes: bool) -> None:
        """Ask before something is destroyed.

        Raises:
            InvalidInput: nobody can be asked, and --yes was not given.
        SystemExit: the answer was no.
        """
        if yes:
            return
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            raise InvalidInput(f"{question} Nobody can be asked here.", hint="--yes says yes.")
        sys.stderr.write(f"{question} [y/N] ")
        sys.stderr.flush()
        if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
            self.note("Nothing was changed.")
            raise SystemExit(InvalidInput.exit_code)

    @contextmanager
    def progress(self, what: str, total: int) -> Iterator[Callable[[], None]]:
        """Show a bar on a terminal while the block takes longer than half a second; yields what advances it."""
        if self.quiet or not make_console(sys.stderr).is_terminal:
            yield lambda: None
            return
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        parts = [SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()]
        if total > 1:
            parts[2:2] = [BarColumn(), MofNCompleteColumn()]
        bar = Progress(*parts, console=make_console(sys.stderr), transient=True)
        task = bar.add_task(what, total=total)
        timer = threading.Timer(PATIENCE_SECONDS, bar.start)
        timer.start()
        try:
            yield lambda: bar.advance(task)
        finally:
            timer.cancel()
            timer.join()
            bar.stop()

    @contextmanager
    def live(self, look: "Look") -> Iterator[None]:
        """Show how a batch comes on while the block runs: a table on a terminal, a line now and then elsewhere.

        `look` says how far it has come; it is asked again and again, in a thread of its own. What else is said in the
        block appears above the table, which goes when the block ends.
        """
        if self.quiet:
            yield
            return
        from promptlab.output.live import watching

        with watching(look, make_console(sys.stderr), patience=PATIENCE_SECONDS):
            yield

    def _say(self, text: str) -> None:
        with _unread_output_allowed(sys.stderr):
            sys.stderr.write(f"{wrapped(text, make_console(sys.stderr).width)}\n")
            sys.stderr.flush()


def make_console(file: TextIO) -> "Console":
    """Return a console for a stream as it is now: a terminal's width and abilities, or whole plain lines."""
    from rich.console import Console

    console = Console(file=file, highlight=False, emoji=False, markup=False)
    return console if console.is_terminal else Console(
        file=file, highlight=False, emoji=False, markup=False, width=_ANY_WIDTH, no_color=True, color_system=None
    )  # fmt: skip


def print_trimmed(console: "Console", picture: "RenderableType") -> None:
    """Print a picture; in a file without the blanks that tables fill their lines with."""
    if console.is_terminal:
        console.print(picture)
        return
    with console.capture() as capture:
        console.print(picture)
    console.file.write("\n".join(line.rstrip() for line in capture.get().splitlines()) + "\n")


def _write_json(data: Any, stream: TextIO) -> None:
    unicode_is_fine = (stream.encoding or "").lower().startswith("utf")
    stream.write(json.dumps(data, indent=2, ensure_ascii=not unicode_is_fine) + "\n")
    stream.flush()


@contextmanager
def _unread_output_allowed(stream: TextIO) -> Iterator[None]:
    """Let a reader close the pipe early (`| head`): what is left is dropped, and the work goes on.

    Raises:
        Unreachable: the output cannot be written for another reason, such as a full disk.
    """
    try:
        yield
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        if not isinstance(error, BrokenPipeError):
            raise Unreachable(
                f"The output cannot be written: {error.strerror}.", hint="Nothing else is lost."
            ) from error
