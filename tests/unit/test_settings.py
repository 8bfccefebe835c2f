"""Where a setting comes from: flag > environment > promptlab.toml > the user's own config > default."""

from pathlib import Path

import pytest

from promptlab.db.engine import sqlite_file
from promptlab.errors import InvalidInput
from promptlab.settings import ProviderSettings, Settings, load


def project_file(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "promptlab.toml"
    file.write_text(text, encoding="utf-8")
    return file


def user_file(tmp_path: Path, text: str) -> Path:
    folder = tmp_path / "promptlab"  # what the tests' environment sets PROMPTLAB_HOME to
    folder.mkdir(exist_ok=True)
    file = folder / "config.toml"
    file.write_text(text, encoding="utf-8")
    return file


def openai(settings: Settings) -> ProviderSettings:
    return settings.for_provider("openai", key_variable="OPENAI_API_KEY", base_url_variable="OPENAI_BASE_URL")


def test_each_layer_outranks_the_ones_below(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Taken away one by one from the top, each layer's value comes to light."""
    user_file(tmp_path, 'project = "from-user"')
    in_project = project_file(tmp_path, 'project = "from-file"')
    monkeypatch.setenv("PROMPTLAB_PROJECT", "from-environment")
    assert load({"project": "from-flag"}).project == "from-flag"
    assert load({"project": None}).project == "from-environment"
    monkeypatch.delenv("PROMPTLAB_PROJECT")
    assert load().project == "from-file"
    in_project.unlink()
    assert load().project == "from-user"
    (tmp_path / "promptlab" / "config.toml").unlink()
    assert load().project == "default"


def test_the_files_complete_each_other(tmp_path: Path) -> None:
    """What one of them leaves out is taken from the other, also within the table of a provider."""
    user_file(
        tmp_path, 'rater = "ana"\n[providers.openai]\ntimeout = 5\nattempts = 2\n[providers.gemini]\nattempts = 7'
    )
    project_file(tmp_path, "ratings_per_generation = 3\n[providers.openai]\nattempts = 9")
    settings = load()
    assert (settings.rater, settings.ratings_per_generation) == ("ana", 3)
    assert (openai(settings).timeout, openai(settings).attempts) == (5, 9)
    gemini = settings.for_provider("gemini", key_variable=None, base_url_variable=None)
    assert gemini.attempts == 7


def test_promptlab_toml_is_found_upward_and_the_nearest_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project_file(tmp_path, 'project = "outer"')
    project_file(tmp_path / "a", 'project = "inner"')
    deep = tmp_path / "a" / "b" / "c"
    deep.mkdir(parents=True)
    monkeypatch.chdir(deep)
    assert load().project == "inner"


def test_relative_paths_in_a_file_start_at_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the same lab is used from every folder below."""
    monkeypatch.delenv("PROMPTLAB_HOME")
    project_file(tmp_path, 'home = "lab"\nmodels_file = "~/models.toml"\ndatabase_url = "sqlite:///my lab.db"')
    (tmp_path / "deep").mkdir()
    monkeypatch.chdir(tmp_path / "deep")
    settings = load()
    assert settings.home == tmp_path / "lab"
    assert settings.models_file == tmp_path / "home" / "models.toml"
    assert sqlite_file(settings.database) == tmp_path / "my lab.db"


@pytest.mark.parametrize(
    "url",
    ["sqlite:////tmp/lab.db", "sqlite:///C:/lab.db", "sqlite:///:memory:", "postgresql://db/lab"],
)
def test_other_database_urls_in_a_file_stay_as_they_are(tmp_path: Path, url: str) -> None:
    project_file(tmp_path, f'database_url = "{url}"')
    assert load().database == url


@pytest.mark.parametrize(
    ("home", "expected"), [("lab", "lab"), ("./a/../b", "a/../b"), ("~/lab", "home/lab"), ("~", "home")]
)
def test_the_home_may_be_relative_and_start_with_a_tilde(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: str, expected: str
) -> None:
    """Everything lies below it, the config file too."""
    monkeypatch.setenv("PROMPTLAB_HOME", home)
    folder = tmp_path / expected
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.toml").write_text('rater = "ben"')
    settings = load()
    assert settings.home == folder
    assert settings.spool == folder / "spool"
    assert settings.rater == "ben"
    assert sqlite_file(settings.database) == folder / "promptlab.db"


@pytest.mark.parametrize("name", ["a b", "50%", "a%20b", "what?", "#1", "größe", "a+b", "a@b:c", "x;y&z=1"])
def test_a_home_of_any_name_holds_the_default_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("PROMPTLAB_HOME", str(tmp_path / name))
    assert sqlite_file(load().database) == tmp_path / name / "promptlab.db"
    assert load().storage == (tmp_path / name / "images").as_uri()


def test_an_empty_variable_counts_as_unset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project_file(tmp_path, 'project = "from-file"\nrater = "ana"\n[providers.openai]\nattempts = 2')
    for name in ("PROJECT", "RATER", "DATABASE_URL", "STORAGE_URL", "RATINGS_PER_GENERATION", "SECRETS_DIR"):
        monkeypatch.setenv(f"PROMPTLAB_{name}", "")
    for name in ("PROMPTLAB_OPENAI_ATTEMPTS", "PROMPTLAB_OPENAI_BASE_URL", "OPENAI_BASE_URL", "OPENAI_API_KEY"):
        monkeypatch.setenv(name, "")
    settings = load()
    assert (settings.project, settings.rater, settings.ratings_per_generation) == ("from-file", "ana", None)
    assert sqlite_file(settings.database) == tmp_path / "promptlab" / "promptlab.db"
    assert (openai(settings).attempts, openai(settings).base_url, openai(settings).api_key) == (2, None, None)


def test_the_base_url_of_a_provider_comes_from_the_nearest_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Our own variable, then our own file, then the variable that the vendor's tools use."""
    monkeypatch.setenv("OPENAI_BASE_URL", "https://vendor.example")
    assert openai(load()).base_url == "https://vendor.example"
    project_file(tmp_path, '[providers.openai]\nbase_url = "https://file.example"')
    assert openai(load()).base_url == "https://file.example"
    monkeypatch.setenv("PROMPTLAB_OPENAI_BASE_URL", "https://own.example")
    assert openai(load()).base_url == "https://own.example"


def test_the_rates_of_a_provider_are_unlimited_until_somebody_sets_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (openai(load()).requests_per_minute, openai(load()).images_per_minute) == (None, None)
    project_file(tmp_path, "[providers.openai]\nrequests_per_minute = 60\nimages_per_minute = 7.5")
    monkeypatch.setenv("PROMPTLAB_OPENAI_IMAGES_PER_MINUTE", "0.5")
    assert (openai(load()).requests_per_minute, openai(load()).images_per_minute) == (60, 0.5)


def test_the_key_of_a_provider_is_its_own_before_the_vendors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-vendor")
    monkeypatch.setenv("PROMPTLAB_OPENAI_API_KEY", "sk-own")
    key = openai(load()).api_key
    assert key is not None
    assert key.get_secret_value() == "sk-own"


def test_a_password_in_the_flag_is_refused_wherever_else_a_url_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROMPTLAB_DATABASE_URL", "postgresql://db/lab")
    with pytest.raises(InvalidInput, match="process list") as caught:
        load({"database_url": "postgresql://me:hunter2@db/lab"})
    assert "hunter2" not in f"{caught.value} {caught.value.hint}"
    assert load({"database_url": "postgres://me@db/lab"}).database == "postgresql://me@db/lab"


def test_secrets_are_never_part_of_how_settings_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Printed, logged or in an error's frames: database password and keys stay hidden."""
    monkeypatch.setenv("PROMPTLAB_DATABASE_URL", "postgresql://me:hunter2@db/lab")
    monkeypatch.setenv("PROMPTLAB_OPENAI_API_KEY", "hunter2")
    monkeypatch.setenv("OPENAI_API_KEY", "hunter2")
    settings = load()
    assert settings.database == "postgresql://me:hunter2@db/lab"
    for thing in (settings, openai(settings), settings.secrets, {"settings": settings}):
        assert "hunter2" not in f"{thing} {thing!r}"
