"""Tables fit their terminal: no word is broken, and what has no room is told."""

import io
import re
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from rich.console import Console

from promptlab.output import Output
from promptlab.output.generations import generation_table, queue_table
from promptlab.output.prompts import version_table
from promptlab.output.stats import stats_table
from promptlab.output.tables import Fitted, details

STATS = {
    "name": "banner", "version": 12, "succeeded": 9999, "refused": 11, "failed": 12, "unknown": 7, "planned": 3,
    "rated": 1234, "unrated": 8765, "mean": 3.56, "distribution": {str(score): score for score in range(1, 6)},
    "cost_usd": 123.3829, "unpriced": 3, "execution_time_p50": 12345, "execution_time_p95": 123456,
}  # fmt: skip
VERSION = {
    "id": 31, "name": "autumn-poster-campaign", "version": 2, "provider": "openai", "model": "gpt-image-2.6-sunburst",
    "created_at": "2026-11-24T10:00:00Z", "user_prompt": "a poster of a red fox in the snow",
}  # fmt: skip
IMAGE = {"url": "file:///images/ab/cd/abcdef0123456789.png", "width": 1024, "height": 1024}
GENERATION = {
    "id": 12, "prompt": "autumn-poster-campaign", "version": 2, "state": "succeeded", "result_rating": 4.0,
    "cost_usd": 0.0317, "finished_at": "2026-11-24T10:00:00Z", "execution_time": 12345, "error": None,
    "created_at": "2026-11-24T10:00:00Z", "inputs": [IMAGE], "outputs": [IMAGE],
}  # fmt: skip
REFUSED = GENERATION | {
    "id": 13, "state": "refused", "outputs": [],
    "error": {"kind": "content_policy", "message": "It was rejected by the safety_system for violence."},
}  # fmt: skip


def console(width: int) -> Console:
    return Console(
        file=io.StringIO(), force_terminal=True, width=width, color_system="standard", no_color=True, _environ={}
    )


def link(url: str) -> str:
    return url


def shown(fitted: object, width: int) -> str:
    on = console(width)
    on.print(fitted)
    assert isinstance(on.file, io.StringIO)
    return re.sub(r"\x1b\]8;.*?\x1b\\|\x1b\[[0-9;]*m", "", on.file.getvalue())


TABLES: dict[str, tuple[Callable[[Console], Fitted], Sequence[str]]] = {
    "stats": (
        lambda on: stats_table(on, [STATS], "version"),
        ["banner@12", "11 refused", "12 failed", "7 unknown", "3 planned", "1234 of 9999", "3.56", "$123.3829"],
    ),
    "versions": (
        lambda on: version_table(on, [VERSION]),
        ["autumn-poster-campaign@2", "gpt-image-2.6-sunburst", "poster", "snow"],
    ),
    "generations": (
        lambda on: generation_table(on, [GENERATION, REFUSED], link),
        ["autumn-poster-campaign@2", "succeeded", "abcdef0123.png", "1024x1024", "content_policy:", "safety_system"],
    ),
    "queue": (lambda on: queue_table(on, [GENERATION], link), ["12", "abcdef0123.png", "1024x1024"]),
}  # fmt: skip


@pytest.mark.parametrize("width", [50, 60, 80, 100, 120, 200])
@pytest.mark.parametrize("table", TABLES)
def test_no_word_is_broken_and_the_core_is_always_there(table: str, width: int) -> None:
    made, words = TABLES[table]
    text = shown(made(console(width)), width)
    assert max(map(len, text.splitlines())) <= width
    for word in words:
        assert word in text


@pytest.mark.parametrize("width", [50, 60, 80, 100, 120, 200])
@pytest.mark.parametrize("table", TABLES)
def test_a_column_is_shown_or_said_to_be_left_out(table: str, width: int) -> None:
    """Nothing vanishes silently."""
    made, _words = TABLES[table]
    everything, fitted = made(console(1000)), made(console(width))
    assert not everything.left_out
    assert all(heading in shown(fitted, width) for heading in _headings(everything) if heading not in fitted.left_out)


def _headings(fitted: Fitted) -> list[str]:
    return [str(column.header) for column in fitted.table.columns]


def test_what_has_no_room_is_said(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """On stderr, with what shows it; data and its JSON stay as they are."""
    monkeypatch.setattr("sys.stdout", _Terminal())
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "70")
    Output().show(STATS, lambda on: stats_table(on, [STATS | {"name": "fox"}], "version"), as_json=False)
    Output().show(STATS, lambda on: stats_table(on, [STATS], "version"), as_json=True)
    assert capsys.readouterr().err == "Left out for want of room: P95, 1-5. A wider terminal has all, and --json.\n"


class _Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def test_stats_at_80_columns_say_all_that_matters() -> None:
    """Which version, how many, what became of the others, how good, how dear and how fast."""
    lines = shown(stats_table(console(80), [STATS], "version"), 80).splitlines()
    assert lines[0].split() == ["VERSION", "DONE", "NOT", "DONE", "RATED", "MEAN", "1-5", "COST", "P50"]
    assert "".join(lines[1].split()) == "banner@12999911refused,1234of99993.56▂▄▅▇█$123.3829+?12.3s"
    assert [line.strip() for line in lines[2:]] == ["12 failed,", "7 unknown,", "3 planned"]


def test_what_did_not_happen_takes_no_room_in_stats() -> None:
    """Where everything is done there is no column for what is not."""
    done = STATS | dict.fromkeys(("refused", "failed", "unknown", "planned"), 0)
    assert "NOT DONE" not in shown(stats_table(console(80), [done], "version"), 80)


def test_what_has_no_room_beside_stands_below() -> None:
    text = shown(stats_table(console(40), [STATS], "version"), 40)
    for part in ("VERSION   banner@12", "P95       123.5 s", "COST      $123.3829 + ?"):
        assert part in text


def test_details_lose_nothing_of_a_long_word() -> None:
    """A URL goes on in the next line: an ellipsis cannot be opened."""
    value: Any = "s3://bucket/" + "x" * 100
    assert shown(details([("images", value)]), 40).count("x") == 100
