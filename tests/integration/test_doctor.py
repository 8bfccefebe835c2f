"""`promptlab doctor` and `promptlab config`: what is wrong, how to mend it, and where each setting comes from."""

from pathlib import Path
from typing import Any

import pytest
from tests.fixtures.command_line import Promptlab
from tests.openai_behaviour import Behaviour
from tests.openai_server import OpenAIServer


def findings(promptlab: Promptlab, *arguments: str, code: int = 0) -> dict[str, dict[str, Any]]:
    return {item["name"]: item for item in promptlab("doctor", *arguments, "--json", code=code).json["items"]}


@pytest.mark.usefixtures("place")
def test_a_bench_that_is_well_has_a_tick_for_each_part(promptlab: Promptlab, place: str) -> None:
    if place != "sqlite and a folder":
        promptlab("db", "upgrade")
    found = findings(promptlab)
    assert [found[name]["ok"] for name in ("python", "database", "storage", "spool", "sketch")] == [True] * 5
    assert found["openai"]["ok"] is None
    assert "✓" in promptlab("doctor").out


def test_looking_leaves_nothing_behind(promptlab: Promptlab, tmp_path: Path) -> None:
    """No database is made, and the probe of the storage is deleted."""
    promptlab("doctor")
    assert [path for path in (tmp_path / "promptlab").rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    ("variable", "value", "name"),
    [
        ("PROMPTLAB_DATABASE_URL", "postgresql://me:hunter2@127.0.0.1:9/lab", "database"),
        ("PROMPTLAB_STORAGE_URL", "file:///proc/none", "storage"),
        ("PROMPTLAB_PROVIDER", "openai", "openai"),
        ("OPENAI_BASE_URL", "http://127.0.0.1:9/v1", "openai"),
        ("PROMPTLAB_DATABSE_URL", "sqlite:////lab.db", "settings"),
        ("PROMPTLAB_OPENAI_TIMOUT", "5", "settings"),
    ],
)
def test_one_thing_that_is_wrong_does_not_hide_the_others(
    promptlab: Promptlab, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, name: str
) -> None:
    """Its sentence says how to mend it, and the exit code says that something is wrong."""
    monkeypatch.setenv(variable, value)
    found = findings(promptlab, code=4)
    assert [key for key, finding in found.items() if finding["ok"] is False] == [name]
    assert "hunter2" not in str(found)
    assert "✗" in promptlab("doctor", code=4).out


def test_settings_for_a_provider_that_is_not_there_are_told(promptlab: Promptlab, tmp_path: Path) -> None:
    (tmp_path / "promptlab.toml").write_text("[providers.opnai]\nattempts = 2\n")
    assert "Did you mean 'openai'?" in findings(promptlab, code=4)["settings"]["message"]


def test_a_database_that_is_behind_is_told(
    promptlab: Promptlab, monkeypatch: pytest.MonkeyPatch, empty_postgres_url: str
) -> None:
    monkeypatch.setenv("PROMPTLAB_DATABASE_URL", empty_postgres_url)
    assert "promptlab db upgrade" in findings(promptlab, code=4)["database"]["hint"]


def test_online_asks_the_provider(promptlab: Promptlab, openai_environment: OpenAIServer) -> None:
    """Without it nothing is sent; with it a key that is refused is found out."""
    assert findings(promptlab)["openai"]["ok"] is True
    assert openai_environment.requests == []
    assert findings(promptlab, "--online")["openai"]["ok"] is True
    assert len(openai_environment.requests) == 1
    openai_environment.behave_at_models(Behaviour.unauthorized())
    found = findings(promptlab, "--online", code=4)["openai"]
    assert found["ok"] is False
    assert "sk-test" not in str(found)


def test_each_setting_says_where_it_comes_from(
    promptlab: Promptlab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "promptlab.toml").write_text('rater = "ana"\nproject = "spring"\n[providers.openai]\nattempts = 2\n')
    monkeypatch.setenv("PROMPTLAB_PROJECT", "summer")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-thing")
    monkeypatch.setenv("PROMPTLAB_DATABASE_URL", "postgresql://me:hunter2@127.0.0.1/lab")
    ran = promptlab("--storage-url", "s3://bucket", "config", "show", "--json")
    rows = {item["name"]: (item["value"], item["from"]) for item in ran.json["items"]}
    file = str(tmp_path / "promptlab.toml")
    assert rows["rater"] == ("ana", file)
    assert rows["project"] == ("summer", "PROMPTLAB_PROJECT")
    assert rows["storage_url"] == ("s3://bucket", "--storage-url")
    assert rows["link_expiry"] == ("1h", "default")
    assert rows["openai.attempts"] == ("2", file)
    assert rows["openai.api_key"] == ("***", "OPENAI_API_KEY")
    assert rows["database_url"] == ("postgresql://me:***@127.0.0.1/lab", "PROMPTLAB_DATABASE_URL")
    assert "sk-secret-thing" not in ran.out
    assert "hunter2" not in ran.out + promptlab("config", "show").out


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("OPENAI_BASE_URL", "https://user:hunter2@example.com/v1"),
        ("PROMPTLAB_STORAGE_URL", "s3://user:hunter2@bucket"),
        ("PROMPTLAB_STORAGE_ENDPOINT_URL", "https://user:hunter2@example.com"),
    ],
)
def test_a_password_in_any_url_is_struck_out(
    promptlab: Promptlab, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    """Also in places where it does not belong: people paste what is shown into tickets."""
    monkeypatch.setenv(variable, value)
    for command in (("config", "show"), ("doctor",)):
        ran = promptlab(*command, code=None)
        assert "hunter2" not in ran.out + ran.err


def test_a_setting_in_the_secrets_folder_is_told_as_such(
    promptlab: Promptlab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "PROMPTLAB_DATABASE_URL").write_text("postgresql://me:hunter2@127.0.0.1/lab\n")
    monkeypatch.setenv("PROMPTLAB_SECRETS_DIR", str(tmp_path / "secrets"))
    rows = {item["name"]: (item["value"], item["from"]) for item in promptlab("config", "show", "--json").json["items"]}
    assert rows["database_url"] == ("postgresql://me:***@127.0.0.1/lab", "secrets")
    assert rows["rater"][1] == "default"


def test_a_new_settings_file_can_be_used_as_it_is_and_with_every_line_in_force(
    promptlab: Promptlab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is all comments, and each of them is a setting that there is."""
    monkeypatch.setenv("PROMPTLAB_PROJECT", "default")
    promptlab("config", "init")
    file = tmp_path / "promptlab.toml"
    promptlab("prompt", "create", "poster", "--user", "a fox", "--provider", "sketch")
    promptlab("config", "init", code=3)
    lines = file.read_text().splitlines()
    in_force = [line.removeprefix("# ") for line in lines if " = " in line or line.startswith("# [")]
    file.write_text("\n".join(in_force))
    rows = {item["name"]: item["from"] for item in promptlab("config", "show", "--json").json["items"]}
    # All but a heading, and but what the environment of the test outranks.
    assert list(rows.values()).count(str(file)) == len(in_force) - 3
    paths = {item["kind"]: item for item in promptlab("config", "path", "--json").json["items"]}
    assert (paths["project"]["path"], paths["project"]["exists"]) == (str(file), True)
