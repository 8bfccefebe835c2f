"""`promptlab doctor` and `promptlab config`: what is wrong, how to mend it, and where each setting comes from."""

from pathlib import Path
from typing import Any

import pytest
from tests.fixtures.command_line import Promptlab
from tests.openai_behaviour import Behaviour
from tests.openai_server import OpenAIServer


def findings(promptlab: Promptlab, *arguments: str, code: int = 0) -> dict[str, dict[str, Any]]:
    """Return a finding for each name: the first that is not well, where there are several."""
    items = promptlab("doctor", *arguments, "--json", code=code).json["items"]
    return {item["name"]: item for item in sorted(items, key=lambda item: item["ok"] is False)}


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
        ("PROMPTLAB_MODELS_FILE", "nowhere.toml", "settings"),
        ("PROMPTLAB_PROVIDER", "openal", "settings"),
        ("PROMPTLAB_LINK_EXPIRY", "soon", "settings"),
        ("PROMPTLAB_RATINGS_PER_GENERATION", "many", "settings"),
        ("PROMPTLAB_PROJECT", "a/b", "settings"),
        ("PROMPTLAB_RATER", " ", "settings"),
        ("PROMPTLAB_SECRETS_DIR", "nowhere", "settings"),
        ("PROMPTLAB_OPENAI_TIMEOUT", "fast", "openai"),
        ("OPENAI_BASE_URL", "server.lan:8080/v1", "openai"),
        ("OPENAI_BASE_URL", "http://server.lan:8080/v1", "openai"),
        ("PROMPTLAB_DATABASE_URL", "mysql://me@127.0.0.1/lab", "database"),
        ("PROMPTLAB_DATABASE_URL", "postgresql://127.0.0.1/lab?context=1", "database"),
        ("PROMPTLAB_DATABASE_URL", "sqlite:////proc/none/lab.db", "database"),
        ("PROMPTLAB_STORAGE_URL", "ftp://example.com/x", "storage"),
    ],
)
def test_one_thing_that_is_wrong_does_not_hide_the_others(
    promptlab: Promptlab, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, name: str
) -> None:
    """Its sentence says how to mend it, and the exit code says that something is wrong."""
    monkeypatch.setenv(variable, value)
    found = findings(promptlab, code=4)
    assert [key for key, finding in found.items() if finding["ok"] is False] == [name]
    assert found[name]["hint"]
    assert set(found[name]) == {"name", "ok", "message", "hint"}
    assert "hunter2" not in str(found)
    assert "✗" in promptlab("doctor", code=4).out


@pytest.mark.parametrize(
    ("environment", "name", "sentence"),
    [
        ({"PROMPTLAB_PROVIDER": "openal"}, "settings", "PROMPTLAB_PROVIDER is 'openal'"),
        ({"PROMPTLAB_PROVIDER": "openal"}, "settings", "Did you mean 'openai'?"),
        ({"PROMPTLAB_MODELS_FILE": "nowhere.toml"}, "settings", "nowhere.toml cannot be read"),
        ({"PROMPTLAB_PROVIDER": "openai"}, "openai", "Get a key at https://platform.openai.com/api-keys"),
        ({"PROMPTLAB_PROVIDER": "openai"}, "openai", "set OPENAI_API_KEY"),
        ({"OPENAI_BASE_URL": "server.lan:8080"}, "openai", "to https://host/path"),
        ({"OPENAI_BASE_URL": "http://server.lan/v1"}, "openai", "set PROMPTLAB_OPENAI_ALLOW_HTTP=true"),
        ({"OPENAI_BASE_URL": "http://127.0.0.1:9/v1", "OPENAI_API_KEY": "x"}, "openai", "reached at 127.0.0.1:9: "),
        ({"OPENAI_BASE_URL": "http://127.0.0.1:9/v1", "OPENAI_API_KEY": "x"}, "openai", "Is the server running"),
        ({"PROMPTLAB_DATABASE_URL": "mysql://me@127.0.0.1/x"}, "database", "sqlite:///FILE or postgresql://"),
        ({"PROMPTLAB_OPENAI_TIMEOUT": "fast"}, "openai", "is 'fast', expected a number of seconds such as 600."),
    ],
)
def test_what_is_wrong_is_told_with_how_to_mend_it(
    promptlab: Promptlab, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], name: str, sentence: str
) -> None:
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    found = findings(promptlab, "--online", code=4)[name]
    assert sentence in f"{found['message']} {found['hint']}"
    assert found["hint"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("project = spring", "text needs quotes"),
        ("projct = 'spring'", "Did you mean 'project'?"),
        ("openai_api_key = 'sk-secret-thing'", "is no place for one"),
        ("secrets_dir = 'nowhere'", "expected a folder that exists"),
        ("ratings_per_generation = 'many'", "expected a whole number from 1"),
    ],
)
def test_a_file_that_is_wrong_is_one_row_and_the_rest_is_looked_at(
    promptlab: Promptlab, tmp_path: Path, text: str, sentence: str
) -> None:
    """`config show` shows the rest as well, and then the sentence."""
    (tmp_path / "promptlab.toml").write_text(text)
    found = findings(promptlab, code=4)
    assert sentence in f"{found['settings']['message']} {found['settings']['hint']}"
    assert str(tmp_path / "promptlab.toml") in found["settings"]["message"]
    assert [name for name, finding in found.items() if finding["ok"] is False] == ["settings"]
    assert found["storage"]["ok"] is True
    shown = promptlab("config", "show", code=4)
    assert "storage_url" in shown.out
    assert sentence in shown.err
    assert "sk-secret-thing" not in shown.out + shown.err


