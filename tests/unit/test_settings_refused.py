"""Settings that cannot be used: one sentence that says which and where, and never repeats a secret."""

import os
from pathlib import Path

import pytest

from promptlab.errors import NotConfigured
from promptlab.settings import ProviderSettings, load

SECRET = "hunter2-of-nobody"


def project_file(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "promptlab.toml"
    file.write_text(text, encoding="utf-8")
    return file


def openai() -> ProviderSettings:
    return load().for_provider("openai", key_variable="OPENAI_API_KEY", base_url_variable="OPENAI_BASE_URL")


def said(error: pytest.ExceptionInfo[NotConfigured]) -> str:
    assert error.value.exit_code == 4
    return f"{error.value} {error.value.hint}"


@pytest.mark.parametrize(
    "line",
    [
        'openai_api_key = "{}"',
        'OPENAI_API_KEY = "{}"',
        'api-key = "{}"',
        'password = "{}"',
        'aws_secret_access_key = "{}"',
        '[providers.openai]\napi_key = "{}"',
        '[providers.openai]\napikey = "{}"',
        '[providers.replicate]\ntoken = "{}"',
        "[anything.at.all]\nclient_secret = '{}'",
        'password = ["{}"]',
    ],
)
def test_a_key_in_a_file_is_refused_with_the_place_for_it(tmp_path: Path, line: str) -> None:
    """The sentence names the file and the setting, the hint where keys belong; the value is in neither."""
    file = project_file(tmp_path, line.format(SECRET))
    with pytest.raises(NotConfigured, match="holds a key or password") as caught:
        load()
    assert str(file) in str(caught.value)
    assert "OPENAI_API_KEY" in said(caught)
    assert "secrets folder" in said(caught)
    assert SECRET not in said(caught)


@pytest.mark.parametrize(
    ("line", "variable"),
    [
        ('database_url = "postgresql://me:{}@db/lab"', "PROMPTLAB_DATABASE_URL"),
        ('database_url = "postgresql://db/lab?password={}"', "PROMPTLAB_DATABASE_URL"),
        ('storage_endpoint_url = "https://me:{}@minio"', "PROMPTLAB_STORAGE_ENDPOINT_URL"),
        ('[providers.openai]\nbase_url = "https://me:{}@proxy"', "PROMPTLAB_OPENAI_BASE_URL"),
    ],
)
def test_a_url_with_a_password_in_a_file_is_refused_with_its_variable(tmp_path: Path, line: str, variable: str) -> None:
    project_file(tmp_path, line.format(SECRET))
    with pytest.raises(NotConfigured, match="holds a password") as caught:
        load()
    assert variable in said(caught)
    assert SECRET not in said(caught)


def test_the_users_own_file_is_no_place_for_secrets_either(tmp_path: Path) -> None:
    (tmp_path / "promptlab").mkdir()
    (tmp_path / "promptlab" / "config.toml").write_text(f'[providers.openai]\napi_key = "{SECRET}"')
    with pytest.raises(NotConfigured, match="no place for one") as caught:
        load()
    assert SECRET not in said(caught)


def test_names_that_only_sound_secret_are_allowed(tmp_path: Path) -> None:
    project_file(tmp_path, 'aws_secret = "prod/promptlab"\nstorage_kms_key = "alias/lab"')
    assert load().aws_secret == "prod/promptlab"


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("projekt = 1", "Unknown setting 'projekt' in settings. Did you mean 'project'?"),
        ("[promptlab]\nproject = 1", "Unknown setting 'promptlab' in settings."),
        ("_secrets_dir = 1", "Unknown setting '_secrets_dir' in settings. Did you mean 'secrets_dir'?"),
        ("_cli_parse_args = true", "Unknown setting '_cli_parse_args' in settings."),
        ("[providers.openai]\nbase_ur = 1", "Unknown setting 'base_ur' in providers.openai. Did you mean 'base_url'?"),
        ("[providers.openai]\n_env_prefix = 1", "Unknown setting '_env_prefix' in providers.openai."),
    ],
)
def test_an_unknown_setting_is_named_with_the_nearest_known(tmp_path: Path, line: str, sentence: str) -> None:
    project_file(tmp_path, line)
    with pytest.raises(NotConfigured) as caught:
        openai()
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("ratings_per_generation = 0", "ratings_per_generation"),
        ("project = 7", "project"),
        ('storage_encryption = "rot13"', "storage_encryption"),
        ("[providers.openai]\ntimeout = -1", "timeout"),
        ("[providers.openai]\ntimeout = nan", "timeout"),
        ("[providers.openai]\nattempts = 1000000", "attempts"),
        ('[providers.openai]\nallow_http = "perhaps"', "allow_http"),
    ],
)
def test_an_impossible_value_is_named_by_its_setting(tmp_path: Path, line: str, name: str) -> None:
    project_file(tmp_path, line)
    with pytest.raises(NotConfigured, match=f"setting '{name}' .* is not usable"):
        openai()


