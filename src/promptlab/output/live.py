"""How a batch comes on while it runs: a table on a terminal, else a line now and then, asked for in a thread."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from promptlab.output.batches import ENDED, limits, version_columns
from promptlab.output.cells import counted, duration, short, spent, wrapped
from promptlab.output.tables import fitting_table

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.live import Live
    from rich.text import Text

View = dict[str, Any]
Look = Callable[[], View]
"""Asks how far the batch has come now: `services.batch_views.batch`."""

TABLE_SECONDS, LINE_SECONDS = 1.0, 10.0
"""How often a terminal is drawn anew at most, and how often a line is written where there is none."""
_SHARE = 20
"""How much longer than a look the pause before the next one is: nobody's watching may slow the work down."""
_WINDOW_SECONDS, _WINDOW_DONE, _WINDOW_LOOKS = 60.0, 10, 600
"""Speed is measured over so many seconds, more while fewer than so many generations ended in them."""
_GOODBYE_SECONDS = 1.0
_DISPENSABLE = (">LEFT", ">IMG/MIN", ">COST", ">CANCELLED", ">UNKNOWN", ">REFUSED", ">FAILED")
"""What a narrow terminal has no room for, in this order; the line below says it of all versions together."""
_AROUND_THE_VERSIONS = 68  # columns
_AROUND_THE_ROWS = 6  # lines
_STOP = "Ctrl-C finishes what is in flight."


class Pace:
    """How fast a batch goes, from the last looks at it: of each version how many images came and requests ended."""

    def __init__(self) -> None:
        self._looks: deque[tuple[float, dict[int, tuple[int, int]]]] = deque(maxlen=_WINDOW_LOOKS)

    def add(self, moment: float, view: View) -> None:
        """Take another look into account, at that second."""
        counts = {each["prompt_version_id"]: (each["images"], _ended(each)) for each in view["versions"]}
        self._looks.append((moment, counts))
        while len(self._looks) > 2 and self._is_enough(self._looks[1]):
            self._looks.popleft()

    def images_a_minute(self, versions: Sequence[View]) -> float | None:
        """Return how many images of these versions came a minute; None while nobody can know."""
        return self._a_minute(versions, 0)

    def seconds_left(self, versions: Sequence[View]) -> float | None:
        """Return in how many seconds these have ended if they go on like this; None while nobody can know."""
        ended = self._a_minute(versions, 1)
        return sum(each["planned"] + each["sending"] for each in versions) / ended * 60 if ended else None

    def _is_enough(self, earlier: tuple[float, dict[int, tuple[int, int]]]) -> bool:
        (moment, last), (then, first) = self._looks[-1], earlier
        ended = sum(pair[1] for pair in last.values()) - sum(pair[1] for pair in first.values())
        return moment - then >= _WINDOW_SECONDS and ended >= _WINDOW_DONE

    def _a_minute(self, versions: Sequence[View], place: int) -> float | None:
        if len(self._looks) < 2:
            return None
        (start, first), (end, last) = self._looks[0], self._looks[-1]
        ids = [each["prompt_version_id"] for each in versions]
        more = sum(last.get(id_, (0, 0))[place] - first.get(id_, (0, 0))[place] for id_ in ids)
        return max(0, more) / (end - start) * 60 if end > start else None


@contextmanager
def watching(look: Look, console: "Console", *, patience: float, every: float | None = None) -> Iterator[None]:
    """Show what `look` returns again and again while the block runs, `patience` seconds after it has begun.

    A look that fails is left out: a database that is away for a moment ends nothing. The table goes when the block
    ends; the longest that this waits for a look that is under way is a second.
    """
    watch = _Table(look, console) if console.is_interactive else _Lines(look, console)
    watch.begin(patience if console.is_interactive else every or LINE_SECONDS, every)
    try:
        yield
    finally:
        watch.end()


