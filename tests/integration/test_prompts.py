"""Prompt versions: immutable, numbered, soft-deleted."""

import json
import os
import stat
from pathlib import Path

import pytest
from tests.fixtures.command_line import Promptlab

MAKE = ("prompt", "create", "poster", "--provider", "sketch", "--json", "--user")


def test_a_name_owns_numbered_versions(promptlab: Promptlab) -> None:
    """Ids go on over all names, numbers within each; REF is an id, NAME@N or a name for its newest live version."""
    first = promptlab(*MAKE, "a fox").json
    other = promptlab("prompt", "create", "card", "--provider", "sketch", "--user", "a card", "--json").json
    second = promptlab(*MAKE, "a red fox").json
    assert [(made["id"], made["name"], made["version"]) for made in (first, other, second)] == [
        (1, "poster", 1),
        (2, "card", 1),
        (3, "poster", 2),
    ]
    for reference, expected in (("1", 1), ("poster@1", 1), ("poster", 3), ("poster@2", 3)):
        assert promptlab("prompt", "show", reference, "--json").json["id"] == expected


def test_a_deleted_version_leaves_lists_and_keeps_its_number(promptlab: Promptlab) -> None:
    promptlab(*MAKE, "a fox")
    promptlab(*MAKE, "a red fox")
    deleted = promptlab("prompt", "delete", "poster@2", "--yes", "--json").json
    assert deleted["deleted_at"] is not None
    assert promptlab("prompt", "show", "poster", "--json").json["version"] == 1
    assert promptlab(*MAKE, "a blue fox").json["version"] == 3
    listed = promptlab("prompt", "list", "--json").json["items"]
    assert [item["version"] for item in listed] == [3, 1]
    assert [item["version"] for item in promptlab("prompt", "list", "--deleted", "--json").json["items"]] == [2]
    restored = promptlab("prompt", "restore", "poster@2", "--json").json
    assert restored["deleted_at"] is None
    assert restored["content_hash"] == deleted["content_hash"]


def test_a_version_can_start_from_another(promptlab: Promptlab) -> None:
    """What is not given stays, parameters one by one."""
    promptlab(*MAKE, "a fox", "--system", "ink only", "--param", "size=512x512")
    made = promptlab("prompt", "create", "poster", "--from", "poster@1", "--user", "an owl", "--json").json
    assert (made["user_prompt"], made["system_prompt"], made["parameters"]) == (
        "an owl",
        "ink only",
        {"size": "512x512"},
    )
    renamed = promptlab("prompt", "create", "card", "--from", "poster@1", "--json").json
    assert (renamed["name"], renamed["version"], renamed["user_prompt"]) == ("card", 1, "a fox")


def test_a_prompt_comes_from_a_file_as_it_is(promptlab: Promptlab, tmp_path: Path) -> None:
    (tmp_path / "prompt.txt").write_text("a fox\n  by the sea\n", encoding="utf-8")
    assert promptlab(*MAKE, "@prompt.txt").json["user_prompt"] == "a fox\n  by the sea\n"


def test_a_parameter_comes_from_a_file(promptlab: Promptlab, tmp_path: Path) -> None:
    """What the file holds is read as a value on the command line is, as JSON or else as text; a @ is kept by quotes."""
    (tmp_path / "size.json").write_text('"512x512"\n', encoding="utf-8")
    assert promptlab(*MAKE, "a fox", "--param", "size=@size.json").json["parameters"] == {"size": "512x512"}
    openai = ("--provider", "openai", "--model", "unknown")
    made = promptlab(*MAKE, "a fox", *openai, "--param", 'user="@me"', "--param", "extra=@size.json").json
    assert made["parameters"] == {"user": "@me", "extra": "512x512"}


def test_a_parameter_with_a_whole_file_is_shown_by_its_beginning(promptlab: Promptlab, tmp_path: Path) -> None:
    """--json has all of it, and a comparison shows each word that differs."""
    for size in (1, 2):
        (tmp_path / f"{size}.json").write_text(json.dumps({"steps": [7] * 300, "last": size}), encoding="utf-8")
        openai = ("--provider", "openai", "--model", "unknown")
        made = promptlab(*MAKE, "a fox", *openai, "--param", f"graph=@{size}.json")
        assert made.json["parameters"]["graph"]["last"] == size
    assert 'graph={"steps": [7, 7' in promptlab("prompt", "show", "poster").out
    assert "… (922 characters)" in promptlab("prompt", "show", "poster").out
    assert "[-1}-]{+2}+}" in promptlab("prompt", "diff", "poster@1", "poster@2").out


def test_a_raw_prompt_keeps_every_brace(promptlab: Promptlab) -> None:
    made = promptlab(*MAKE, "{{ not a variable", "--raw").json
    bought = promptlab("generate", "--prompt-version", made["id"], "--json").json["items"][0]
    assert bought["rendered_user_prompt"] == "{{ not a variable"


def test_a_name_in_single_braces_is_warned_of_before_it_is_bought(promptlab: Promptlab, tmp_path: Path) -> None:
    """It may be meant as a variable; --raw says that it is not."""
    warning = "Warning: {subject} is sent as it stands; for a variable write {{ subject }}.\n"
    (tmp_path / "prompt.txt").write_text("a {subject} and a {subject}")
    for text in ("a {subject}", "@prompt.txt"):
        ran = promptlab("--quiet", *MAKE, text)
        assert ran.err == warning
        assert "{subject}" in ran.json["user_prompt"]
    assert warning in promptlab(*MAKE, "a fox", "--system", "draw {subject}").err
    assert warning in promptlab("prompt", "create", "card", "--from", "poster@1", "--json").err
    assert "Warning" not in promptlab(*MAKE, "a {subject}", "--raw").err


