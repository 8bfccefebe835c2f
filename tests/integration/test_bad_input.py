"""Bad input gets a sentence and the right exit code, and leaves nothing half done."""

import re
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from tests.fixtures.command_line import Promptlab, Ran, png
from tests.openai_behaviour import Behaviour
from tests.openai_server import OpenAIServer
from tests.unit.test_images import bomb, encoded

from promptlab.adapters.ai.registry import provider_spec

GENERATE = ("generate", "--prompt-version", "poster", "--var", "subject=fox")


def rows(table: str, home: Path) -> int:
    with sqlite3.connect(home / "promptlab.db") as connection:
        count: int = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    connection.close()
    return count


@pytest.fixture
def refused(promptlab: Promptlab, sketch_version: int, tmp_path: Path) -> Callable[..., Ran]:
    """Runs a command that must fail with a sentence as JSON, and checks that nothing was planned."""

    def run(*arguments: str | int | Path, code: int = 2, says: str) -> Ran:
        ran = promptlab(*arguments, "--json", code=code)
        assert says in ran.error["message"], ran.error
        assert ran.out == ""
        for table in ("generation", "batch", "attempt", "rating", '"case"'):
            assert rows(table, tmp_path / "promptlab") == 0
        assert rows("prompt_version", tmp_path / "promptlab") == 1
        return ran

    return run


@pytest.mark.parametrize(
    ("reference", "code", "says"),
    [
        ("posters", 3, "Did you mean 'poster'?"),
        ("poster@9", 3, "There is no prompt version 'poster@9'"),
        ("99", 3, "no prompt version '99'"),
        ("9" * 40, 3, "no id is that large"),
        ("poster@", 2, "names no prompt version"),
        ("@1", 2, "names no prompt version"),
        ("", 2, "names no prompt version"),
        ("a b", 2, "names no prompt version"),
    ],
)
def test_a_reference_that_names_nothing(refused: Callable[..., Ran], reference: str, code: int, says: str) -> None:
    refused("generate", "--prompt-version", reference, code=code, says=says)
    refused("prompt", "show", reference, code=code, says=says)


def test_a_deleted_version_is_not_generated_with(promptlab: Promptlab, refused: Callable[..., Ran]) -> None:
    """The hint says how to bring it back; deleting it again is a conflict."""
    promptlab("prompt", "delete", "poster@1", "--yes")
    ran = refused("generate", "--prompt-version", "poster@1", "--var", "subject=fox", code=3, says="is deleted")
    assert "promptlab prompt restore poster@1" in ran.error["hint"]
    refused("prompt", "delete", "poster@1", "--yes", code=3, says="already deleted")
    promptlab("prompt", "restore", "poster@1")
    refused("prompt", "restore", "poster@1", code=3, says="not deleted")


@pytest.mark.parametrize("reference", ["poster", "nothing"])
def test_deleting_takes_just_one_version(refused: Callable[..., Ran], reference: str) -> None:
    refused("prompt", "delete", reference, "--yes", code=2, says="names every version")


def test_deleting_asks_and_refuses_where_nobody_can_be_asked(refused: Callable[..., Ran]) -> None:
    refused("prompt", "delete", "1", says="Nobody can be asked here")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("poster", "--user", "", "--provider", "sketch"), "user prompt is empty"),
        (("poster", "--user", " \n", "--provider", "sketch"), "user prompt is empty"),
        (("poster", "--provider", "sketch"), "user prompt is needed"),
        (("1poster", "--user", "a fox", "--provider", "sketch"), "no name for a prompt"),
        (("post/er", "--user", "a fox", "--provider", "sketch"), "no name for a prompt"),
        (("poster", "--user", "a {{ fox", "--provider", "sketch"), "no template: line 1"),
        (("poster", "--user", "a fox", "--system", "\n{% if %}", "--provider", "sketch"), "no template: line 2"),
        (("poster", "--user", "@missing.txt", "--provider", "sketch"), "missing.txt cannot be read"),
        (("poster", "--user", "a fox", "--provider", "skech"), "Did you mean 'sketch'?"),
        (("poster", "--user", "a fox"), "Which provider?"),
        (("poster", "--user", "a fox", "--provider", "sketch", "--param", "size"), "not of the form KEY=VALUE"),
        (
            ("poster", "--user", "a fox", "--provider", "sketch", "--param", "size=@gone"),
            "--param size: gone cannot be read",
        ),
        (("poster", "--user", "a fox", "--provider", "sketch", "--param", "sise=512x512"), "Did you mean 'size'?"),
        (("poster", "--user", "a fox", "--provider", "sketch", "--param", "size=huge"), "is not possible"),
        (("poster", "--user", "a fox", "--provider", "sketch", "--param", "size=NaN"), "no value that can be kept"),
        (("poster", "--user", "a fox", "--provider", "sketch", "--force", "--if-changed"), "exclude each other"),
    ],
)
def test_a_version_that_cannot_be_made(refused: Callable[..., Ran], arguments: tuple[str, ...], says: str) -> None:
    refused("prompt", "create", *arguments, says=says)