class _Watch:
    """Looks in a thread of its own; `_show` is called with each view, never after the end."""

    seconds: float

    def __init__(self, look: Look, console: "Console") -> None:
        self._look, self._console, self._pace = look, console, Pace()
        self._ended, self._showing = threading.Event(), threading.Lock()

    def begin(self, patience: float, every: float | None) -> None:
        # As a daemon: a look that hangs must not keep the program from its end.
        self._thread = threading.Thread(target=self._run, args=(patience, every or self.seconds), daemon=True)
        self._thread.start()

    def end(self) -> None:
        self._ended.set()
        with self._showing, suppress(OSError):
            self._leave()
        self._thread.join(_GOODBYE_SECONDS)

    def _run(self, pause: float, every: float) -> None:
        while not self._ended.wait(pause):
            started = time.monotonic()
            try:
                view = self._look()
            except Exception:  # noqa: BLE001 - whatever hinders the look, the batch goes on
                pause = every
                continue
            now = time.monotonic()
            pause = max(every, _SHARE * (now - started))
            self._pace.add(now, view)
            try:
                with self._showing:
                    if not self._ended.is_set():
                        self._show(view)
            except OSError:  # whoever looked on has gone
                return

    def _show(self, view: View) -> None:
        raise NotImplementedError

    def _leave(self) -> None:
        pass


class _Table(_Watch):
    seconds = TABLE_SECONDS
    _live: "Live | None" = None

    def _show(self, view: View) -> None:
        picture = live_table(self._console, view, self._pace)
        if self._live is None:
            from rich.live import Live

            live = Live(picture, console=self._console, transient=True, auto_refresh=False)
            live.start(refresh=True)
            self._live = live
        else:
            self._live.update(picture, refresh=True)

    def _leave(self) -> None:
        if self._live is not None:
            self._live.stop()


class _Lines(_Watch):
    seconds = LINE_SECONDS

    def _show(self, view: View) -> None:
        self._console.file.write(f"{line(view, self._pace)}\n")
        self._console.file.flush()


def live_table(console: "Console", view: View, pace: Pace) -> "RenderableType":
    """Return a row a version, as many as the terminal has room for, and what is to be said of all together."""
    from rich.console import Group
    from rich.text import Text

    room = max(1, console.height - _AROUND_THE_ROWS)
    # What still goes on stands above what is done; a version keeps its place otherwise.
    versions = sorted(view["versions"], key=lambda each: each["planned"] + each["sending"] == 0)
    widest = max(12, console.width - _AROUND_THE_VERSIONS)
    columns = version_columns(view["versions"], states=("refused", "failed", "sending"))
    columns.pop(">PLANNED", None)
    columns |= {
        "VERSION": lambda each: _version(each, widest),
        ">IMG/MIN": lambda each: _rate(pace.images_a_minute([each])),
        ">LEFT": lambda each: _about(pace.seconds_left([each])),
    }
    table = fitting_table(console, columns, versions[:room], dispensable=_DISPENSABLE)
    more = [Text(f"… and {counted(len(versions) - room, 'more version')}", style="dim")] if versions[room:] else []
    said = f"{line(view, pace)}."
    joint = " " if len(said) + len(_STOP) < console.width else "\n"
    return Group(table, *more, Text(wrapped(f"{said}{joint}{_STOP}", console.width), style="dim"))


def line(view: View, pace: Pace) -> str:
    """Return in one line how far a batch has come: `12 of 200 done, 1 refused, 0 failed, 4 running, $0.12`."""
    left, used = pace.seconds_left(view["versions"]), limits(view)
    parts = [
        f"{view['succeeded']} of {view['total']} done",
        f"{view['refused']} refused",
        f"{view['failed']} failed",
        *(f"{view[name]} {name}" for name in ("unknown", "cancelled") if view[name]),
        f"{view['sending']} running",
        spent(view),
        f"limit: {used}" if used else "",
        "" if left is None else f"about {_about(left)} left",
    ]
    return ", ".join(part for part in parts if part)


def _version(item: View, widest: int) -> "Text":
    number = f"@{item['version']}"
    return short(item["prompt"], widest - len(number)).append(number)


def _about(seconds: float | None) -> str:
    """Return a time as one says it of what nobody knows to the second."""
    return duration(seconds if seconds is None or seconds < 60 else 60 * round(seconds / 60))


def _rate(a_minute: float | None) -> str:
    return "" if a_minute is None else f"{a_minute:.0f}" if a_minute >= 10 else f"{a_minute:.1f}"


def _ended(counts: View) -> int:
    return sum(counts[state] for state in ENDED)
