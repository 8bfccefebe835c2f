"""`promptlab gate`: three answers with their exit codes, and a margin that the first look has fixed."""

import html
import re
import threading
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlmodel import col, select
from tests import planted
from tests.fixtures import factories
from tests.fixtures.command_line import Promptlab

from promptlab.db.engine import Database
from promptlab.db.models import Generation
from promptlab.db.opinions import FirstLook
from promptlab.services import gating

KEYS = {"verdict", "margin", "theta", "interval", "blocks", "log_e_pass", "log_e_worse", "more_blocks"}
"""The keys that scripts may rely on."""

Plant = Callable[[float, float], None]


@pytest.fixture
def plant(database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Plant:
    """Makes versions 1 and 2 that are worth so many stars, rated by three people on 30 cases, with images."""
    monkeypatch.setenv("PROMPTLAB_DATABASE_URL", database_url)

    def make(first: float, second: float) -> None:
        with database.transaction() as session:
            ids = planted.versions(session, (first, second), cases=30)
            rows = list(session.exec(select(Generation).order_by(col(Generation.id))))
            for row in rows:
                factories.output(session, row, url=f"https://images.example/{row.id}.png")
            planted.rated(session, rows, dict(zip(ids, (first, second), strict=True)))

    return make


@pytest.mark.parametrize(
    ("stars", "verdict", "code"), [((2.5, 3.5), "pass", 0), ((3.5, 2.5), "worse", 10), ((3.2, 2.9), "undecided", 11)]
)
def test_the_exit_code_says_the_verdict(
    plant: Plant, promptlab: Promptlab, stars: tuple[float, float], verdict: str, code: int
) -> None:
    plant(*stars)
    view = promptlab("gate", "banner@1", "banner@2", "--json", code=code).json
    assert set(view) >= KEYS
    assert (view["verdict"], view["margin"], view["blocks"]) == (verdict, 0.1, 30)
    assert promptlab("gate", "1", "2", code=code).out.lower().startswith(verdict)


def test_without_ratings_it_is_undecided_and_says_what_to_do(
    database: Database, database_url: str, promptlab: Promptlab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROMPTLAB_DATABASE_URL", database_url)
    with database.transaction() as session:
        planted.versions(session, (1, 1), cases=2)
        planted.versions(session, (1,), cases=2)
    assert "promptlab rate" in promptlab("gate", "1", "2", code=11).out
    ran = promptlab("gate", "1", "3", "--json", code=11)
    assert (ran.json["theta"], ran.json["paired_by"], ran.json["more_blocks"]) == (None, None, None)
    assert "batch run" in promptlab("gate", "1", "3", code=11).out


def test_fewer_cases_than_wanted_decide_nothing(plant: Plant, promptlab: Promptlab) -> None:
    plant(2.5, 3.5)
    promptlab("gate", "1", "2", "--min-blocks", "30")
    ran = promptlab("gate", "1", "2", "--min-blocks", "40", code=11)
    assert "30 of the 40 cases that --min-blocks asks for are rated." in ran.out
    assert "--min-blocks was 30 and is 40" in ran.err


def test_a_later_look_with_another_margin_says_that_it_changed(plant: Plant, promptlab: Promptlab) -> None:
    """On stderr and in the JSON; the first look stays what it was, and the other direction is another gate."""
    plant(2.5, 3.5)
    first = promptlab("gate", "1", "2", "--margin", "0.2", "--json")
    assert (first.json["changed"], first.json["first_look"]["margin"], first.err) == ([], 0.2, "")
    for _ in range(2):
        later = promptlab("gate", "1", "2", "--json")
        assert (later.json["changed"], later.json["first_look"]["margin"], later.json["margin"]) == (
            ["margin"],
            0.2,
            0.1,
        )
        assert "--margin was 0.2 and is 0.1" in later.err
    assert promptlab("gate", "2", "1", "--json", code=10).json["changed"] == []
    assert promptlab("gate", "1", "2", "--margin", "0.2").err == ""


def test_where_nothing_is_rated_nothing_is_fixed(plant: Plant, promptlab: Promptlab, database: Database) -> None:
    """Nobody has seen anything then, so terms are still free; the first look with a rated case fixes them."""
    plant(2.5, 3.5)
    with database.transaction() as session:
        planted.versions(session, (1.0,), cases=2)
    ran = promptlab("gate", "1", "3", "--margin", "0.2", "--json", code=11)
    assert (ran.json["first_look"], ran.json["changed"], ran.json["blocks"]) == (None, [], 0)
    with database.reading() as session:
        assert session.exec(select(FirstLook)).all() == []
    promptlab("gate", "1", "2", "--margin", "0.1")
    with database.reading() as session:
        assert [look.margin for look in session.exec(select(FirstLook))] == [0.1]


def test_a_number_of_cases_that_was_not_asked_for_was_not_set(plant: Plant, promptlab: Promptlab) -> None:
    plant(2.5, 3.5)
    promptlab("gate", "1", "2")
    assert "--min-blocks was not set and is 20." in promptlab("gate", "1", "2", "--min-blocks", "20").err
    promptlab("gate", "2", "1", "--min-blocks", "20", code=10)
    assert "--min-blocks was 20 and is not set." in promptlab("gate", "2", "1", code=10).err


@pytest.mark.parametrize(("stars", "code"), [((2.5, 3.5), 0), ((3.5, 2.5), 10), ((3.2, 2.9), 11)])
def test_changed_terms_stand_in_the_files_too(
    plant: Plant, promptlab: Promptlab, tmp_path: Path, stars: tuple[float, float], code: int
) -> None:
    """Who sees only what a CI server shows is told of them as well, and of none where none have changed."""
    plant(*stars)
    junit, summary = tmp_path / "junit.xml", tmp_path / "summary.md"
    asked = ("gate", "1", "2", "--junit", junit, "--summary", summary)
    promptlab(*asked, "--min-blocks", "5", code=code)
    assert "first look" not in junit.read_text(encoding="utf-8") + summary.read_text(encoding="utf-8")
    promptlab(*asked, code=code)
    said = "Since the first look at these two, --min-blocks was 5 and is not set."
    [case] = ET.fromstring(junit.read_text(encoding="utf-8")).iter("testcase")
    assert all(said in (child.text or "") for child in case)
    assert said in summary.read_text(encoding="utf-8")


def test_the_interval_that_is_shown_is_the_one_that_the_verdict_stands_on(
    database: Database, database_url: str, promptlab: Promptlab, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It is worse, so the interval ends below 40 wherever it is shown; that of two sides at alpha would not."""
    monkeypatch.setenv("PROMPTLAB_DATABASE_URL", database_url)
    with database.transaction() as session:
        planted.versions(session, (1, 1), cases=28)
        rows = list(session.exec(select(Generation).order_by(col(Generation.id))))
        for place, row in enumerate(rows):
            won = place // 2 < 4
            factories.rating(session, row, 4 if (row.prompt_version_id == 2) == won else 2, rater="ana")
    files = tmp_path / "junit.xml", tmp_path / "summary.md"
    ran = promptlab("gate", "1", "2", "--junit", files[0], "--summary", files[1], code=10)
    low, high = promptlab("gate", "1", "2", "--json", code=10).json["interval"]
    assert low < 4 / 28 < high < 0.4
    for text in (ran.out, *(file.read_text(encoding="utf-8") for file in files)):
        found = re.search(r"\d+ of 100, ties split \D*(\d+) to ([\d.]+)", html.unescape(text))
        assert found is not None
        assert float(found[2]) < 40


def test_of_two_first_looks_at_once_one_is_first(plant: Plant, database: Database) -> None:
    """The other is told so, and neither fails."""
    plant(2.5, 3.5)
    found: list[float] = []
    barrier = threading.Barrier(6)

    def look(margin: float) -> None:
        barrier.wait()
        with database.transaction() as session:
            terms = gating.Terms(margin=margin)
            view = gating.gate(session, 1, "1", "2", terms)
            found.append(gating.fixed(session, 1, view, terms)["first_look"]["margin"])

    threads = [threading.Thread(target=look, args=(number / 20,)) for number in range(1, 7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.reading() as session:
        [kept] = session.exec(select(FirstLook)).all()
    assert found == [kept.margin] * 6


@pytest.mark.parametrize("margin", ["0", "0.5", "-0.1", "nan", "inf", "1"])
def test_a_margin_that_is_none_is_refused(promptlab: Promptlab, margin: str) -> None:
    error = promptlab("gate", "1", "2", "--margin", margin, "--json", code=2).error
    assert "is no margin: it lies above 0 and below 0.5." in error["message"]
    promptlab("gate", "1", "2", "--min-blocks", "-1", code=2)


@pytest.mark.parametrize(
    ("stars", "element", "code"), [((2.5, 3.5), None, 0), ((3.5, 2.5), "failure", 10), ((3.2, 2.9), "skipped", 11)]
)
def test_junit_tells_it_as_one_test(
    plant: Plant, promptlab: Promptlab, tmp_path: Path, stars: tuple[float, float], element: str | None, code: int
) -> None:
    """Worse is a failure; undecided has no answer, which fails nothing by itself."""
    plant(*stars)
    file = tmp_path / "out" / "junit.xml"
    promptlab("gate", "1", "2", "--junit", file, code=code)
    root = ET.fromstring(file.read_text(encoding="utf-8"))
    [case] = root.iter("testcase")
    assert (case.get("classname"), case.get("name")) == ("banner@2", "gate against banner@1")
    assert [child.tag for child in case] == [*filter(None, [element]), "system-out"]
    assert root.get("failures") == str(int(element == "failure"))
    assert "wins/ties/losses" in (case.findtext("system-out") or "")


def test_the_summary_has_verdict_numbers_and_pictures_side_by_side(
    plant: Plant, promptlab: Promptlab, tmp_path: Path
) -> None:
    plant(3.5, 2.5)
    file = tmp_path / "summary.md"
    promptlab("gate", "1", "2", "--summary", file, code=10)
    text = file.read_text(encoding="utf-8")
    assert text.startswith("### ❌ Worse: <code>banner&#64;2</code> does not win at least 40 of 100")
    assert "wins/ties/losses" in text
    rows = [line for line in text.splitlines() if "<img" in line]
    assert 1 <= len(rows) <= 8
    assert all(line.count("<img") == 2 for line in rows)


def test_a_file_that_cannot_be_written_is_told_before_anything_is_done(
    plant: Plant, promptlab: Promptlab, database: Database, tmp_path: Path
) -> None:
    plant(2.5, 3.5)
    error = promptlab("gate", "1", "2", "--junit", tmp_path, "--json", code=2).error
    assert error["hint"] == "Nothing was done. Choose another --junit."
    with database.reading() as session:
        assert session.exec(select(FirstLook)).all() == []


@pytest.mark.parametrize(
    "files", [("--junit", ""), ("--summary", "-"), ("--junit", "x.xml", "--summary", "./x.xml")], ids=" ".join
)
def test_files_that_are_none_or_the_same_are_said(promptlab: Promptlab, files: tuple[str, ...]) -> None:
    message = promptlab("gate", "1", "2", *files, "--json", code=2).error["message"]
    assert "needs the name of a file" in message or "the same file" in message


def test_a_gate_without_a_verdict_leaves_no_files_of_an_earlier_one(
    plant: Plant, promptlab: Promptlab, tmp_path: Path
) -> None:
    """A CI server would show them as the verdict on this version."""
    plant(2.5, 3.5)
    files = ("--junit", tmp_path / "out" / "junit.xml", "--summary", tmp_path / "out" / "summary.md")
    promptlab("gate", "1", "2", *files)
    promptlab("gate", "1", "nobody", *files, code=3)
    assert list((tmp_path / "out").iterdir()) == []


def test_versions_without_cases_have_a_summary_too(
    database: Database,
    database_url: str,
    promptlab: Promptlab,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Paired by number: the images of the pairs that differ most stand side by side."""
    monkeypatch.setenv("PROMPTLAB_DATABASE_URL", database_url)
    with database.transaction() as session:
        ids = planted.versions(session, (2.0, 4.0), cases=None, draws=3)
        rows = list(session.exec(select(Generation).order_by(col(Generation.id))))
        for row in rows:
            factories.output(session, row, url=f"https://images.example/{row.id}.png")
        planted.rated(session, rows, dict(zip(ids, (2.0, 4.0), strict=True)))
    file = tmp_path / "summary.md"
    promptlab("gate", "1", "2", "--summary", file, code=11)
    assert file.read_text(encoding="utf-8").count("<img") == 6