def test_all_that_is_wrong_is_told_at_once(promptlab: Promptlab, monkeypatch: pytest.MonkeyPatch) -> None:
    """And that the rest is looked at without it."""
    monkeypatch.setenv("PROMPTLAB_LINK_EXPIRY", "soon")
    monkeypatch.setenv("PROMPTLAB_PROVIDER", "openal")
    monkeypatch.setenv("PROMPTLAB_COLOUR", "blue")
    ran = promptlab("doctor", code=4)
    assert [word in ran.out for word in ("PROMPTLAB_LINK_EXPIRY", "openal", "PROMPTLAB_COLOUR")] == [True] * 3
    assert "looked at without" in ran.out


def test_a_setting_that_cannot_be_used_is_shown_as_it_was_given(
    promptlab: Promptlab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROMPTLAB_RATINGS_PER_GENERATION", "many")
    monkeypatch.setenv("PROMPTLAB_OPENAI_TIMEOUT", "fast")
    ran = promptlab("config", "show", "--json", code=4)
    rows = {item["name"]: (item["value"], item["from"]) for item in ran.json["items"]}
    assert rows["ratings_per_generation"] == ("'many'", "PROMPTLAB_RATINGS_PER_GENERATION")
    assert rows["openai.timeout"] == ("'fast'", "PROMPTLAB_OPENAI_TIMEOUT")
    assert ran.error["message"].startswith("PROMPTLAB_RATINGS_PER_GENERATION is 'many'")


def test_secrets_that_cannot_be_had_hide_nothing_else(promptlab: Promptlab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROMPTLAB_AWS_SECRET", "prod/lab")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    found = findings(promptlab, code=4)
    assert "PROMPTLAB_AWS_SECRET" in found["database"]["hint"]
    assert found["storage"]["ok"] is True
    rows = {item["name"]: item["value"] for item in promptlab("config", "show", "--json", code=4).json["items"]}
    assert (rows["database_url"], rows["link_expiry"]) == (None, "1h")


def test_a_spool_that_cannot_be_written_speaks_of_buying_only_to_who_buys(
    promptlab: Promptlab, tmp_path: Path, sketch_version: int
) -> None:
    (tmp_path / "promptlab" / "spool").write_text("no folder")
    found = findings(promptlab, code=4)["spool"]
    assert found["hint"] == "Set PROMPTLAB_HOME to a folder that can be written."
    bought = promptlab("generate", "--prompt-version", sketch_version, "--var", "subject=fox", "--json", code=4)
    assert bought.error["hint"].startswith("Nothing was bought.")


def test_links_that_live_longer_than_s3_allows_are_told(
    promptlab: Promptlab, monkeypatch: pytest.MonkeyPatch, s3_environment: object
) -> None:
    monkeypatch.setenv("PROMPTLAB_LINK_EXPIRY", "30d")
    found = findings(promptlab, code=4)["storage"]
    assert "7 days" in found["message"]
    assert "PROMPTLAB_LINK_EXPIRY" in found["hint"]


def test_a_base_url_without_its_version_is_told_online(
    promptlab: Promptlab, openai_environment: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", openai_environment.base_url.removesuffix("/v1"))
    found = findings(promptlab, "--online", code=4)["openai"]
    assert "probably lacks /v1" in found["message"]
    assert "OPENAI_BASE_URL" in found["hint"]


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
    # All but a heading, and but what the environment of the test outranks; five lines of the rubric are one setting.
    assert list(rows.values()).count(str(file)) == len(in_force) - 3 - 4
    paths = {item["kind"]: item for item in promptlab("config", "path", "--json").json["items"]}
    assert (paths["project"]["path"], paths["project"]["exists"]) == (str(file), True)


@pytest.mark.parametrize("text", ['rater = ""', "[providers.opnai]\nattempts = 2"])
def test_what_is_wrong_in_a_file_is_told_with_the_file(promptlab: Promptlab, tmp_path: Path, text: str) -> None:
    (tmp_path / "promptlab.toml").write_text(text)
    found = findings(promptlab, code=4)["settings"]
    assert str(tmp_path / "promptlab.toml") in f"{found['message']} {found['hint']}"


def test_all_that_is_wrong_with_a_provider_is_told_at_once(promptlab: Promptlab, tmp_path: Path) -> None:
    (tmp_path / "promptlab.toml").write_text('[providers.openai]\ntimeout = "x"\nattempts = 0\nconcurrency = 0\n')
    items = promptlab("doctor", "--json", code=4).json["items"]
    told = [item["message"].partition(" ")[0] for item in items if item["name"] == "openai"]
    assert told == ["timeout", "attempts", "concurrency"]


def test_a_database_that_is_away_is_told_in_whole_sentences(
    promptlab: Promptlab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROMPTLAB_DATABASE_URL", "postgresql://me@127.0.0.1:9/lab")
    assert findings(promptlab, code=4)["database"]["message"].endswith("Connection refused.")


def test_a_folder_that_takes_nothing_is_told_by_its_own_name(
    promptlab: Promptlab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not by that of a file which was made to try it."""
    monkeypatch.setenv("PROMPTLAB_HOME", "/proc/x")
    assert findings(promptlab, code=4)["database"]["message"].startswith("/proc: ")
