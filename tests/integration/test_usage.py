"""A mistake in the command line itself is answered with what to write instead."""

import pytest
from tests.fixtures.command_line import Promptlab


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (("generate", "--project", "foo"), "before the command: promptlab --project NAME generate ..."),
        (
            ("prompt", "create", "x", "--user", "y", "--quiet"),
            "before the command: promptlab --quiet prompt create ...",
        ),
        (("stats", "-v"), "before the command: promptlab -v stats ..."),
        (("--json", "stats"), "after the command: promptlab COMMAND ... --json"),
        (("prompt", "--limit", "3", "list"), "after the command: promptlab prompt COMMAND ... --limit VALUE"),
        (("prompt", "create", "--name", "banner"), "without a flag: promptlab prompt create NAME"),
        (("generation", "show", "--id", "3"), "without a flag: promptlab generation show ID"),
    ],
)
def test_an_option_in_the_wrong_place_is_told_its_own(
    promptlab: Promptlab, arguments: tuple[str, ...], hint: str
) -> None:
    ran = promptlab(*arguments, code=2)
    assert hint in (ran.error["hint"] if "--json" in arguments else ran.err)


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (("help",), "`promptlab --help` lists the commands."),
        (("prompt", "help"), "`promptlab prompt --help` lists the commands."),
        (("list",), "`promptlab batch list`"),
        (("prompt", "add", "banner"), "There is `promptlab prompt create`."),
        (("prompt", "generate"), "There is `promptlab generate`."),
        (("PROMPT", "list"), "There is `promptlab prompt`."),
        (("provider", "models"), "There is `promptlab provider list --models`."),
        (("version",), "There is `promptlab --version`."),
    ],
)
def test_a_command_by_another_name_is_found(promptlab: Promptlab, arguments: tuple[str, ...], hint: str) -> None:
    """Where it is under another noun, called otherwise elsewhere, or a flag here."""
    assert hint in promptlab(*arguments, code=2).err


@pytest.mark.parametrize(
    ("arguments", "flag"),
    [
        (("generate", "--output", "here"), "--save"),
        (("generate", "--prompt", "banner"), "--prompt-version"),
        (("prompt", "create", "banner", "--prompt", "a fox"), "--user"),
        (("stats", "--JSON"), "--json"),
        (("-V",), "--version"),
    ],
)
def test_a_flag_by_another_name_is_found(promptlab: Promptlab, arguments: tuple[str, ...], flag: str) -> None:
    assert f"Did you mean {flag}?" in promptlab(*arguments, code=2).err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("rate", "a"), "Invalid value for '[ID]': 'a' is no whole number."),
        (("generate", "--draws", "1.5"), "Invalid value for '--draws': '1.5' is no whole number."),
        (("generate", "--max-cost", "two"), "Invalid value for '--max-cost': 'two' is no number."),
        (("stats", "--by", "x"), "Invalid value for '--by': 'x' is not one of 'version', "),
        (("stats", "banner"), "There is no place for 'banner' here."),
    ],
)
def test_a_value_that_is_none_is_refused_in_plain_words(
    promptlab: Promptlab, arguments: tuple[str, ...], sentence: str
) -> None:
    assert sentence in promptlab(*arguments, code=2).err


@pytest.mark.parametrize("arguments", [("stats", "banner"), ("generate", "banner"), ("prompt", "show")])
def test_too_much_or_too_little_is_answered_with_an_example(promptlab: Promptlab, arguments: tuple[str, ...]) -> None:
    hint = promptlab(*arguments, "--json", code=2).error["hint"]
    assert "--help` shows what it takes. For example: promptlab " in hint
