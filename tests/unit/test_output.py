"""Data to stdout, talk to stderr, and what a terminal can and cannot do."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from promptlab.output.cells import image_link, money, plain, short, wrapped
from promptlab.output.prompts import parameters, word_diff
from promptlab.output.stats import distribution
from promptlab.output.tables import table

IMAGE = {"url": "file:///images/ab/cd/abcdef0123456789.png", "width": 64, "height": 48}


def console(*, terminal: bool, width: int = 80, **options: object) -> Console:
    return Console(file=io.StringIO(), force_terminal=terminal, width=width, highlight=False, _environ={}, **options)  # type: ignore[arg-type]


def printed(on: Console, thing: object) -> str:
    on.print(thing)
    assert isinstance(on.file, io.StringIO)
    return on.file.getvalue()


def test_a_link_is_clickable_on_a_terminal_and_whole_elsewhere() -> None:
    """OSC 8 where it is understood; an address that can be copied and piped everywhere else."""
    on = console(terminal=True, color_system="truecolor")
    shown = printed(on, image_link(on, IMAGE, str(IMAGE["url"])))
    assert f";{IMAGE['url']}\x1b\\" in shown
    assert "abcdef0123.png 64x48" in shown
    for plain_console in (console(terminal=False), console(terminal=True, color_system=None)):
        assert printed(plain_console, image_link(plain_console, IMAGE, str(IMAGE["url"]))).strip() == IMAGE["url"]


@given(st.text())
def test_no_text_of_anybody_commands_the_terminal(text: str) -> None:
    """Escape sequences in a prompt, a note or an error are shown, not obeyed."""
    shown = plain(text).plain
    assert not {"\x1b", "\x9b", "\x07", "\r", "\x08", "\u202e"}.intersection(shown)


@given(st.text(), st.integers(2, 60))
def test_a_shortened_text_is_one_line_of_that_length(text: str, length: int) -> None:
    shown = short(text, length).plain
    assert len(shown) <= length
    assert "\n" not in shown


@pytest.mark.parametrize("width", [20, 40, 80])
def test_a_table_fits_a_narrow_terminal(width: int) -> None:
    """Nothing sticks out, and nothing of a long cell is lost."""
    on = console(terminal=True, width=width, color_system=None)
    shown = printed(on, table([">ID", "TEXT"], [("1", "x" * 100)]))
    assert max(map(len, shown.splitlines())) <= width
    assert shown.count("x") == 100


def test_a_parameter_of_several_words_shows_where_it_ends() -> None:
    """In quotes, on the line of the others: also what holds line breaks."""
    shown = parameters({"prompt": "Flat colours.\n\na poster", "quality": "high", "upsampling": False}).plain
    assert shown == r'prompt="Flat colours.\n\na poster" quality=high upsampling=false'


def test_a_difference_without_colour_is_marked() -> None:
    shown = word_diff("a red fox", "a blue fox", coloured=False).plain
    assert shown == "a [-red-]{+blue+} fox"


@given(st.text(), st.text())
def test_a_difference_holds_both_texts(before: str, after: str) -> None:
    shown = word_diff(before, after, coloured=True)
    struck = {index for span in shown.spans if "strike" in str(span.style) for index in range(span.start, span.end)}
    kept = "".join(letter for index, letter in enumerate(shown.plain) if index not in struck)
    assert kept == plain(after).plain


def test_a_score_that_somebody_gave_is_never_shown_as_none() -> None:
    on = Console(file=io.TextIOWrapper(io.BytesIO(), encoding="utf-8"))
    shown = distribution(on, {"1": 0, "2": 1, "3": 0, "4": 500, "5": 250})
    assert [character == " " for character in shown] == [True, False, True, False, False]


@pytest.mark.parametrize(
    ("usd", "shown"),
    [(None, "?"), (0.0, "$0"), (0.04, "$0.04"), (12.5, "$12.50"), (0.0343, "$0.0343"), (0.00004, "<$0.0001")],
)
def test_a_price_that_is_not_known_is_no_zero(usd: float | None, shown: str) -> None:
    assert money(usd) == shown


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    def run(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "promptlab", *arguments],
            env={**os.environ, **environment}, capture_output=True, text=True, check=False, cwd=tmp_path,
        )  # fmt: skip

    return run


def test_a_reader_that_leaves_early_ends_nothing(tmp_path: Path) -> None:
    """`promptlab … | head -1`: no traceback, and the exit code is the command's own."""
    command = f"{sys.executable} -m promptlab db status --json; echo code=$? >&2"
    done = subprocess.run(
        ["bash", "-c", f"({command}) | true"], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.stderr == "code=0\n"


@pytest.mark.parametrize(("redirection", "code"), [("> /dev/full", 4), (">&-", 0), ("2>&-", 0), ("<&-", 0)])
def test_an_output_that_takes_nothing_gets_a_sentence(tmp_path: Path, redirection: str, code: int) -> None:
    """A full disk is told; a stream that somebody has closed is their wish."""
    command = f"{sys.executable} -m promptlab provider list {redirection}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert ("cannot be written" in done.stderr) == (code == 4)


def test_the_version_is_shown(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-m", "promptlab", "--version"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.split()[0]) == (0, "promptlab")


def test_talk_is_broken_between_words_and_a_command_stays_whole() -> None:
    """So that it can be copied: in backticks, or at the end of a line."""
    said = "There is none, it seems. `promptlab prompt create NAME` makes one.\nNext: promptlab generate --draws 3"
    assert wrapped(said, 30).split("\n") == [
        "There is none, it seems.",
        "`promptlab prompt create NAME`",
        "makes one.",
        "Next:",
        "promptlab generate --draws 3",
    ]
    assert wrapped(said, 200) == said


@given(st.text(), st.integers(1, 60))
def test_wrapping_loses_no_letter(text: str, width: int) -> None:
    assert "".join(wrapped(text, width).split()) == "".join(text.split())


def test_talk_that_nobody_listens_to_does_not_hurt_the_data(tmp_path: Path) -> None:
    """`2> >(true)`: what is said goes nowhere, and stdout and the exit code are what they are."""
    words = "prompt create p --user x --provider sketch --model odd --json"
    command = f"{sys.executable} -m promptlab {words} 2> >(exec true); exit $?"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0
    assert json.loads(done.stdout)["model"] == "odd"


def test_a_c_locale_shows_what_it_can(run: Callable[..., "subprocess.CompletedProcess[str]"]) -> None:
    """Letters that the terminal does not have are written otherwise; nothing fails."""
    done = run(
        *("prompt", "create", "p", "--user", "ein Füchslein 🦊", "--provider", "sketch", "--json"),
        LC_ALL="C", PYTHONIOENCODING="ascii", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0",
    )  # fmt: skip
    assert done.returncode in {0, 2}, done.stderr
    assert "Traceback" not in done.stderr
    if done.returncode == 0:
        assert json.loads(done.stdout)["user_prompt"] == "ein Füchslein 🦊"


@pytest.mark.parametrize("command", [["--help"], ["generate", "--help"], ["prompt", "create", "--help"]])
def test_help_fits_80_columns_and_has_no_colour_where_none_is_wanted(
    run: Callable[..., "subprocess.CompletedProcess[str]"], command: list[str]
) -> None:
    done = run(*command, NO_COLOR="1", COLUMNS="80")
    assert done.returncode == 0
    assert "\x1b" not in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
