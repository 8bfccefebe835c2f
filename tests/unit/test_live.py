"""A batch that is watched: a table on a terminal, lines elsewhere, and nothing that can hinder it."""

import errno
import io
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pexpect
import pytest
from rich.console import Console
from tests.fixtures.processes import wait_until

from promptlab.errors import Unreachable
from promptlab.output import Output
from promptlab.output.live import Pace, line, live_table, watching

View = dict[str, Any]
ROOT = Path(__file__).parents[2]
_STATES = ("planned", "sending", "succeeded", "refused", "failed", "unknown", "cancelled")


def part(name: str = "poster", version: int = 1, **counts: int) -> View:
    """Return the view of a version that is part of a batch."""
    states = dict.fromkeys(_STATES, 0) | counts
    return {
        "prompt_version_id": version, "prompt": name, "version": version, "total": sum(states.values()), **states,
        "images": states["succeeded"], "cost_usd": states["succeeded"] * 0.01, "unpriced": 0,
    }  # fmt: skip


def batch(*parts: View, **more: Any) -> View:
    """Return the view of a batch of these versions."""
    counted = {name: sum(each[name] for each in parts) for name in (*_STATES, "total", "unpriced", "cost_usd")}
    limits = {"max_cost_usd": None, "committed_usd": 0.0, "max_images": None, "committed_images": 0}
    return {"id": 1, "state": "running", **counted, **limits, "versions": list(parts), **more}


def console(*, terminal: bool, width: int = 80, height: int = 24, **options: Any) -> Console:
    return Console(
        file=io.StringIO(), force_terminal=terminal, width=width, height=height, highlight=False,
        _environ={"TERM": "xterm-256color"}, **options,
    )  # fmt: skip


def written(on: Console) -> str:
    assert isinstance(on.file, io.StringIO)
    return on.file.getvalue()


def paced(*looks: tuple[float, View]) -> Pace:
    pace = Pace()
    for moment, view in looks:
        pace.add(moment, view)
    return pace


def test_speed_and_time_left_are_measured_from_what_happens() -> None:
    """Of each version and of all; what had ended before anybody looked is no speed."""
    first, second = part(planned=90, succeeded=100), part(version=2, planned=60, succeeded=40)
    later, last = part(planned=80, succeeded=106, failed=4), part(version=2, planned=60, succeeded=40)
    pace = paced((10.0, batch(first, second)), (40.0, batch(later, last)))
    assert pace.images_a_minute([later]) == 12
    assert pace.seconds_left([later]) == 80 / 20 * 60
    assert pace.images_a_minute([last]) == 0
    assert pace.seconds_left([last]) is None
    assert pace.seconds_left([later, last]) == 140 / 20 * 60


def test_nobody_knows_the_speed_after_one_look() -> None:
    pace = paced((10.0, batch(part(planned=9, succeeded=1))))
    assert (pace.images_a_minute([part()]), pace.seconds_left([part()])) == (None, None)


