"""`promptlab rate --from FILE.csv`: all or nothing, and safe to repeat."""

from pathlib import Path

import pytest
from tests.fixtures.command_line import Promptlab


@pytest.fixture
def two(promptlab: Promptlab, sketch_version: int) -> list[int]:
    made = promptlab(
        *("generate", "--prompt-version", sketch_version, "--var", "subject=fox", "--draws", "2", "--json")
    ).json
    return [item["id"] for item in made["items"]]


def write(folder: Path, text: str) -> Path:
    path = folder / "ratings.csv"
    path.write_bytes(text.encode("utf-8-sig"))
    return path


def test_a_spreadsheet_of_ratings_is_recorded(promptlab: Promptlab, two: list[int], tmp_path: Path) -> None:
    """Words are scores too, rows without a rater are mine, and a repetition changes nothing."""
    file = write(
        tmp_path,
        "generation,score,rater,note,tags\r\n"
        f'{two[0]},good,ana,"fine, mostly",hands; text\r\n'
        f"{two[1]},2,,,\r\n{two[0]},5,ben,,\r\n",
    )
    first = promptlab("rate", "--from", file, "--rater", "me", "--json").json
    assert (first["rated"], first["unchanged"], first["next_cursor"]) == (3, 0, None)
    by_rater = {item["rater"]: item for item in first["items"]}
    assert (by_rater["ana"]["score"], by_rater["ana"]["note"], by_rater["ana"]["tags"]) == (
        4,
        "fine, mostly",
        ["hands", "text"],
    )
    assert by_rater["me"]["generation_id"] == two[1]
    again = promptlab("rate", "--from", file, "--rater", "me", "--json").json
    assert (again["rated"], again["unchanged"]) == (0, 3)
    assert promptlab("generation", "show", two[0], "--json").json["result_rating"] == 4.5


def test_semicolons_separate_cells_too(promptlab: Promptlab, two: list[int], tmp_path: Path) -> None:
    """As spreadsheets write them where the comma is the decimal sign."""
    file = write(tmp_path, f"generation;score;note\r\n{two[0]};4;fine, mostly\r\n")
    [item] = promptlab("rate", "--from", file, "--json").json["items"]
    assert (item["score"], item["note"]) == (4, "fine, mostly")


def test_what_spreadsheets_make_of_names_and_numbers_is_understood(
    promptlab: Promptlab, two: list[int], tmp_path: Path
) -> None:
    file = write(tmp_path, f"Generation,Score\r\n{two[0]},4.0\r\n{two[1]},2.00\r\n")
    assert [item["score"] for item in promptlab("rate", "--from", file, "--json").json["items"]] == [4, 2]


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        ("", 2, "ratings.csv is empty"),
        ("\r\n", 2, "ratings.csv is empty"),
        ("generation,points\n1,2\n", 2, "no column 'score'"),
        ("generation,score,raters\n1,2,ana\n", 2, "Did you mean 'rater'?"),
        ("generation,score,Score\n1,2,3\n", 2, "two columns 'score'"),
        ("generation,score\n{0},4\n{1},4.5\n", 2, "Row 3: '4.5' is no score"),
        ("generation,score\n{0},4\n{1},6\n", 2, "Row 3: '6' is no score"),
        ("generation,score\n{0},4\nfox,4\n", 2, "Row 3: 'fox' is no id"),
        ("generation,score\n{0},4\n999,4\n", 3, "Row 3: There is no generation 999"),
        ("generation,score\n{0},4,ana,fine\n", 2, "more cells than the header"),
        ('generation,score\n{0},"4\n', 2, "cannot be read as CSV: line 2 has quotation marks without a partner"),
        ("generation,score,rater\n{0},4,ana\n{0},5,ana\n", 2, "Row 3 rates generation {0} for ana again, after row 2"),
    ],
)
def test_one_bad_row_rejects_the_whole_file(
    promptlab: Promptlab, two: list[int], tmp_path: Path, text: str, code: int, says: str
) -> None:
    file = write(tmp_path, text.format(*two))
    ran = promptlab("rate", "--from", file, "--json", code=code)
    assert says.format(*two) in ran.error["message"]
    assert ran.error["hint"].endswith("Nothing was recorded.")
    items = promptlab("generation", "list", "--json").json["items"]
    assert [item["result_rating"] for item in items] == [None, None]


def test_a_file_that_is_not_there_is_named(promptlab: Promptlab) -> None:
    error = promptlab("rate", "--from", "missing.csv", "--json", code=2).error
    assert error["message"] == "missing.csv cannot be read: No such file or directory."
    assert "columns generation and score" in error["hint"]


def test_a_picture_is_no_spreadsheet(promptlab: Promptlab, picture: Path) -> None:
    """What is wrong and what is expected, in words of ours."""
    error = promptlab("rate", "--from", picture, "--json", code=2).error
    assert error["message"] == f"{picture} is no CSV file: it is not text in UTF-8."
    assert error["hint"] == (
        "Expected is a CSV file in UTF-8 with the columns generation and score; rater, note and tags are optional. "
        "Nothing was recorded."
    )
