"""Help and completion: nobody has to guess."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from tests.fixtures.command_line import Promptlab

from promptlab.cli import app

_UNTRIED = {"edit", "open", "rate"}
"""Those that want a person: an editor, a viewer, a terminal."""


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


@pytest.mark.usefixtures("openai_environment")
@pytest.mark.parametrize("path", [path for path in COMMANDS if path[-1] not in _UNTRIED], ids=" ".join)
def test_every_example_works_when_it_is_pasted(
    promptlab: Promptlab, path: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a bench that has what it talks of."""
    monkeypatch.setenv("PROMPTLAB_PROVIDER", "sketch")
    if path != ("prompt", "create"):
        for prompt in ("a poster of {{ subject }}", "a print of {{ subject }}"):
            promptlab("prompt", "create", "banner", "--user", prompt)
        promptlab("generate", "--prompt-version", "banner", "--var", "subject=fox", "--draws", "13")
    if path == ("prompt", "restore"):
        promptlab("prompt", "delete", "banner@2", "--yes")
    words = shlex.split(example_of(COMMANDS[path]))
    while "=" in words[0]:
        words.pop(0)
    assert words.pop(0) == "promptlab"
    conflict = path == ("generation", "retry")  # there is nothing to retry here, which is no mistake of the example's
    promptlab(*words, code=3 if conflict else 0)


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


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("gen", {"generate", "generation"}),
        ("generate --prompt-version pos", {"poster", "poster@1"}),
        ("prompt show poster@", {"poster@1"}),
        ("prompt create x --provider ske", {"sketch"}),
        ("prompt create x --model sketch", {"sketch-1"}),
        ("--project def", {"default"}),
        ("stats --by ver", {"version"}),
    ],
)
@pytest.mark.usefixtures("sketch_version")
def test_a_shell_completes_what_there_is(tmp_path: Path, words: str, expected: set[str]) -> None:
    assert completed(tmp_path, words) == expected


@pytest.mark.usefixtures("place")
def test_references_are_completed_in_every_database(promptlab: Promptlab, place: str, tmp_path: Path) -> None:
    if place != "sqlite and a folder":
        promptlab("db", "upgrade")
    promptlab("prompt", "create", "card", "--user", "a card", "--provider", "sketch")
    assert completed(tmp_path, "prompt show c") == {"card", "card@1"}


def test_completion_says_nothing_where_nothing_can_be_reached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROMPTLAB_DATABASE_URL", "postgresql://me@127.0.0.1:9/lab")
    assert completed(tmp_path, "prompt show c") == set()


def completed(folder: Path, words: str) -> set[str]:
    line = f"promptlab {words}"
    environment = {"_PROMPTLAB_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(line.count(" "))}
    script = "import sys; sys.argv = ['promptlab']; from promptlab.cli import run; run()"
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, **environment}, cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stderr == ""
    return set(done.stdout.split())