def test_the_speed_is_that_of_the_last_minute_or_of_the_last_few() -> None:
    """A batch that has become slow says so; one that is always slow has a speed all the same."""
    fast = [(float(second), batch(part(planned=5_000 - second * 10, succeeded=second * 10))) for second in range(100)]
    slow = [
        (float(second), batch(part(planned=4_000, succeeded=990 + (second - 99) // 6))) for second in range(100, 200)
    ]
    now = slow[-1][1]["versions"]
    assert 9 <= (paced(*fast, *slow).images_a_minute(now) or 0) <= 12
    crawling = [(second * 60.0, batch(part(planned=50 - second // 2, succeeded=second // 2))) for second in range(21)]
    assert paced(*crawling).images_a_minute(crawling[-1][1]["versions"]) == pytest.approx(0.5, abs=0.05)


def test_a_line_says_how_far_it_is() -> None:
    view = batch(part(planned=183, sending=4, succeeded=12, refused=1))
    assert line(view, Pace()) == "12 of 200 done, 1 refused, 0 failed, 4 running, $0.12"
    pace = paced((0.0, batch(part(planned=249, succeeded=3))), (10.0, view))
    assert line(view, pace) == "12 of 200 done, 1 refused, 0 failed, 4 running, $0.12, about 3 min left"
    limited = batch(part(planned=1, unknown=1), max_cost_usd=5.0, committed_usd=0.48, max_images=9, committed_images=2)
    assert "1 unknown, 0 running" in line(limited, Pace())
    assert "limit: $0.48 of $5.00, 2 of 9 images" in line(limited, Pace())


@pytest.mark.parametrize("width", [40, 60, 80, 120])
@pytest.mark.parametrize("height", [8, 24])
def test_the_table_fits_its_terminal(width: int, height: int) -> None:
    """However many versions there are: those that still go on are shown, and below them how to stop."""
    over = [part("over", number, succeeded=4) for number in range(40)]
    going = part("a-prompt-of-a-long-name", 99, planned=150, sending=8, succeeded=30, refused=2, failed=1, unknown=1)
    before = part("a-prompt-of-a-long-name", 99, planned=170, sending=8, succeeded=14)
    pace = paced((0.0, batch(*over, before)), (60.0, batch(*over, going)))
    on = console(terminal=True, width=width, height=height, color_system=None)
    on.print(live_table(on, batch(*over, going, max_cost_usd=5.0, committed_usd=1.2), pace))
    shown = written(on).splitlines()
    assert max(map(len, shown)) <= width
    assert "@99" in written(on)
    assert "Ctrl-C finishes what is in flight." in " ".join(" ".join(shown).split())
    if width >= 80:
        assert len(shown) < height
        assert "more versions" in written(on)
        assert {"VERSION", "DONE", "REFUSED", "FAILED", "UNKNOWN", "RUNNING", "COST"} <= set(shown[0].split())


def test_no_colour_is_used_where_none_is_wanted() -> None:
    on = console(terminal=True, color_system=None)
    on.print(live_table(on, batch(part(planned=1, failed=1)), Pace()))
    assert "\x1b" not in written(on)


def watch_until(on: Console, look: Callable[[], View], happened: Callable[[], object]) -> None:
    with watching(look, on, patience=0.0, every=0.001):
        wait_until(happened, "what was watched for")


def test_without_a_terminal_there_are_plain_lines() -> None:
    on = console(terminal=False)
    watch_until(on, lambda: batch(part(planned=1, succeeded=1)), lambda: written(on).count("\n") >= 3)
    assert set(written(on).splitlines()) == {"1 of 2 done, 0 refused, 0 failed, 0 running, $0.01"}


def test_a_table_leaves_nothing_behind() -> None:
    """What is said meanwhile stands above it; at the end the cursor is back, and the table is gone."""
    on = console(terminal=True)
    watch_until(on, lambda: batch(part(planned=1)), lambda: written(on).count("VERSION") >= 2)
    assert "\x1b[?25l" in written(on)
    assert written(on).rstrip().endswith("\x1b[2K")
    assert written(on).rindex("\x1b[?25h") > written(on).rindex("VERSION")


def test_a_database_that_is_away_for_a_moment_ends_nothing() -> None:
    on, looks = console(terminal=False), iter(range(1_000_000))

    def look() -> View:
        if next(looks) in {0, 2, 3}:
            raise Unreachable
        return batch(part(planned=1))

    watch_until(on, look, lambda: written(on).count("\n") >= 3)


def test_a_look_that_hangs_does_not_keep_the_batch_from_its_end() -> None:
    """And what it finds out after that is shown to nobody."""
    on, looking, go_on, looked = console(terminal=False), threading.Event(), threading.Event(), threading.Event()

    def look() -> View:
        looking.set()
        go_on.wait()
        looked.set()
        return batch(part(planned=1))

    with watching(look, on, patience=0.0, every=0.001):
        looking.wait()
    go_on.set()
    looked.wait()
    assert written(on) == ""


class Gone(io.StringIO):
    """A stream whose reader has left."""

    def write(self, _text: str) -> int:
        raise OSError(errno.EIO, os.strerror(errno.EIO))


@pytest.mark.parametrize("terminal", [True, False])
def test_nobody_who_looks_on_is_needed(terminal: bool) -> None:
    """`2> >(head -1)`, or a terminal that is closed: the batch goes on, and nobody looks any more."""
    on, before = console(terminal=terminal), threading.active_count()
    on.file = Gone()
    looked = threading.Event()

    def look() -> View:
        looked.set()
        return batch(part(planned=1))

    watch_until(on, look, lambda: looked.is_set() and threading.active_count() == before)


_SAYS_SOMETHING = """
import time
from tests.unit.test_live import batch, part
from promptlab.output import Output
output = Output()
with output.live(lambda: batch(part(planned=1))):
    time.sleep(1.5)
    output.warn("said meanwhile")
    time.sleep(60)
"""


def test_what_is_said_meanwhile_stands_above_the_table() -> None:
    """And after Ctrl-C the terminal has its cursor again."""
    environment = {**os.environ, "TERM": "xterm-256color"}
    child: pexpect.spawn[str] = pexpect.spawn(
        sys.executable, ["-c", _SAYS_SOMETHING], cwd=str(ROOT), env=environment, encoding="utf-8", timeout=60
    )
    child.expect_exact("\x1b[?25l")
    child.expect_exact("Warning: said meanwhile\r\n")
    child.expect_exact("Ctrl-C finishes what is in flight.")
    child.sendintr()
    child.expect_exact("\x1b[?25h")
    child.expect(pexpect.EOF)
    child.close()


def test_a_short_batch_is_not_watched(capsys: pytest.CaptureFixture[str]) -> None:
    with Output().live(lambda: pytest.fail("somebody looked")):
        pass
    assert capsys.readouterr() == ("", "")


def test_quiet_looks_at_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    before = threading.active_count()
    with Output(quiet=True).live(lambda: pytest.fail("somebody looked")):
        assert threading.active_count() == before
    assert capsys.readouterr() == ("", "")
