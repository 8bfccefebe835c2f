"""`promptlab demo`: the whole tour offline, in a folder of its own."""

from pathlib import Path

import pytest
from tests.fixtures.command_line import Promptlab


def test_the_tour_shows_what_it_runs_and_leaves_a_folder_to_go_on_in(
    promptlab: Promptlab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it ran can be run again there, without any setting."""
    ran = promptlab("demo")
    for command in (
        "prompt create poster",
        "prompt diff",
        "generate",
        "queue",
        "rate --from",
        "stats",
        "compare",
        "gate",
    ):
        assert f"$ promptlab {command}" in ran.err
    assert "poster@2" in ran.out
    monkeypatch.delenv("PROMPTLAB_HOME")
    monkeypatch.chdir(tmp_path / "promptlab-demo")
    newer, older = promptlab("stats", "--json").json["items"]
    assert (newer["generations"], newer["succeeded"], older["succeeded"]) == (6, 6, 6)
    assert newer["mean"] > older["mean"]
    promptlab("generate", "--prompt-version", "poster", "--var", "subject=owl")


def test_the_tour_can_be_taken_again(promptlab: Promptlab, tmp_path: Path) -> None:
    """It starts anew each time, and what the earlier one left, and was made since, is kept beside it."""
    for number in range(3):
        ran = promptlab("demo")
        assert ran.out.count("succeeded") == 12
        assert ("bench of the earlier tour is kept in" in ran.err) == (number > 0)
        assert number == 0 or str(Path("promptlab-demo") / f"data-{number}") in ran.err
        kept = sorted(path.name for path in (tmp_path / "promptlab-demo").glob("data*"))
        assert kept == ["data", *(f"data-{earlier}" for earlier in range(1, number + 1))]
        assert all((tmp_path / "promptlab-demo" / name / "promptlab.db").is_file() for name in kept)


def test_the_tour_leaves_the_bench_of_a_config_file_alone(
    promptlab: Promptlab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither its database nor its storage, during the tour and when one goes on in its folder."""
    home = tmp_path / "promptlab"
    home.mkdir()
    own = (tmp_path / "own").as_uri()
    (home / "config.toml").write_text(
        f'project = "mine"\ndatabase_url = "sqlite:///{tmp_path}/mine.db"\nstorage_url = "{own}"\n'
    )
    promptlab("demo")
    monkeypatch.chdir(tmp_path / "promptlab-demo")
    assert len(promptlab("stats", "--json").json["items"]) == 2
    promptlab("generate", "--prompt-version", "poster", "--var", "subject=owl")
    assert not (tmp_path / "mine.db").exists()
    assert not (tmp_path / "own").exists()


def test_a_script_learns_where_the_tour_was(promptlab: Promptlab, tmp_path: Path) -> None:
    assert promptlab("demo", "--json").json == {"folder": str(tmp_path / "promptlab-demo")}


def test_the_tour_leaves_everything_else_alone(
    promptlab: Promptlab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It uses neither the person's home nor their database, nor a folder with something else in it."""
    monkeypatch.setenv("PROMPTLAB_DATABASE_URL", "postgresql://nobody@127.0.0.1:9/none")
    promptlab("demo", "--dir", "tour")
    assert not (tmp_path / "promptlab").exists()
    (tmp_path / "a-file").touch()
    promptlab("demo", "--dir", "a-file", code=4)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("all my work")
    assert "is no tour's folder" in promptlab("demo", "--dir", "mine", code=3).err
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]