@pytest.mark.parametrize(
    ("command", "flag"), [(GENERATE, "--var"), (GENERATE, "--param"), (("rate", "1"), "--criterion")]
)
def test_a_pair_that_is_none_is_answered_with_an_example(
    refused: Callable[..., Ran], command: tuple[str, ...], flag: str
) -> None:
    score = ("--score", "4") if flag == "--criterion" else ()
    ran = refused(*command, *score, flag, "foo", says=f"{flag} 'foo' is not of the form KEY=VALUE.")
    assert re.match(rf"For example {flag} \w+=\w+\.", ran.error["hint"])


def test_a_prompt_that_is_there_already_is_a_conflict(promptlab: Promptlab, refused: Callable[..., Ran]) -> None:
    """Scripts take the existing one with --if-changed."""
    same = ("prompt", "create", "poster", "--provider", "sketch", "--user", "a poster of {{ subject }}")
    refused(*same, code=3, says="has the same content")
    assert promptlab(*same, "--if-changed", "--json").json["version"] == 1
    assert promptlab(*same, "--force", "--json").json["version"] == 2


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "needs a value for subject"),
        (("--var", "subject=fox", "--var", "mood=calm"), "no variable 'mood'"),
        (("--var", "subject=fox", "--var", "subject=owl"), "given twice"),
        (("--var", "subject"), "not of the form KEY=VALUE"),
        (("--var", "subject=fox", "--count", "0"), "at least one image"),
        (("--var", "subject=fox", "--count", "9999"), "images per request"),
        (("--var", "subject=fox", "--draws", "0"), "at least one"),
        (("--var", "subject=fox", "--seed", "-1"), "--seed -1 is not possible"),
        (("--var", "subject=fox", "--seed", "9" * 30), "is not possible"),
        (("--var", "subject=fox", "--max-cost", "-1"), "--max-cost -1"),
        (("--var", "subject=fox", "--max-cost", "nan"), "--max-cost nan"),
        (("--var", "subject=fox", "--param", "model=x"), "not a parameter here"),
        (("--var", "subject=fox", "--param", "colour=red"), "has no parameter 'colour'"),
    ],
)
def test_a_request_that_cannot_be_sent(refused: Callable[..., Ran], arguments: tuple[str, ...], says: str) -> None:
    refused("generate", "--prompt-version", "poster", *arguments, says=says)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (None, "cannot be read"),
        (b"", "it is empty"),
        (b"hello", "is no PNG"),
        (png()[:60], "is cut off or damaged"),
        (bomb(60_000, 60_000), "pixels, more than"),
        (encoded("GIF", frames=3), "is animated"),
    ],
    ids=["missing", "empty", "text", "truncated", "bomb", "animated"],
)
def test_an_input_image_that_cannot_be_used(
    refused: Callable[..., Ran], tmp_path: Path, data: bytes | None, says: str
) -> None:
    path = tmp_path / "input.png"
    if data is not None:
        path.write_bytes(data)
    refused(*GENERATE, "--input", path, says=says)


def test_a_folder_is_no_input_image(refused: Callable[..., Ran], tmp_path: Path) -> None:
    refused(*GENERATE, "--input", tmp_path, says="cannot be read")


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("http://example.com/a.png", "no address that images are fetched from"),
        ("https://", "no address that images are fetched from"),
        ("http://127.0.0.1:9/a.png", "cannot be fetched"),
    ],
)
def test_an_address_that_is_not_fetched(refused: Callable[..., Ran], address: str, says: str) -> None:
    refused(*GENERATE, "--input", address, says=says)


