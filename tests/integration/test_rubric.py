"""The rubric of a project: written in settings, shown, kept to by ratings, counted by stats."""

from pathlib import Path

import pytest
from tests.fixtures.command_line import Promptlab

RUBRIC = """
[rubric]
overall = "Would I put it up?"
tags = ["hands", "text", "Blur-ry"]

[rubric.criteria]
likeness = "Is it the fox?"
light = "Is it well lit?"
"""


@pytest.fixture
def rubric(tmp_path: Path) -> None:
    write(tmp_path, RUBRIC)


@pytest.fixture
def two(promptlab: Promptlab, sketch_version: int) -> list[int]:
    buy = ("generate", "--prompt-version", sketch_version, "--var", "subject=fox", "--draws", "2", "--json")
    return [item["id"] for item in promptlab(*buy).json["items"]]


def write(folder: Path, text: str) -> Path:
    file = folder / "promptlab.toml"
    file.write_text(text, encoding="utf-8")
    return file


@pytest.mark.usefixtures("rubric")
def test_a_rubric_is_shown_as_it_is_written(promptlab: Promptlab) -> None:
    assert promptlab("rubric", "--json").json == {
        "overall": "Would I put it up?",
        "criteria": [
            {"name": "likeness", "meaning": "Is it the fox?"},
            {"name": "light", "meaning": "Is it well lit?"},
        ],
        "tags": ["hands", "text", "Blur-ry"],
    }
    shown = promptlab("rubric").out
    assert shown.index("overall") < shown.index("Is it the fox?") < shown.index("light") < shown.index("hands, text")
    assert "criteria likeness, light; tags hands, text, Blur-ry" in promptlab("config", "show").out


