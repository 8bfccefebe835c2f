"""`promptlab report`: one file that tells all, of whatever versions there are."""

from pathlib import Path
from urllib.parse import unquote

import pytest
from PIL import Image
from sqlmodel import col, select
from tests import planted, planted_report
from tests.fixtures import factories
from tests.fixtures.command_line import Promptlab
from tests.fixtures.reports import ReportLab
from tests.s3_server import S3Bucket

from promptlab.db.models import Generation
from promptlab.db.states import GenerationState

BOTH = ("--prompt-version", "banner@1", "--prompt-version", "banner@2")


def test_a_report_tells_verdict_numbers_prompts_errors_and_every_case(report_lab: ReportLab) -> None:
    report_lab.plant(cases=24)
    page, ran = report_lab.report(*BOTH)
    shown = ran.json
    assert (shown["generations"], shown["cases"], shown["images"]) == (48, 24, 24 + 44)
    assert (shown["path"], shown["bytes"]) == (str(page.path), page.path.stat().st_size)
    assert [each["label"] for each in shown["versions"]] == ["banner@1", "banner@2"]
    compared = report_lab.promptlab("compare", "banner@1", "banner@2").out.splitlines()[0]
    assert page.texts("h3")[0] == compared
    assert compared.startswith("banner@2 is better than banner@1")
    for word in ("wins/ties/losses", "at worst, best", "alpha", "as ratings arrived", "22 of 24", "$0.96", "3.4 s"):
        assert word in page.text
    assert {"at night, in neon", "steps=21"} <= set(page.texts("ins"))
    assert "The request was refused by the safety system." in page.text
    assert "2 generations of banner@1 failed server" in page.text
    assert len(page.all("article", of="case")) == 24
    assert all(f"{planted_report.SUBJECTS[n % 8]}-{n + 1}" in page.texts("h3") for n in range(24))


def test_marks_of_cases_are_those_that_the_comparison_counts(small_lab: ReportLab) -> None:
    """Also of several candidates, each against the baseline."""
    small_lab.plant(versions=3, cases=24)
    page, _ran = small_lab.report()
    candidates = small_lab.promptlab("compare", "banner@1", "banner@2", "banner@3", "--json").json["candidates"]
    for kind, plural in (("win", "wins"), ("tie", "ties"), ("loss", "losses")):
        assert len(page.all("span", of=kind)) == sum(each[plural] for each in candidates)


def test_the_newest_prompt_with_images_is_what_is_told_of_where_none_is_named(small_lab: ReportLab) -> None:
    """Versions of it that are deleted, or have no images, are left out; what is named is told of all the same."""
    small_lab.plant(cases=3)
    with small_lab.database.transaction() as session:
        for _ in range(3):
            row = factories.generation(session, prompt_version_id=factories.version(session, name="card").id)
            factories.output(session, row)
        factories.version(session, name="card")
        factories.version(session, name="later")
    small_lab.promptlab("prompt", "delete", "card@2", "--yes")
    assert [each["label"] for each in small_lab.report()[1].json["versions"]] == ["card@1", "card@3"]
    page, ran = small_lab.report("--prompt-version", "banner@2", "--prompt-version", "card@2")
    assert [each["label"] for each in ran.json["versions"]] == ["banner@2", "card@2"]
    assert "card@2 and banner@2 have no case in common" in page.text


def test_versions_without_cases_stand_side_by_side_by_number(small_lab: ReportLab) -> None:
    """The k-th image of one beside the k-th of the other, as the comparison pairs them; the rest stands behind."""
    with small_lab.database.transaction() as session:
        ids = planted.versions(session, (2.5, 3.5), cases=None, draws=12)
        factories.generation(session, prompt_version_id=ids[1], state=GenerationState.REFUSED)
        rows = list(session.exec(select(Generation).where(col(Generation.state) == GenerationState.SUCCEEDED)))
        planted.rated(session, rows, dict(zip(ids, (2.5, 3.5), strict=True)))
    page, ran = small_lab.report()
    assert ran.json["cases"] == 13
    assert page.texts("h3")[-13:] == [f"No. {number}" for number in range(1, 14)]
    [candidate] = small_lab.promptlab("compare", "banner@1", "banner@2", "--json").json["candidates"]
    assert len(page.all("span", of="win")) == candidate["wins"]
    assert "paired by number" in page.text


def test_one_version_alone_is_a_report_too(small_lab: ReportLab) -> None:
    small_lab.plant(cases=4)
    page, _ran = small_lab.report("--prompt-version", "banner@2", "--title", "What we made")
    assert page.texts("h1") == ["What we made"]
    assert "Is it better?" not in page.text


def test_the_file_loads_nothing_and_holds_all(small_lab: ReportLab) -> None:
    """The policy in it allows only its own style and script; pictures are inside, links lead to files beside it."""
    small_lab.plant(cases=4)
    page, _ran = small_lab.report()
    assert page.policy_allows_what_is_inside()
    assert not page.all("link")
    assert {"src"} == {name for each in page.all("img") for name in each.attributes if name.startswith("src")}
    assert len(page.pictures) == 12
    assert len(page.links) == 12
    assert all((small_lab.folder / unquote(link)).is_file() for link in page.links)