def test_pages_go_through_everything_once(promptlab: Promptlab) -> None:
    for number in range(5):
        promptlab(*MAKE, f"fox {number}")
    seen, cursor = [], None
    while True:
        page = promptlab("prompt", "list", "--limit", 2, "--json", *(("--cursor", cursor) if cursor else ())).json
        seen += [item["version"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == [5, 4, 3, 2, 1]


def test_a_diff_shows_words_and_for_scripts_values(promptlab: Promptlab) -> None:
    promptlab(*MAKE, "a poster of a fox", "--param", "size=512x512")
    promptlab(*MAKE, "a print of a fox", "--param", "size=256x256")
    assert "a [-poster-]{+print+} of a fox" in promptlab("prompt", "diff", "1", "2").out
    changes = promptlab("prompt", "diff", "poster@1", "poster@2", "--json").json["changes"]
    assert [change["field"] for change in changes] == ["user_prompt", "parameters"]
    assert promptlab("prompt", "diff", "1", "1", "--json").json["changes"] == []


@pytest.fixture
def editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An editor that runs the sed script in a file of the test's."""
    program = tmp_path / "editor"
    program.write_text(f'#!/bin/sh\nexec sed -i -f "{tmp_path}/script" "$1"\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("EDITOR", str(program))
    return tmp_path / "script"


def test_what_the_editor_saves_becomes_a_version(promptlab: Promptlab, editor: Path) -> None:
    promptlab(*MAKE, "a fox\nby the sea", "--system", "ink")
    editor.write_text("s/sea/river/\ns/^ink$/pencil/\n")
    made = promptlab("prompt", "edit", "poster", "--json").json
    assert (made["version"], made["user_prompt"], made["system_prompt"]) == (2, "a fox\nby the river", "pencil")


def test_what_is_written_in_the_editor_is_warned_of_as_well(promptlab: Promptlab, editor: Path) -> None:
    promptlab(*MAKE, "a fox")
    editor.write_text("s/a fox/a {animal}/\n")
    assert "Warning: {animal} is sent as it stands" in promptlab("prompt", "edit", "poster").err


def test_saving_without_a_change_makes_nothing(promptlab: Promptlab, editor: Path) -> None:
    promptlab(*MAKE, "a fox\n", "--system", "ink")
    editor.write_text("")
    ran = promptlab("prompt", "edit", "poster")
    assert "Nothing was changed" in ran.err
    assert len(promptlab("prompt", "list", "--json").json["items"]) == 1


def test_what_was_written_is_not_lost_when_it_cannot_be_used(promptlab: Promptlab, editor: Path) -> None:
    """The hint says where the text is."""
    promptlab(*MAKE, "a fox")
    editor.write_text("s/a fox/a {{ fox/\n")
    hint = promptlab("prompt", "edit", "poster", "--json", code=2).error["hint"]
    kept = Path(hint.rpartition("What you wrote is in ")[2].rstrip("."))
    assert "a {{ fox" in kept.read_text()


@pytest.mark.parametrize("program", ["", "/no/such/editor", "false"])
def test_an_editor_that_does_not_work_changes_nothing(
    promptlab: Promptlab, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    promptlab(*MAKE, "a fox")
    monkeypatch.setitem(os.environ, "EDITOR", program)
    promptlab("prompt", "edit", "poster", "--json", code=2 if program == "false" else 4)
    assert len(promptlab("prompt", "list", "--json").json["items"]) == 1


def test_projects_are_apart(promptlab: Promptlab) -> None:
    """Names, ids and lists of one are not seen in another."""
    promptlab(*MAKE, "a fox")
    promptlab("--project", "spring", *MAKE, "a hare")
    assert [
        item["user_prompt"] for item in promptlab("--project", "spring", "prompt", "list", "--json").json["items"]
    ] == ["a hare"]
    promptlab("--project", "spring", "prompt", "show", "1", code=3)
    promptlab("--project", "spring", "generate", "--prompt-version", "1", code=3)


def test_the_provider_may_follow_from_the_model_or_the_settings(
    promptlab: Promptlab, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = promptlab("prompt", "create", "a", "--user", "x", "--model", "sketch-1", "--json").json
    assert made["provider"] == "sketch"
    monkeypatch.setenv("PROMPTLAB_PROVIDER", "sketch")
    assert promptlab("prompt", "create", "b", "--user", "x", "--json").json["provider"] == "sketch"


@pytest.mark.parametrize(
    "command",
    [
        ("stats",),
        ("stats", "--by", "model"),
        ("stats", "--by", "rater"),
        ("prompt", "list"),
        ("prompt", "list", "--deleted"),
    ],
)
def test_a_name_that_no_prompt_has_is_said_and_the_nearest_offered(
    promptlab: Promptlab, command: tuple[str, ...]
) -> None:
    """An empty table would look as if there were nothing yet."""
    promptlab("prompt", "create", "banner", "--user", "a fox", "--provider", "sketch")
    error = promptlab(*command, "--name", "baner", "--json", code=3).error
    assert error["message"] == "No prompt has the name 'baner'. Did you mean 'banner'?"
    assert "promptlab prompt list" in error["hint"]


def test_a_prompt_without_deleted_versions_has_none_to_list(promptlab: Promptlab) -> None:
    """It is there, so this is no error."""
    promptlab("prompt", "create", "banner", "--user", "a fox", "--provider", "sketch")
    ran = promptlab("prompt", "list", "--deleted", "--name", "banner")
    assert (ran.out, ran.err) == ("", "No such version is deleted.\n")