def test_an_impossible_variable_is_refused_without_its_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROMPTLAB_OPENAI_ATTEMPTS", SECRET)
    with pytest.raises(NotConfigured, match="'attempts' in providers.openai") as caught:
        openai()
    assert SECRET not in said(caught)


@pytest.mark.parametrize("text", [SECRET, "[1]", '{"openai": 1}'])
def test_provider_tables_in_a_variable_must_be_tables(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("PROMPTLAB_PROVIDERS", text)
    with pytest.raises(NotConfigured) as caught:
        load()
    assert "providers" in said(caught)
    assert SECRET not in said(caught)


@pytest.mark.parametrize(
    "text", ["project = ", "[", "project = 'a'\nproject = 'b'", "when = 2026-13-45", f"x = {'9' * 5000}"]
)
def test_invalid_toml_is_named_by_its_file(tmp_path: Path, text: str) -> None:
    file = project_file(tmp_path, text)
    with pytest.raises(NotConfigured, match="is not valid TOML") as caught:
        load()
    assert str(file) in said(caught)


def test_a_file_that_is_no_text_is_invalid_too(tmp_path: Path) -> None:
    project_file(tmp_path, "").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(NotConfigured, match="is not valid TOML"):
        load()


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    """Some editors write one."""
    project_file(tmp_path, '\ufeffproject = "spring"')
    assert load().project == "spring"


@pytest.mark.parametrize("text", ["providers = 3", "providers = [1]", "[providers]\nopenai = 3"])
def test_provider_settings_must_be_tables(tmp_path: Path, text: str) -> None:
    project_file(tmp_path, text)
    with pytest.raises(NotConfigured, match="must be (a table|tables)"):
        load()


def test_secrets_come_from_a_folder_with_one_file_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Vendors' names and our own, in capitals or small; the environment outranks it."""
    folder = tmp_path / "run" / "secrets"
    folder.mkdir(parents=True)
    (folder / "OPENAI_API_KEY").write_text("sk-folder\n")
    (folder / "promptlab_database_url").write_text("postgres://me:pw@db/lab\n")
    monkeypatch.setenv("PROMPTLAB_SECRETS_DIR", "run/secrets")
    key = openai().api_key
    assert key is not None
    assert key.get_secret_value() == "sk-folder"
    assert load().database == "postgresql://me:pw@db/lab"
    monkeypatch.setenv("PROMPTLAB_DATABASE_URL", "postgresql://db/other")
    assert load().database == "postgresql://db/other"


def test_the_secrets_folder_may_be_named_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is seen from that file, and a tilde is the home."""
    for name in ("beside", "home/kept"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "openai_api_key").write_text(name)
    (tmp_path / "deep").mkdir()
    for written, name in {"beside": "beside", "~/kept": "home/kept"}.items():
        project_file(tmp_path, f'secrets_dir = "{written}"')
        monkeypatch.chdir(tmp_path / "deep")
        key = openai().api_key
        assert key is not None
        assert key.get_secret_value() == name


def test_a_secrets_folder_that_is_missing_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Silence would look as if there were no key."""
    monkeypatch.setenv("PROMPTLAB_SECRETS_DIR", "nowhere")
    with pytest.raises(NotConfigured, match="nowhere does not exist"):
        load()


@pytest.mark.parametrize("name", ["OPENAI_API_KEY", "PROMPTLAB_OPENAI_API_KEY"])
def test_a_secret_that_is_no_text_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("PROMPTLAB_SECRETS_DIR", str(tmp_path))
    (tmp_path / name).write_bytes(b"\xff\xfe" + os.urandom(4))
    with pytest.raises(NotConfigured, match="cannot be read"):
        openai()
