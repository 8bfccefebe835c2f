"""The JUnit file of a batch: XML that every CI server reads, whatever people and services wrote."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.batch_views import ERROR, batch, generation, image

from promptlab.output.junit import write_junit

TEXTS = st.text(st.characters(codec=None))
"""Any text that Python can hold, lone surrogates among it."""

STATES = ("succeeded", "refused", "failed", "unknown", "planned", "sending", "cancelled")

SCHEMA = {
    "testsuites": ({"testsuite"}, {"name", "time", "tests", "failures", "errors"}),
    "testsuite": (
        {"properties", "testcase", "system-out"}, {"name", "time", "tests", "failures", "errors", "skipped"}
    ),
    "properties": ({"property"}, set()),
    "property": (set(), {"name", "value"}),
    "testcase": ({"skipped", "error", "failure", "system-out"}, {"name", "time", "classname"}),
    "failure": (set(), {"type", "message"}),
    "error": (set(), {"type", "message"}),
    "skipped": (set(), {"message"}),
    "system-out": (set(), set()),
}  # fmt: skip
"""What Jenkins' schema junit-10.xsd allows of what is written here: children and attributes of each element."""


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., ET.Element]:
    """Writes items and parses what was written."""
    path = tmp_path_factory.mktemp("junit") / "junit.xml"

    def write(items: list[dict[str, Any]], **different: Any) -> ET.Element:
        write_junit(path, batch(items, **different), iter(items))
        return ET.fromstring(path.read_text(encoding="utf-8"))

    return write


Written = Callable[..., ET.Element]


def test_every_generation_is_a_test_case(written: Written) -> None:
    """With the version as its class, the case and the draw as its name, seconds, cost and image."""
    [case] = written([generation(12, execution_time=1500)]).iter("testcase")
    assert case.attrib == {"classname": "banner@3", "name": "fox-12, draw 1", "time": "1.500"}
    assert [child.tag for child in case] == ["system-out"]
    assert case.findtext("system-out") == "generation: 12\ncost_usd: 0.04\nimage: s3://bucket/12.png"


@pytest.mark.parametrize(
    ("state", "tag", "type_", "says"),
    [
        ("refused", "failure", "refused", "It broke."),
        ("failed", "error", "server_error", "It broke."),
        ("unknown", "error", "server_error", "may have been billed. It broke."),
        ("planned", "skipped", None, "not sent yet"),
        ("sending", "skipped", None, "in flight"),
        ("cancelled", "skipped", None, "cancelled"),
    ],
)
def test_each_outcome_has_its_element(written: Written, state: str, tag: str, type_: str | None, says: str) -> None:
    """Refused and failed are told apart, and what was not made fails nothing."""
    [case] = written([generation(1, state)]).iter("testcase")
    [told, _said] = case
    assert (told.tag, told.get("type")) == (tag, type_)
    assert says in told.get("message", "")


def test_an_error_tells_what_is_needed_to_look_for_its_cause(written: Written) -> None:
    """In the text: that is what GitLab shows."""
    [error] = written([generation(4, "failed")]).iter("error")
    assert error.text is not None
    assert error.text.splitlines() == [
        "failed",
        "It broke.",
        "kind: server_error",
        "http_status: 500",
        "request_id: req_1",
        "prompt: a poster of a fox",
        "more: promptlab generation show 4",
    ]


def test_the_totals_are_those_of_the_cases(written: Written) -> None:
    """A refused one is a failure, a failed or unknown one an error, the rest that has no images skipped."""
    root = written([generation(number, state) for number, state in enumerate(STATES, start=1)])
    totals = {"tests": "7", "failures": "1", "errors": "2", "time": "192.400"}
    assert root.attrib == {"name": "promptlab", **totals}
    assert root[0].attrib == {"name": "promptlab batch 7", **totals, "skipped": "3"}
    assert {each.get("name"): each.get("value") for each in root.iter("property")} == {
        "id": "7", "state": "done", "cost_usd": "0.04", "unpriced": "0"
    }  # fmt: skip


def test_names_stay_the_same_without_a_key(written: Written) -> None:
    """They tell apart what a server would otherwise take for one test, and hold no id of a generation."""
    items = [
        generation(90, case=None, case_id=5, draw=2),
        generation(91, case=None, case_id=None, draw=1),
        generation(92, case="a\nb", draw=1),
    ]
    assert [case.get("name") for case in written(items).iter("testcase")] == ["case 5, draw 2", "draw 1", "a b, draw 1"]


def test_elements_and_attributes_are_those_that_jenkins_takes(written: Written) -> None:
    root = written([generation(number, state) for number, state in enumerate(STATES, start=1)])
    for element in root.iter():
        children, attributes = SCHEMA[element.tag]
        assert {child.tag for child in element} <= children
        assert set(element.attrib) <= attributes
        assert re.fullmatch(r"\d+\.\d{3}", element.get("time", "0.000"))


@given(text=TEXTS, state=st.sampled_from(STATES))
def test_no_text_of_anybody_breaks_the_file(written: Written, text: str, state: str) -> None:
    """Control characters, lone surrogates, quotes and whole elements of XML are text and nothing more."""
    error = ERROR | {"message": text, "kind": text, "request_id": text}
    item = generation(1, state, case=text, rendered_user_prompt=text, warnings=[text], outputs=[image(text)])
    root = written([item | {"error": item["error"] and error}], errors=[])
    [case] = root.iter("testcase")
    assert [child.tag for child in case][-1] == "system-out"
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202e]", "".join(root.itertext()))


@given(text=st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), min_size=1, max_size=200))
def test_what_can_be_shown_is_shown_as_it_is(written: Written, text: str) -> None:
    [error] = written([generation(1, "failed", error=ERROR | {"message": text})]).iter("error")
    assert error.text is not None
    assert error.text.split("\n")[1] == text


def test_a_long_text_is_cut(written: Written) -> None:
    """Servers refuse large files, and a prompt may have any length."""
    long = generation(1, "failed", rendered_user_prompt="x" * 100_000, error=ERROR | {"message": "y" * 100_000})
    [error] = written([long]).iter("error")
    assert len(ET.tostring(error)) < 6_000


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "junit.xml"
    path.write_text("what was there", encoding="utf-8")
    items = [generation(1), {"state": "succeeded"}]
    with pytest.raises(KeyError):
        write_junit(path, batch(items[:1]), iter(items))
    assert path.read_text(encoding="utf-8") == "what was there"
    assert list(tmp_path.iterdir()) == [path]


def test_ten_thousand_items_are_not_held(tmp_path: Path) -> None:
    """No more of them than one is alive at any time."""
    alive: list[int] = []

    class Item(dict[str, Any]):
        def __del__(self) -> None:
            alive.pop()

    def items() -> Any:
        for number in range(10_000):
            alive.append(number)
            assert len(alive) <= 2
            yield Item(generation(number))

    write_junit(tmp_path / "junit.xml", batch([generation(1)]), items())
    assert (tmp_path / "junit.xml").read_text(encoding="utf-8").count("<testcase ") == 10_000
