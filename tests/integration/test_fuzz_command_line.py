"""Whatever words a command line is made of: a sentence and a code of the table, never a traceback, nothing half done.

`PROMPTLAB_TEST_FUZZ=50 pytest tests/integration/test_fuzz_command_line.py` runs fifty times as many examples.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fuzzed_arguments import Command, any_words, commands, line
from tests.fuzzed_bench import FACTOR, Bench, examples, fill

pytestmark = pytest.mark.timeout(0 if FACTOR > 1 else 120)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """A lab with something of everything in it; an example puts it back before it begins."""
    bench = Bench(tmp_path_factory.mktemp("bench"))
    fill(bench)
    return bench


def _slow(command: Command) -> bool:
    return command.path == ("demo",)


@pytest.mark.parametrize("command", commands(), ids=str)
def test_any_line_of_a_command(lab: Bench, command: Command) -> None:
    @examples(2 if _slow(command) else 12)
    @given(line(command), st.text("12345nNtTsSuUoOqx \n\x04\x1b€", max_size=12), st.booleans())
    def check(words: list[str], keys: str, edits: bool) -> None:
        lab.restore()
        lab.checked(words, stdin=keys, environment={"EDITOR": _ADDING} if edits else {"EDITOR": _FAILING})

    check()


_ADDING = "/bin/sh -c 'echo more {{ subject }} >> $0'"
_FAILING = "/bin/sh -c 'exit 3'"


@examples(40)
@given(any_words())
def test_any_words_in_any_order(lab: Bench, words: list[str]) -> None:
    lab.restore()
    lab.checked(words)


@examples(25)
@given(st.sampled_from(["bash", "zsh", "fish", "powershell"]), any_words(), st.integers(1, 9))
def test_any_completion(lab: Bench, shell: str, words: list[str], place: int) -> None:
    """A shell that asks what to complete gets lines or nothing."""
    lab.restore()
    line = " ".join(["promptlab", *words]).encode("utf-8", "replace").decode().replace("\0", "")
    asked = {"COMP_WORDS": line.replace(" ", "\n"), "COMP_CWORD": str(place), "_TYPER_COMPLETE_ARGS": line}
    ran = lab.run([], environment={"_PROMPTLAB_COMPLETE": f"complete_{shell}", **asked})
    assert "Traceback" not in ran.err, ran
    assert ran.code in {0, 1}, ran  # 1: nothing to complete, for fish