def test_a_mask_fits_the_first_input(refused: Callable[..., Ran], tmp_path: Path, picture: Path) -> None:
    mask = tmp_path / "mask.png"
    Image.new("RGBA", (10, 10)).save(mask)
    refused(*GENERATE, "--mask", mask, says="A mask needs an input image" if _sketch_masks() else "takes no mask")
    if _sketch_masks():
        refused(*GENERATE, "--input", picture, "--mask", mask, says="the same size")


def _sketch_masks() -> bool:
    from promptlab.services.lab import Providers
    from promptlab.settings import load

    model = provider_spec("sketch").default_model or ""
    return Providers(load()).open("sketch", for_sending=False).capabilities(model).mask


def test_a_missing_key_is_named_before_anything_is_planned(promptlab: Promptlab, refused: Callable[..., Ran]) -> None:
    """A version can be made without it: only sending needs the key."""
    promptlab("prompt", "create", "banner", "--user", "a fox", "--provider", "openai")
    promptlab("generate", "--prompt-version", "banner", "--dry-run")
    ran = promptlab("generate", "--prompt-version", "banner", "--json", code=4)
    assert "OPENAI_API_KEY" in ran.error["message"] + (ran.error["hint"] or "")


def test_plain_http_to_another_machine_is_refused(promptlab: Promptlab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://example.com/v1")
    promptlab("prompt", "create", "banner", "--user", "a fox", "--provider", "openai")
    ran = promptlab("generate", "--prompt-version", "banner", "--json", code=4)
    assert "http" in ran.error["message"]


@pytest.mark.parametrize("score", ["0", "6", "4.5", "goood", "", "-1", "999999999999"])
def test_a_score_out_of_range(refused: Callable[..., Ran], score: str) -> None:
    ran = refused("rate", "1", "--score", score, says="is no score")
    assert ran.error["hint"].endswith("5 excellent. Nothing was recorded.")


@pytest.mark.parametrize(
    "command", [("rate", "7", "--score", "4"), ("generation", "show", "7"), ("storage", "url", "7")]
)
def test_a_generation_that_is_not_there(refused: Callable[..., Ran], command: tuple[str, ...]) -> None:
    refused(*command, code=3, says="no generation 7")


@pytest.mark.parametrize("identity", ["9" * 15, "9" * 40])
def test_an_id_that_no_database_holds(refused: Callable[..., Ran], identity: str) -> None:
    ran = refused("generation", "show", identity, code=3, says="no generation")
    assert ran.error["code"] == "not_found"


@pytest.mark.parametrize("command", [("prompt", "list"), ("generation", "list"), ("queue",), ("stats",)])
@pytest.mark.parametrize("cursor", ["x", "", "YWZ0ZXI6", "ÿ", "a" * 500])
def test_a_cursor_that_is_none(refused: Callable[..., Ran], command: tuple[str, ...], cursor: str) -> None:
    refused(*command, "--cursor", cursor, says="is not a cursor")


@pytest.mark.parametrize("limit", ["0", "-1", "100000"])
def test_a_limit_out_of_range(refused: Callable[..., Ran], limit: str) -> None:
    refused("generation", "list", "--limit", limit, says="--limit")


@pytest.mark.parametrize("moment", ["yesterday", "7x", "2026-13-01", "99999999w", ""])
def test_a_time_that_is_none(refused: Callable[..., Ran], moment: str) -> None:
    refused("generation", "list", "--since", moment, says="")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("promt",), "No such command"),
        (("prompt", "creat"), "No such command"),
        (("queue", "--mini"), "No such option"),
        (("generate",), "Missing option"),
        (("generation", "list", "--state", "done"), "Invalid value"),
        (("generation", "show", "seven"), "is no whole number"),
        (("rate", "--score", "4"), "--score needs the id"),
        (("rate",), "has no --json"),
    ],
)
def test_a_command_line_that_is_wrong(refused: Callable[..., Ran], arguments: tuple[str, ...], says: str) -> None:
    refused(*arguments, says=says)


@pytest.mark.parametrize("name", ["a/b", "..", "", " ", "-x", "é"])
def test_a_project_needs_a_name_that_is_one(refused: Callable[..., Ran], name: str) -> None:
    if name:
        refused(f"--project={name}", "prompt", "list", says="expected a name such as spring")


def test_a_project_that_is_not_there(refused: Callable[..., Ran]) -> None:
    refused("--project", "defalt", "queue", code=3, says="Did you mean 'default'?")


