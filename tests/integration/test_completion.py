"""What a shell completes."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest
from tests.fixtures.command_line import Promptlab

OF_POSTER = "generate --prompt-version poster"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("gen", {"generate", "generation"}),
        (f"{OF_POSTER[:-3]}", {"poster", "poster@1"}),
        ("prompt create x --provider ske", {"sketch"}),
        ("prompt create x --model sketch", {"sketch-1"}),
        ("prompt create x --provider sketch --model ", {"sketch-1"}),
        ("prompt create x --provider openai --model sketch", set()),
        ("--project def", {"default"}),
        ("stats --by ver", {"version"}),
        ("generation show ", {"1", "2"}),
        ("generation delete 1 ", {"1", "2"}),
        ("rate ", {"1", "2"}),
        ("queue --batch ", {"1"}),
        ("batch show ", {"1"}),
        ("batch cancel ", {"1"}),
        ("cases show sc", {"scenes", "scenes@1"}),
        ("cases import sc", {"scenes"}),
        ("rate 1 --score ", {"1", "2", "3", "4", "5", "failed", "poor", "acceptable", "good", "excellent"}),
        ("generation list --rating ex", {"excellent"}),
        (f"{OF_POSTER} --var ", {"mood=", "subject="}),
        (f"{OF_POSTER} --var mood=calm --param size=512x512 --var ", {"subject=", "subject=..."}),
        (f"{OF_POSTER}@1 --param output", {"output_format=png"}),
        ("prompt create x --provider sketch --param output", {"output_format=png"}),
        ("prompt create x --model sketch-1 --param size=512x512 --param ", {"output_format=png"}),
    ],
)
def test_a_shell_completes_what_there_is(promptlab: Promptlab, tmp_path: Path, words: str, expected: set[str]) -> None:
    """The variables and parameters of the version that is named, without those that have a value."""
    user = "a poster of {{ subject }}"
    promptlab("prompt", "create", "poster", "--user", user, "--system", "{{ mood }}", "--provider", "sketch")
    promptlab("generate", "--prompt-version", "poster", "--var", "subject=fox", "--var", "mood=calm", "--draws", "2")
    (tmp_path / "scenes.csv").write_text("subject\na fox\n")
    promptlab("cases", "import", "scenes", "scenes.csv")
    assert completed(tmp_path, words) == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("rate 1 --tag ", {"hands", "text"}),
        ("rate 1 --criterion ", {"likeness=", "light="}),
        ("rate 1 --criterion light=4 --criterion ", {"likeness=", "likeness=..."}),
        ("rate 1 --criterion light=4 --criterion li", {"likeness=", "likeness=..."}),
        ("stats --by crit", {"criterion"}),
    ],
)
def test_what_the_rubric_names_is_completed(tmp_path: Path, words: str, expected: set[str]) -> None:
    rubric = '[rubric]\ntags = ["hands", "text"]\n[rubric.criteria]\nlikeness = "Is it so?"\nlight = "Is it lit?"\n'
    (tmp_path / "promptlab.toml").write_text(rubric)
    assert completed(tmp_path, words) == expected


@pytest.mark.parametrize("toml", ["rubric = 7", "[rubric]\ntags = 7\ncriteria = 7", "[rubric"])
def test_of_a_rubric_that_is_none_nothing_is_completed(tmp_path: Path, toml: str) -> None:
    (tmp_path / "promptlab.toml").write_text(toml)
    assert completed(tmp_path, "rate 1 --tag ") == completed(tmp_path, "rate 1 --criterion ") == set()


@pytest.mark.usefixtures("place")
def test_what_is_kept_is_completed_in_every_database(promptlab: Promptlab, place: str, tmp_path: Path) -> None:
    if place != "sqlite and a folder":
        promptlab("db", "upgrade")
    promptlab("prompt", "create", "card", "--user", "a {{ kind }} of {{ size }}", "--provider", "sketch")
    promptlab("generate", "--prompt-version", "card", "--var", "kind=card", "--var", "size=mine")
    (tmp_path / "cards.csv").write_text("kind\na card\n")
    promptlab("cases", "import", "cards", "cards.csv")
    assert completed(tmp_path, "cases show c") == {"cards", "cards@1"}
    assert completed(tmp_path, "prompt show c") == {"card", "card@1"}
    assert completed(tmp_path, "generation open ") == {"1"}
    for reference in ("1", "card", "card@1"):
        assert completed(tmp_path, f"generate --prompt-version {reference} --var ") == {"kind=", "size="}


@pytest.mark.usefixtures("sketch_version")
@pytest.mark.parametrize(
    "words",
    [
        "generate --pr",
        "generate --prompt-version post",
        "cases show ",
        "generate --prompt-version poster --var ",
        "generate --prompt-version poster --param ",
        "prompt create x --model sk",
        "prompt create x --provider sketch --model sk",
    ],
)
def test_a_shell_does_not_wait_for_what_only_commands_need(tmp_path: Path, words: str) -> None:
    """Checking values and tables takes longer than all the rest, and half a line cannot be right yet."""
    assert not completed(tmp_path, words, telling="pydantic rich sqlalchemy") & {"pydantic", "rich", "sqlalchemy"}


def test_completion_says_nothing_where_nothing_can_be_reached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROMPTLAB_DATABASE_URL", "postgresql://me@127.0.0.1:9/lab")
    assert completed(tmp_path, "prompt show c") == set()


@pytest.fixture
def bash(tmp_path: Path) -> "Iterator[pexpect.spawn[str]]":
    """A bash that has been taught to complete promptlab."""
    program = shutil.which("bash")
    if program is None:
        pytest.skip("there is no bash")
    command = Path(sys.executable).with_name("promptlab")
    environment = {**os.environ, "PATH": f"{command.parent}:{os.environ['PATH']}", "TERM": "dumb", "PS1": "ready> "}
    child: pexpect.spawn[str] = pexpect.spawn(
        program, ["--norc", "--noprofile"], cwd=str(tmp_path), env=environment, encoding="utf-8", timeout=60
    )
    child.sendline(f"bind 'set bell-style none'; eval \"$({command} --show-completion bash)\"; echo taught")
    child.expect("\ntaught")
    yield child
    child.close(force=True)


@pytest.mark.parametrize(
    ("typed", "becomes"),
    [
        ("prompt show post", "prompt show poster"),
        ("prompt show poster@", "prompt show poster@1 "),
        ("prompt diff poster@1 poster@", "prompt diff poster@1 poster@1 "),
        ("generate --prompt-version=post", "generate --prompt-version=poster"),
        ("generate --prompt-version=poster@", "generate --prompt-version=poster@1 "),
        ("generate --prompt-version poster --var ", "generate --prompt-version poster --var subject="),
        ("generate --var subject=a@b --prompt-version pos", "generate --var subject=a@b --prompt-version poster"),
        ("rate --score ex", "rate --score excellent "),
        ("prompt create x --user @a/b --prov", "prompt create x --user @a/b --provider "),
    ],
)
@pytest.mark.usefixtures("sketch_version")
def test_bash_completes_words_that_it_breaks_itself(bash: "pexpect.spawn[str]", typed: str, becomes: str) -> None:
    """It parts words at `@` and `=`, and puts a blank behind what is complete."""
    bash.send(f"promptlab {typed}\t")
    bash.expect_exact(f"promptlab {becomes}")


def completed(folder: Path, words: str, *, telling: str = "") -> set[str]:
    """Return what is answered to a bash that asks, and which of the modules in `telling` that has loaded.

    Bash puts a line end between the words.
    """
    line = f"promptlab {words}".replace(" ", "\n")
    environment = {"_PROMPTLAB_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(line.count("\n"))}
    script = (
        f"import atexit, sys; atexit.register(lambda: print('', *(set({telling.split()}) & sys.modules.keys()))); "
        "sys.argv = ['promptlab']; from promptlab.cli import run; run()"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, **environment}, cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stderr == ""
    return set(done.stdout.split())
