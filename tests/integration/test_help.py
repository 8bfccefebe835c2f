"""Help: nobody has to guess."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from tests.fixtures.command_line import Promptlab

from promptlab.cli import app

_UNTRIED = {"edit", "open", "rate", "vote", "worker"}
"""Those that want a person or a server: an editor, a viewer, a terminal, PostgreSQL."""


def leaves(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, child in getattr(command, "commands", {}).items():
        yield from leaves(child, (*path, name))
    if not hasattr(command, "commands"):
        yield path, command


COMMANDS = dict(leaves(typer.main.get_command(app)))


def example_of(command: Any) -> str:
    [example] = re.findall(r"^Example: (.+)$", command.help or "", re.MULTILINE)
    return str(example)


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_has_one_example_that_fits_a_line(path: tuple[str, ...]) -> None:
    example = example_of(COMMANDS[path])
    assert " ".join(path) in example
    assert len(f"Example: {example}") <= 78


@pytest.mark.parametrize("path", [path for path in COMMANDS if path[-1] not in _UNTRIED], ids=" ".join)
def test_every_example_works_when_it_is_pasted(
    promptlab: Promptlab, path: tuple[str, ...], request: pytest.FixtureRequest
) -> None:
    """On a fresh install with what it talks of, and no more: only `provider check` has a key."""
    if path == ("provider", "check"):
        request.getfixturevalue("openai_environment")
    if path != ("prompt", "create"):
        for prompt in ("a poster of {{ subject }}", "a print of {{ subject }}"):
            promptlab("prompt", "create", "banner", "--user", prompt, "--provider", "sketch")
        promptlab("generate", "--prompt-version", "banner", "--var", "subject=fox", "--draws", "13")
    if path[0] == "cases" or path == ("batch", "run"):
        Path("faces.csv").write_text("subject\na fox\n", encoding="utf-8")
        promptlab("cases", "import", "faces", "faces.csv")
    if path == ("prompt", "restore"):
        promptlab("prompt", "delete", "banner@2", "--yes")
    words = shlex.split(example_of(COMMANDS[path]))
    while "=" in words[0]:
        words.pop(0)
    assert words.pop(0) == "promptlab"
    # There is nothing left to do here, which is no mistake of the example's.
    conflict = path in {("generation", "retry"), ("batch", "pause"), ("batch", "cancel")}
    promptlab(*words, code=11 if path == ("gate",) else 3 if conflict else 0)


def test_the_first_examples_work_one_after_the_other_on_a_fresh_install(promptlab: Promptlab) -> None:
    """Also what an empty list says to do."""
    assert "--user TEXT --provider sketch` makes one" in promptlab("prompt", "list").err
    for path in (("prompt", "create"), ("generate",)):
        promptlab(*shlex.split(example_of(COMMANDS[path]))[1:])


@pytest.mark.parametrize("columns", [50, 69, 70, 80])
def test_no_flag_is_cut_at_any_width(promptlab: Promptlab, columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    for path, command in COMMANDS.items():
        shown = promptlab(*path, "--help").out
        flags = [flag for option in command.params for flag in option.opts if flag.startswith("--")]
        assert [flag for flag in flags if not re.search(rf"{flag}(?![\w-])", shown)] == [], path


def test_the_name_alone_shows_where_to_start(promptlab: Promptlab) -> None:
    ran = promptlab()
    shown = ran.out + ran.err
    first = shown[shown.index("Start here") : shown.index("More")]
    assert all(f" {name} " in first for name in ("prompt", "generate", "rate", "stats", "demo"))


@pytest.mark.parametrize(
    ("arguments", "nearest"),
    [
        (("promt",), "prompt"),
        (("prompt", "creat"), "create"),
        (("queue", "--mini"), "--mine"),
        (("generate", "--prompt-verison", "1"), "--prompt-version"),
        (("prompt", "create", "x", "--user", "x", "--provider", "scetch"), "sketch"),
        (("stats", "--by", "vershion"), "version"),
    ],
)
def test_a_slip_of_the_fingers_is_answered_with_the_nearest(
    promptlab: Promptlab, arguments: tuple[str, ...], nearest: str
) -> None:
    assert nearest in promptlab(*arguments, "--json", code=2).error["message"]