def test_a_password_on_the_command_line_is_refused_and_not_repeated(refused: Callable[..., Ran]) -> None:
    ran = refused("--database-url", "postgresql://me:hunter2@127.0.0.1/x", "queue", says="process list")
    assert "hunter2" not in ran.err


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("PROMPTLAB_DATABASE_URL", "postgresql://me:hunter2@127.0.0.1:9/lab", "cannot be reached"),
        ("PROMPTLAB_DATABASE_URL", "mysql://me@127.0.0.1/lab", ""),
        ("PROMPTLAB_DATABASE_URL", "nonsense", ""),
        ("PROMPTLAB_DATABASE_URL", "sqlite:////proc/none/lab.db", "The folder /proc/none cannot be made"),
        ("PROMPTLAB_STORAGE_URL", "ftp://example.com/x", "no storage for 'ftp'"),
        ("PROMPTLAB_STORAGE_URL", "file:///proc/none", "cannot be written"),
    ],
)
def test_a_place_that_cannot_be_used(
    promptlab: Promptlab, sketch_version: int, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, says: str
) -> None:
    monkeypatch.setenv(variable, value)
    ran = promptlab(*GENERATE, "--json", code=4)
    assert says in ran.error["message"]
    assert "hunter2" not in ran.err


def test_a_key_in_the_settings_file_is_refused_and_not_repeated(promptlab: Promptlab, tmp_path: Path) -> None:
    (tmp_path / "promptlab.toml").write_text('[providers.openai]\napi_key = "sk-secret-thing"\n')
    ran = promptlab("queue", "--json", code=4)
    assert "OPENAI_API_KEY" in ran.error["hint"]
    assert "sk-secret-thing" not in ran.err


def test_a_generation_without_images_is_not_rated(promptlab: Promptlab, openai_environment: OpenAIServer) -> None:
    openai_environment.behave(Behaviour.refusal())
    promptlab("prompt", "create", "banner", "--user", "a fox", "--provider", "openai")
    [refused] = promptlab("generate", "--prompt-version", "banner", "--json", code=6).json["items"]
    ran = promptlab("rate", refused["id"], "--score", "4", "--json", code=3)
    assert "is refused and has no images to rate" in ran.error["message"]
    assert promptlab("queue", "--json").json["items"] == []


def test_a_slip_in_a_variable_ends_every_command_but_those_that_explain(
    promptlab: Promptlab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`config show` shows what holds all the same, and `config path` and `doctor` answer."""
    monkeypatch.setenv("PROMPTLAB_DATABSE_URL", "sqlite:////somewhere/else.db")
    for command in (("prompt", "list"), ("stats",), ("queue",), ("provider", "list"), ("db", "upgrade")):
        assert promptlab(*command, "--json", code=4).error["message"] == (
            "PROMPTLAB_DATABSE_URL is no setting. Did you mean 'PROMPTLAB_DATABASE_URL'?"
        )
    assert "database_url" in promptlab("config", "show", code=4).out
    promptlab("config", "path")
    assert "PROMPTLAB_DATABSE_URL" in promptlab("doctor", code=4).out


@pytest.mark.parametrize(
    ("text", "command", "called"),
    [
        ('models_file = "none.toml"', ("provider", "list", "--models"), "models_file in {}"),
        ('database_url = "foo.db"', ("stats",), "database_url in {}"),
        ('storage_url = "/tmp/img"', ("queue",), "storage_url in {}"),
        ('[providers.openai]\nbase_url = "127.0.0.1:8799/v1"', ("provider", "check", "openai"), "openai] of {}"),
    ],
)
def test_the_hint_names_the_file_that_a_bad_value_comes_from(
    promptlab: Promptlab, tmp_path: Path, sketch_version: int, text: str, command: tuple[str, ...], called: str
) -> None:
    """It names no variable that nobody has set; `doctor` says the same."""
    assert sketch_version
    (tmp_path / "promptlab.toml").write_text(text)
    hint = promptlab(*command, "--json", code=4).error["hint"]
    assert called.format(tmp_path / "promptlab.toml") in hint
    assert "PROMPTLAB_" not in hint
    assert "OPENAI_BASE_URL" not in hint
    assert hint in [item["hint"] for item in promptlab("doctor", "--json", code=4).json["items"]]