def test_pictures_are_small_unless_full_ones_are_asked_for(small_lab: ReportLab) -> None:
    small_lab.plant(cases=2, inputs=False)
    page, _ran = small_lab.report()
    assert {max(size) for size in page.sizes()} == {512}
    page, _ran = small_lab.report("--full")
    assert page.pictures == [planted_report.poster(case, place) for case in (0, 1) for place in (0, 1)]


def test_images_that_are_gone_or_damaged_have_a_sentence_in_their_place(small_lab: ReportLab) -> None:
    small_lab.plant(cases=3, inputs=False)
    files = sorted(path for path in (small_lab.folder / "images").rglob("*.png"))
    files[0].unlink()
    files[1].write_bytes(b"no image")
    page, ran = small_lab.report()
    assert (ran.json["images"], ran.json["images_missing"]) == (4, 2)
    assert "The image is no longer in the storage." in page.text
    assert "The image cannot be drawn: its file is damaged." in page.text
    assert "2 images could not be read" in ran.err


def test_links_to_a_bucket_are_signed_and_say_until_when(
    small_lab: ReportLab, s3_bucket: S3Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in s3_bucket.environment.items():
        monkeypatch.setenv(name, value)
    small_lab.promptlab("prompt", "create", "banner", "--user", "a fox", "--provider", "sketch")
    small_lab.promptlab("generate", "--prompt-version", "banner", "--draws", "2")
    page, _ran = small_lab.report("--expires", "2d")
    assert len(page.links) == 2
    assert all("X-Amz-Expires=172800" in link for link in page.links)
    assert "Links to full images work until" in page.text
    assert len(page.pictures) == 2


def test_a_small_file_has_smaller_pictures_then_fewer_and_says_so(small_lab: ReportLab) -> None:
    """It never gets larger than was asked for, and no image is left out without a sentence in its place."""

    def noise(case: int, version: int) -> bytes:
        return planted_report.png(Image.effect_noise((640, 640), 90 + case % 7 + version).convert("RGB"))

    small_lab.plant(cases=20, draw=noise)
    page, ran = small_lab.report("--max-size", "2")
    assert ran.json["bytes"] <= 2_000_000
    assert ran.json["images_left_out"] == 0
    [size] = page.sizes()
    assert 160 <= max(size) < 512
    page, ran = small_lab.report("--max-size", "1", "--full")
    left_out = ran.json["images_left_out"]
    assert ran.json["bytes"] <= 1_000_000
    assert left_out == page.text.count("Left out for want of room.") > 0
    assert f"{left_out} images are left out, so that this file is no larger than 1.0 MB." in page.text
    assert f"{left_out} images had to stay out" in ran.err


def test_a_page_of_more_rows_than_fit_says_how_many_are_left_out(small_lab: ReportLab) -> None:
    with small_lab.database.transaction() as session:
        version, batch = factories.version(session).id, factories.batch(session).id
        for number in range(400):
            case = factories.case(session, key=f"{number}", variables={f"v{n}": "x" * 500 for n in range(6)})
            factories.generation(session, prompt_version_id=version, batch_id=batch, case_id=case.id)
    page, ran = small_lab.report("--max-size", "1")
    assert ran.json["bytes"] <= 1_000_000
    assert ran.json["cases"] + ran.json["cases_left_out"] == 400
    assert f"{ran.json['cases_left_out']} more cases are left out for want of room." in page.text


def test_a_file_that_texts_alone_make_too_large_is_warned_of(small_lab: ReportLab) -> None:
    """Prompts are never cut: whoever reads a report reads what was sent."""
    with small_lab.database.transaction() as session:
        version = factories.version(session, user_prompt="word " * 250_000)
        factories.generation(session, prompt_version_id=version.id)
    page, ran = small_lab.report("--max-size", "1")
    assert ran.json["cases_left_out"] == 1
    assert ran.json["bytes"] > 1_000_000
    assert "Its texts alone are larger than --max-size" in ran.err
    assert page.text.count("word ") > 249_000


def test_nothing_is_written_where_nothing_can_be_told(small_lab: ReportLab, promptlab: Promptlab) -> None:
    """The sentence says what to do; a file that was there is left as it was."""
    promptlab("report", "-o", "report.html", code=3)
    assert not Path("report.html").exists()
    small_lab.plant(cases=1)
    kept = small_lab.folder / "kept.html"
    kept.write_text("as it was")
    for arguments, code in (
        ((*BOTH, "--prompt-version", "banner@1"), 2),
        (("--prompt-version", "nothing"), 3),
        (("--expires", "8d"), 2),
        (("--max-size", "0"), 2),
    ):
        promptlab("report", *arguments, "-o", kept, code=code)
    promptlab("report", "-o", small_lab.folder, code=2)
    assert kept.read_text() == "as it was"
    assert not list(small_lab.folder.glob(".promptlab-*"))
