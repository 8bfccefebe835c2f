"""Settings that cannot be used: one sentence that says which and where, and never repeats a secret."""

import os
from pathlib import Path

import pytest

from promptlab.errors import NotConfigured
from promptlab.settings import ProviderSettings, load, survey

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
        ("projekt = 1", "projekt in {file} is no setting. Did you mean 'project'?"),
        ("[promptlab]\nproject = 1", "promptlab in {file} is no setting."),
        ("layers = 1", "layers in {file} is no setting."),
        (
            "[providers.openai]\nbase_ur = 1",
            "base_ur in [providers.openai] of {file} is no setting. Did you mean 'base_url'?",
        ),
        ("[providers.openai]\nmodel_config = 1", "model_config in [providers.openai] of {file} is no setting."),
    ],
)
def test_an_unknown_setting_is_named_with_its_file_and_the_nearest_known(
    tmp_path: Path, line: str, sentence: str
) -> None:
    file = project_file(tmp_path, line)
    with pytest.raises(NotConfigured) as caught:
        openai()
    assert str(caught.value) == sentence.format(file=file)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("ratings_per_generation = 0", "ratings_per_generation in {file} is 0, expected a whole number from 1."),
        ("project = 7", "project in {file} is 7, expected a name such as spring"),
        ("project = ['a']", "project in {file} is a list, expected a name"),
        ('link_expiry = "soon"', "link_expiry in {file} is 'soon', expected a duration such as 30min, 1h or 7d."),
        ('lease = "1s"', "lease in {file} is '1s', expected a duration from 2s, such as 2min."),
        ('storage_encryption = "rot13"', "storage_encryption in {file} is 'rot13', expected AES256 or aws:kms."),
        ("[providers.openai]\ntimeout = -1", "timeout in [providers.openai] of {file} is -1, expected a number of sec"),
        ("[providers.openai]\ntimeout = nan", "is nan, expected a number of seconds such as 600."),
        ("[providers.openai]\ntimeout = inf", "is inf, expected a number of seconds such as 600."),
        ("[providers.openai]\nattempts = 1000000", "is 1000000, expected a whole number from 1 to 20."),
        ("[providers.openai]\nrequests_per_minute = 0", "is 0, expected a number from 0.01 to 100000 such as 60."),
        ("[providers.openai]\nimages_per_minute = inf", "is inf, expected a number from 0.01 to 100000 such as 60."),
        ("[providers.openai]\nimages_per_minute = nan", "is nan, expected a number from 0.01 to 100000 such as 60."),
        ('[providers.openai]\nallow_http = "perhaps"', "is 'perhaps', expected true or false."),
    ],
)
def test_an_impossible_value_is_named_with_its_place_and_what_was_expected(
    tmp_path: Path, line: str, sentence: str
) -> None:
    file = project_file(tmp_path, line)
    with pytest.raises(NotConfigured) as caught:
        openai()
    assert sentence.format(file=file) in str(caught.value)


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("PROMPTLAB_OPENAI_TIMEOUT", "fast", "is 'fast', expected a number of seconds such as 600."),
        ("PROMPTLAB_RATINGS_PER_GENERATION", "many", "is 'many', expected a whole number from 1."),
        ("PROMPTLAB_LINK_EXPIRY", "soon", "is 'soon', expected a duration such as 30min, 1h or 7d."),
        ("PROMPTLAB_HOME", "~nobody-of-that-name/lab", "is '~nobody-of-that-name/lab', expected a folder such as"),
        ("PROMPTLAB_SECRETS_DIR", "nowhere", "is 'nowhere', expected a folder that exists."),
        ("PROMPTLAB_PROJECT", "a/b", "is 'a/b', expected a name such as spring"),
    ],
)
def test_an_impossible_variable_is_named_with_its_value_and_what_was_expected(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, sentence: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(NotConfigured) as caught:
        openai()
    assert str(caught.value).startswith(f"{variable} {sentence}")
    assert f"Correct {variable}, or unset it." in said(caught)


@pytest.mark.parametrize("value", [f"sk-{SECRET}-0123456789abcdef", f"https://me:{SECRET}@db"])
def test_what_may_be_a_secret_in_the_wrong_variable_is_not_repeated(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("PROMPTLAB_OPENAI_ATTEMPTS", value)
    with pytest.raises(NotConfigured, match=r"is a text of \d+ letters, expected") as caught:
        openai()
    assert SECRET not in said(caught)


def test_an_impossible_value_in_the_secrets_folder_is_not_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROMPTLAB_SECRETS_DIR", str(tmp_path))
    (tmp_path / "promptlab_openai_timeout").write_text(SECRET)
    with pytest.raises(NotConfigured, match="PROMPTLAB_OPENAI_TIMEOUT in your secrets is a text of") as caught:
        openai()
    assert SECRET not in said(caught)


def test_everything_that_is_wrong_is_found_at_once_and_the_rest_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project_file(tmp_path, 'rater = "ana"\nlink_expiry = 5\nprojct = "x"\npassword = "x"')
    monkeypatch.setenv("PROMPTLAB_RATINGS_PER_GENERATION", "many")
    found = survey()
    assert (found.rater, found.link_expiry, found.ratings_per_generation) == ("ana", "1h", None)
    assert len(found.layers.problems) == 4
    assert all(problem.hint for problem in found.layers.problems)


@pytest.mark.parametrize(
    ("text", "sentence", "hint"),
    [
        ("project = spring", "line 1 has text without quotes, and text needs quotes", 'Write project = "spring"'),
        ("# mine\n\nrater = ana b # me", "line 3 has text without quotes", 'Write rater = "ana b"'),
        ("home = C:\\lab", "line 1 has text without quotes", "Write home = 'C:\\lab'"),
        (f"api_key = {SECRET}", "line 1 has text without quotes", 'Write api_key = "…"'),
        (f"database_url = postgresql://me:{SECRET}@db/lab", "line 1 has", 'Write database_url = "…"'),
        ("project = 'a'\nproject = 'b'", "line 2 sets again what was set above it", "Keep one"),
        ("project = ", "line 1 cannot be read", 'project = "spring"'),
        ("project = 'a", "line 1 cannot be read", 'project = "spring"'),
    ],
)
def test_toml_that_is_none_is_told_with_its_line_and_an_example(
    tmp_path: Path, text: str, sentence: str, hint: str
) -> None:
    file = project_file(tmp_path, text)
    with pytest.raises(NotConfigured) as caught:
        load()
    assert str(caught.value).startswith(f"{file} is not valid TOML: {sentence}")
    assert hint in (caught.value.hint or "")
    assert SECRET not in said(caught)


@pytest.mark.parametrize(
    "text",
    ["project = ", "[", "project = 'a'\nproject = 'b'", "when = 2026-13-45", f"x = {'9' * 5000}", f"x = {'[' * 5000}"],
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


@pytest.mark.parametrize("name", ["OPENAI_API_KEY", "PROMPTLAB_OPENAI_API_KEY"])
def test_a_secret_that_is_no_text_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("PROMPTLAB_SECRETS_DIR", str(tmp_path))
    (tmp_path / name).write_bytes(b"\xff\xfe" + os.urandom(4))
    with pytest.raises(NotConfigured, match="cannot be read"):
        openai()


@pytest.mark.parametrize(
    ("variable", "sentence"),
    [
        ("PROMPTLAB_DATABSE_URL", "is no setting. Did you mean 'PROMPTLAB_DATABASE_URL'?"),
        ("PROMPTLAB_OPENAI_TIMOUT", "is no setting. Did you mean 'PROMPTLAB_OPENAI_TIMEOUT'?"),
        ("PROMPTLAB_OPNAI_TIMEOUT", "is no setting. Did you mean 'PROMPTLAB_OPENAI_TIMEOUT'?"),
        ("PROMPTLAB_LAYERS", "is no setting."),
    ],
)
def test_a_slip_in_a_variable_is_refused(monkeypatch: pytest.MonkeyPatch, variable: str, sentence: str) -> None:
    """What works without it would work in another bench, or buy from another server."""
    monkeypatch.setenv(variable, "x")
    with pytest.raises(NotConfigured) as caught:
        load()
    assert said(caught).startswith(f"{variable} {sentence}")
    assert caught.value.hint == f"Correct its name, or unset {variable}."


def test_variables_that_are_none_of_ours_or_empty_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROMPTLAB_PROJEKT", "")
    monkeypatch.setenv("PROMPTLAB_TEST_FUZZ", "50")
    monkeypatch.setenv("_PROMPTLAB_COMPLETE", "bash_source")
    monkeypatch.setenv("PROMPTLAB", "x")
    monkeypatch.setenv("PROMPTLAB_GEMINI_ATTEMPTS", "2")
    assert load().project == "default"


@pytest.mark.parametrize(
    ("advice", "told"),
    [
        ("Correct PROMPTLAB_MODELS_FILE.", "Correct models_file in {file}."),
        ("Set PROMPTLAB_HOME to another.", "Set PROMPTLAB_HOME to another."),
        ("See PROMPTLAB_RATER or --rater.", "See PROMPTLAB_RATER or --rater."),
        ("Set PROMPTLAB_STORAGE_URL to another.", "Set --storage-url to another."),
        ("Set PROMPTLAB_STORAGE_ALLOW_HTTP=true.", "Set PROMPTLAB_STORAGE_ALLOW_HTTP=true."),
    ],
)
def test_advice_names_the_place_where_a_setting_is_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, advice: str, told: str
) -> None:
    """A file, a flag, or the variable; this is also the way where nothing is set."""
    file = project_file(tmp_path, 'models_file = "m.toml"\nrater = "ana"\nstorage_allow_http = false')
    monkeypatch.setenv("PROMPTLAB_RATER", "ben")
    assert load({"storage_url": "file:///x"}).advice(advice) == told.format(file=file)