@pytest.mark.parametrize("columns", ["20", "80"])
def test_without_one_the_example_works_when_it_is_pasted(
    promptlab: Promptlab, tmp_path: Path, columns: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At any width, and below what is in the file already."""
    monkeypatch.setenv("COLUMNS", columns)
    assert promptlab("rubric", "--json").json == {"overall": None, "criteria": [], "tags": []}
    ran = promptlab("rubric")
    assert "promptlab.toml" in ran.err
    write(tmp_path, f'provider = "sketch"\n{ran.out}')
    [first, *_others] = promptlab("rubric", "--json").json["criteria"]
    assert first == {"name": "likeness", "meaning": "Is it what the prompt asks for?"}


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ("rubric = 7", "it must be a table, [rubric], with criteria, tags and overall."),
        ("[rubric]\ncriterion = 1", "it has no part 'criterion'; its parts are overall, criteria and tags."),
        ("[rubric]\ncriteria = ['a']", "criteria must be a table of names and sentences"),
        ("[rubric]\ntags = 'a'", "tags must be a list of names"),
        ("[rubric]\ntags = ['six fingers']", "'six fingers' is no name for a tag: up to 30 letters"),
        ("[rubric]\ntags = ['a', 'b', 'A']", "the tag 'A' is there twice."),
        ("[rubric]\ntags = [['a']]", "what is no text is no name for a tag"),
        (f"[rubric]\ntags = {[f't{n}' for n in range(21)]}", "it has 21 tags, and 20 are the most."),
        ("[rubric.criteria]\n1st = 'x'", "'1st' is no name for a criterion"),
        ("[rubric.criteria]\nlight = ''", "the criterion light needs a sentence that says what it means"),
        ("[rubric.criteria]\nlight = 4", "the criterion light needs a sentence"),
        ("[rubric.criteria]\nscore = 'x'", "'score' is no name for a criterion: it means something else already."),
        ("[rubric]\noverall = 'a\\nb'\n".replace("'", '"'), "overall needs a sentence"),
        ("[rubric.criteria]\n" + "\n".join(f"c{n} = 'x'" for n in range(10)), "it has 10 criteria, and 9 are the most"),
    ],
)
def test_what_cannot_be_a_rubric_is_said_in_a_sentence(
    promptlab: Promptlab, tmp_path: Path, lines: str, sentence: str
) -> None:
    """With its file; and nothing else is done until it is mended."""
    file = write(tmp_path, lines)
    error = promptlab("rubric", "--json", code=4).error
    assert error["message"].startswith(f"rubric in {file}: {sentence}")
    assert error["hint"] == "Correct it there."


def test_the_environment_has_it_as_json(promptlab: Promptlab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROMPTLAB_RUBRIC", '{"criteria": {"b": "B?", "a": "A?"}}')
    assert [each["name"] for each in promptlab("rubric", "--json").json["criteria"]] == ["b", "a"]
    monkeypatch.setenv("PROMPTLAB_RUBRIC", "likeness")
    error = promptlab("rubric", "--json", code=4).error
    assert error["message"] == "PROMPTLAB_RUBRIC: it is no JSON; in a file it is a table, [rubric]."


@pytest.mark.usefixtures("rubric")
@pytest.mark.parametrize(
    ("given", "says"),
    [
        (("--criterion", "lightt=4"), "'lightt' is no criterion. Did you mean 'light'?"),
        (("--criterion", "Light=4"), "'Light' is no criterion. Did you mean 'light'?"),
        (("--tag", "hand"), "'hand' is no tag of this project. Did you mean 'hands'?"),
    ],
)
def test_a_rating_keeps_to_the_rubric(promptlab: Promptlab, two: list[int], given: tuple[str, ...], says: str) -> None:
    error = promptlab("rate", two[0], "--score", 4, *given, "--json", code=2).error
    assert error["message"] == says
    assert error["hint"] == "`promptlab rubric` shows the project's. Nothing was recorded."
    kept = promptlab("rate", two[0], "--score", 4, "--criterion", "light=good", "--tag", "text", "--json").json
    assert (kept["criteria"], kept["tags"]) == ({"light": 4}, ["text"])


def test_without_a_list_of_tags_any_tag_goes(promptlab: Promptlab, two: list[int], tmp_path: Path) -> None:
    promptlab("rate", two[0], "--score", 4, "--tag", "odd", "--criterion", "mood=2")
    write(tmp_path, "[rubric.criteria]\nlight = 'Is it lit?'")
    promptlab("rate", two[0], "--score", 4, "--tag", "odd")


@pytest.mark.usefixtures("rubric")
def test_a_spreadsheet_has_columns_for_criteria_and_keeps_to_the_rubric(
    promptlab: Promptlab, two: list[int], tmp_path: Path
) -> None:
    file = tmp_path / "ratings.csv"
    file.write_text(f"generation,score,light,likeness,tags\n{two[0]},4,good,,text\n{two[1]},2,,1,\n")
    items = promptlab("rate", "--from", file, "--json").json["items"]
    assert [item["criteria"] for item in items] == [{"light": 4}, {"likeness": 1}]
    for text, says in (
        (f"generation,score,tags\n{two[0]},5,hand\n", "Row 2: 'hand' is no tag of this project."),
        (f"generation,score,lihgt\n{two[0]},5,4\n", "unknown column 'lihgt'. Did you mean 'light'?"),
        (f"generation,score,light\n{two[0]},5,9\n", "Row 2: '9' is no score."),
    ):
        file.write_text(text)
        assert says in promptlab("rate", "--from", file, "--json", code=2).error["message"]


@pytest.fixture
def rated(place: str, promptlab: Promptlab) -> None:
    """Two versions; the second has its criteria rated by two people."""
    if place != "sqlite and a folder":
        promptlab("db", "upgrade")
    for prompt in ("a fox", "a red fox"):
        promptlab("prompt", "create", "banner", "--provider", "sketch", "--user", prompt)
        promptlab("generate", "--prompt-version", "banner", "--draws", "2")
    rate = ("--criterion", "light=4", "--tag", "text")
    promptlab("rate", 1, "--score", 3, "--rater", "ana", *rate, "--tag", "hands")
    promptlab("rate", 3, "--score", 3, "--rater", "ana", "--criterion", "light=1", "--criterion", "mood=5")
    promptlab("rate", 3, "--score", 3, "--rater", "ana", *rate)
    promptlab("rate", 3, "--score", 3, "--rater", "ben", "--criterion", "light=5")
    promptlab("rate", 4, "--score", 3, "--rater", "ben")


@pytest.mark.usefixtures("rated")
def test_stats_count_each_criterion_by_version(promptlab: Promptlab) -> None:
    """Only what is said now, not what a rater has taken back by rating again."""
    items = promptlab("stats", "--by", "criterion", "--json").json["items"]
    assert [(item["criterion"], item["name"], item["version"], item["rated"], item["mean"]) for item in items] == [
        ("light", "banner", 1, 1, 4.0),
        ("light", "banner", 2, 2, 4.5),
    ]
    assert items[1]["distribution"] == {"1": 0, "2": 0, "3": 0, "4": 1, "5": 1}
    shown = promptlab("stats", "--by", "criterion").out.splitlines()
    assert [line.split()[:2] for line in shown] == [["CRITERION", "VERSION"], ["light", "banner@1"], ["banner@2", "2"]]


@pytest.mark.usefixtures("rated")
def test_stats_count_each_tag_by_version_the_most_frequent_first(promptlab: Promptlab) -> None:
    items = promptlab("stats", "--by", "tag", "--json").json["items"]
    assert [(item["tag"], item["version"], item["count"], item["ratings"]) for item in items] == [
        ("text", 1, 1, 1),
        ("text", 2, 1, 3),
        ("hands", 1, 1, 1),
    ]
    assert [line.split() for line in promptlab("stats", "--by", "tag").out.splitlines()[1:3]] == [
        ["text", "banner@1", "1", "of", "1", "100%"],
        ["banner@2", "1", "of", "3", "33%"],
    ]
    assert [
        item["tag"] for item in promptlab("stats", "--by", "tag", "--prompt-version", 2, "--json").json["items"]
    ] == ["text"]
    promptlab("stats", "--by", "tag", "--cursor", "x", code=2)
