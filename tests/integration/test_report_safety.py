"""A report shows whatever people and services wrote as text, and a blind one nothing that tells versions apart."""

import json
import re
from io import BytesIO

import pytest
from PIL import Image, PngImagePlugin
from tests import planted_report
from tests.fixtures import factories
from tests.fixtures.reports import ReportLab
from tests.report_page import ReportPage

from promptlab.db.states import AttemptOutcome, GenerationState
from promptlab.services.report_blind import blinded

HOSTILE = (
    "</script><script>alert(1)</script>",
    "</style><img src=x onerror=alert(2)>",
    '" onmouseover="alert(3)" x=\'',
    "{{ 7 * 7 }}{% raw %}&lt;b&gt;&amp;",
    "<!-- <svg/onload=alert(4)> ]]>",
    "javascript:alert(5)",
)
TURNED = "safe\u202egnp.exe\u2066\u0007\ud800".encode("utf-8", "replace").decode() + "\u202e"
LONG = "word and another " * 6_000
"""100 kB."""


@pytest.fixture
def hostile(small_lab: ReportLab) -> ReportLab:
    """A lab in which every text that somebody can write is hostile."""
    everything = "\n".join((*HOSTILE, TURNED))
    with small_lab.database.transaction() as session:
        batch = factories.batch(session).id
        for place in (0, 1):
            version = factories.version(
                session, name="banner", user_prompt=f"{place} {everything} {LONG}", system_prompt=everything,
                provider=HOSTILE[0], model=HOSTILE[1], parameters={HOSTILE[2]: HOSTILE[0]}, description=everything,
            )  # fmt: skip
            case = factories.case(session, key=HOSTILE[place], variables={HOSTILE[0]: everything, "b": LONG})
            row = factories.generation(session, prompt_version_id=version.id, batch_id=batch, case_id=case.id)
            factories.output(session, row, **planted_report.kept(small_lab.storage, planted_report.poster(0, place)))
            factories.rating(session, row, 3, rater=HOSTILE[0][:40], note=everything + LONG, tags=list(HOSTILE))
            bad = factories.generation(
                session, prompt_version_id=version.id, batch_id=batch, case_id=case.id, draw=2,
                state=GenerationState.FAILED,
            )  # fmt: skip
            factories.attempt(
                session, bad, outcome=AttemptOutcome.FAILED, error_kind=HOSTILE[0], error_message=everything + LONG
            )  # fmt: skip
    return small_lab


def test_whatever_was_written_is_shown_as_text(hostile: ReportLab) -> None:
    """No tag, no attribute and no script comes out of it; long texts are cut where they are no prompt, and say so."""
    page, _ran = hostile.report("--title", HOSTILE[0], "--prompt-version", "banner@1", "--prompt-version", "banner@2")
    assert page.policy_allows_what_is_inside()
    assert len(page.all("script")) == len(page.all("style")) == 1
    assert len(page.all("img")) == 3
    attributes = {name for each in page.elements for name in each.attributes}
    assert not {name for name in attributes if name.startswith("on")}
    assert all(not link.startswith("javascript:") for link in page.links)
    for text in HOSTILE:
        assert " ".join(text.split()) in page.text
    assert page.texts("h1") == [HOSTILE[0]]
    assert "characters)" in page.text


def test_marks_that_turn_the_direction_of_text_are_made_visible(hostile: ReportLab) -> None:
    page, _ran = hostile.report()
    assert "safe\ufffdgnp.exe\ufffd\ufffd" in page.text
    assert not re.search("[\u202a-\u202e\u2066-\u2069\u0000-\u0008]", page.source)


def test_a_blind_report_tells_nothing_that_is_not_in_the_images(small_lab: ReportLab) -> None:
    """No version, model, prompt, score or state; the same page whatever people rated; files are named by content."""
    small_lab.plant(versions=3, cases=8)
    page, ran = small_lab.report("--blind")
    telling = re.compile(r"banner|sketch|poster of|neon|steps|refused|overloaded|version 1|@\d|rating|stars|ana\b|\$")
    assert telling.findall(page.text) == []
    for each in page.elements:
        values = [value or "" for name, value in each.attributes.items() if name not in {"src", "content"}]
        assert [value for value in values if telling.search(value)] == []
    assert all(re.fullmatch(r"images/lab/default/../../[0-9a-f]{64}\.png", link) for link in page.links)
    assert "2.8" not in page.text
    assert {each["label"] for each in ran.json["versions"]} == {"A", "B", "C"}
    assert sorted(each["version"] for each in ran.json["versions"]) == [1, 2, 3]
    before = _without_time(page)
    small_lab.promptlab("rate", "1", "--score", "1", "--rater", "zoe", "--note", "telling")
    assert _without_time(small_lab.report("--blind")[0]) == before


def test_letters_are_drawn_from_the_seed_of_the_project(small_lab: ReportLab) -> None:
    """The same for every report of these versions, and not always in the order of the versions."""
    small_lab.plant(versions=3, cases=2)

    def order(*references: int) -> str:
        named = [word for each in references for word in ("--prompt-version", f"banner@{each}")]
        versions = small_lab.report("--blind", *named)[1].json["versions"]
        return json.dumps([(each["label"], each["version"]) for each in versions])

    assert order(1, 2, 3) == order(3, 1, 2)
    key = [{"prompt_version_id": id_} for id_ in (1, 2, 3)]
    view = {"created_at": "", "generations": 0, "key": key, "cases": []}
    drawn = {json.dumps([each["prompt_version_id"] for each in blinded(view, seed)["key"]]) for seed in range(40)}
    assert len(drawn) == 6


def test_full_images_of_a_blind_report_keep_nothing_of_how_they_were_made(small_lab: ReportLab) -> None:
    """Some services write prompt and model into the file of an image."""
    notes = PngImagePlugin.PngInfo()
    notes.add_text("parameters", "a neon banner, model sdxl")

    def telling(case: int, version: int) -> bytes:
        out = BytesIO()
        Image.open(BytesIO(planted_report.poster(case, version))).save(out, "PNG", pnginfo=notes)
        return out.getvalue()

    small_lab.plant(cases=2, inputs=False, draw=telling)
    assert all(b"sdxl" in data for data in small_lab.report("--full")[0].pictures)
    page, _ran = small_lab.report("--blind", "--full")
    assert page.sizes() == {(512, 640)}
    assert not any(b"sdxl" in data for data in page.pictures)


def _without_time(page: ReportPage) -> str:
    return re.sub(r"\d+ \w+ \d{4}, \d\d:\d\d UTC", "", page.source)
