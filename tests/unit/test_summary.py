"""The summary of a batch: Markdown that holds whatever people and services wrote, and is never too long."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token
from tests.batch_views import ERROR, batch, generation, image

from promptlab.output.summary import MAX_CASES, ROOM, write_summary

TEXTS = st.one_of(
    st.text(st.characters(codec=None)),
    st.text("|`\\<>&*_[]()!#@~:/$\"'-+=.\n\r\t aw1", max_size=60),
)
"""Any text that Python can hold, and those that are made of what means something in Markdown."""


def signed(url: str) -> str:
    """A link as S3 signs it."""
    return url.replace("s3://", "https://s3.example.com/") + "?X-Amz-Signature=ab&X-Amz-Expires=3600"


@pytest.fixture(scope="module")
def summary(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """Writes the summary of items and returns it."""
    path = tmp_path_factory.mktemp("summary") / "summary.md"

    def write(items: Sequence[dict[str, Any]], link: Callable[[str], str] = signed, **different: Any) -> str:
        write_summary(path, batch(items, **different), iter(items), link)
        return path.read_text(encoding="utf-8")

    return write


Summary = Callable[..., str]


def tables(text: str) -> list[list[list[list[Token]]]]:
    """Return the tables of a Markdown text as a real parser sees them: rows of cells of tokens."""
    found: list[list[list[list[Token]]]] = []
    for token in MarkdownIt("commonmark").enable("table").parse(text):
        if token.type == "table_open":
            found.append([])
        elif token.type == "tr_open":
            found[-1].append([])
        elif token.type == "inline" and found and token.level > 2:
            found[-1][-1].append(token.children or [])
    return found


def shown(cell: list[Token]) -> str:
    """Return the text of a cell, its HTML left out."""
    return "".join(token.content for token in cell if token.type in {"text", "text_special"})


def elements(cell: list[Token]) -> list[str]:
    return [token.content for token in cell if token.type == "html_inline"]


@pytest.mark.parametrize(
    ("states", "state", "starts"),
    [
        (["succeeded"], "done", "### ✅ promptlab batch 7: 1 of 1 generation succeeded\n"),
        (["succeeded", "refused"], "done", "### ⚠️ promptlab batch 7: 1 of 2 generations succeeded\n"),
        (["succeeded", "refused", "failed"], "done", "### ❌ promptlab batch 7: 1 of 3"),
        (["succeeded", "unknown"], "done", "### ❌ promptlab batch 7: 1 of 2"),
        (["succeeded", "planned"], "stopped", "### ⏸️ promptlab batch 7: 1 of 2 generations succeeded, stopped by a"),
        (["planned"], "cancelled", "### ⏸️ promptlab batch 7: 0 of 1 generation succeeded, cancelled\n"),
    ],
)
def test_the_first_line_is_the_verdict(summary: Summary, states: list[str], state: str, starts: str) -> None:
    items = [generation(number, each) for number, each in enumerate(states, start=1)]
    assert summary(items, state=state).startswith(starts)


def test_totals_money_and_time_follow(summary: Summary) -> None:
    items = [generation(1), generation(2, "refused"), generation(3, "planned")]
    line = summary(items, state="stopped").splitlines()[2]
    assert line == "1 refused, 1 not made yet, $0.04, 3 min 12 s"
    assert summary(items, unpriced=1).splitlines()[2].endswith("$0.04 and what has no price, 3 min 12 s")
    assert summary(items, cost_usd=None, unpriced=1).splitlines()[2].endswith("cost not known, 3 min 12 s")


def test_each_version_has_a_line(summary: Summary) -> None:
    items = [generation(1), generation(2, "failed", prompt_version_id=4, version=4)]
    versions, _errors, _images = tables(summary(items))
    assert [[shown(cell) for cell in row] for row in versions] == [
        ["version", "succeeded", "failed", "cost"],
        ["banner@3", "1", "0", "$0.04"],
        ["banner@4", "0", "1", "$0"],
    ]


def test_why_there_are_no_images_is_said_with_an_example(summary: Summary) -> None:
    error = ERROR | {"kind": "moderation", "message": "Not *this*.\nNever."}
    _versions, errors = tables(summary([generation(12, "refused", error=error)]))
    assert [shown(cell) for cell in errors[1]] == ["refused", "moderation", "1", "generation 12: Not *this*. Never."]


def test_versions_stand_beside_each_other_for_each_case(summary: Summary) -> None:
    """With pictures behind links, or what became of a generation; draws in their order."""
    items = [
        generation(1, case="fox", draw=2),
        generation(2, case="fox", draw=1),
        generation(3, "failed", case="fox", prompt_version_id=4, version=4),
        generation(4, case="cow", prompt_version_id=4, version=4),
    ]
    images = tables(summary(items))[-1]
    assert [[shown(cell) for cell in row] for row in images] == [
        ["case", "banner@3", "banner@4"],
        ["cow", "", ""],
        ["fox", " ", "failed server_error"],
    ]
    alternatives = [re.findall(r'alt="generation&#32;(\d)"', "".join(elements(cell))) for cell in images[2]]
    assert alternatives == [[], ["2", "1"], []]


def test_a_picture_is_asked_for_at_its_signed_link(summary: Summary) -> None:
    [_case, cell] = tables(summary([generation(1, outputs=[image("a/b")])]))[-1][1]
    [element] = elements(cell)
    source = "https://s3.example.com/bucket/a/b.png?X-Amz-Signature=ab&#38;X-Amz-Expires=3600"
    assert element == f'<img src="{source}" width="240" alt="generation&#32;1">'


def test_a_file_is_shown_as_its_path(summary: Summary, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Seen from the working directory: nobody's browser opens a file of the machine that ran the batch."""
    monkeypatch.chdir(tmp_path)
    urls = [tmp_path.joinpath("images", "a b.png").as_uri(), Path("/else/c.png").as_uri()]
    items = [generation(1, outputs=[{"url": url} for url in urls])]
    [_case, cell] = tables(summary(items, link=lambda url: url))[-1][1]
    assert shown(cell) == "images/a b.png /else/c.png"
    assert set(elements(cell)) == {"<code>", "</code>"}


def test_cases_stand_in_the_order_of_their_names(summary: Summary) -> None:
    """2 before 10, those without a name last, by their number; whatever order they were made in."""
    names = ["fox 10", "fox 2", "009", "10", "8", None]
    items = [generation(number, case=name, case_id=number) for number, name in enumerate(names, start=1)]
    images = tables(summary(items))[-1]
    assert [shown(row[0]) for row in images[1:]] == [
        "8", "009", "10", "fox 2", "fox 10", "case 6: a poster of a fox"
    ]  # fmt: skip


def test_many_cases_are_cut_and_counted(summary: Summary) -> None:
    """The first by name are shown, whatever order they come in."""
    items = [generation(number, case=f"fox {number}") for number in range(300, 0, -1)]
    text = summary(items)
    assert [shown(row[0]) for row in tables(text)[-1][1:]] == [f"fox {number}" for number in range(1, MAX_CASES + 1)]
    assert text.endswith("\n… and 270 more cases.\n")


@given(text=TEXTS)
def test_no_text_of_anybody_is_markdown(summary: Summary, text: str) -> None:
    """The tables keep their shape, and there is no HTML in them but ours."""
    error = ERROR | {"message": text, "kind": text}
    items = [
        generation(1, case=f"a{text}", rendered_user_prompt=text, outputs=[image(text)]),
        generation(2, "failed", case=None, rendered_user_prompt=text, error=error),
        generation(3, "refused", case="z", prompt=text, prompt_version_id=4, version=4, error=error),
    ]
    written = summary(items, link=lambda url: f"https://example.com/{url}")
    versions, errors, images = tables(written)
    assert [len(row) for row in versions] == [5] * 3
    assert [len(row) for row in errors] == [4] * 3
    assert [len(row) for row in images] == [3] * 4
    for cell in (cell for table in (versions, errors, images) for row in table for cell in row):
        assert {token.type for token in cell} <= {"text", "text_special", "html_inline"}
        assert all(re.fullmatch(r'</?code>|<img( \w+="[\w:/.?=%~&#;-]*")+>', each) for each in elements(cell))
    html = MarkdownIt("commonmark").enable("table").render(written)
    assert len(re.findall(r"<(?!/?(?:h3|h4|p|table|thead|tbody|tr|th|td|code|img)\b)", html)) == 0


@given(text=st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=90))
def test_what_can_be_shown_is_shown_as_it_is(summary: Summary, text: str) -> None:
    [name, _images] = tables(summary([generation(1, case=text)]))[-1][1]
    assert shown(name) == text


@pytest.mark.parametrize("versions", [1, 12, 1000])
@pytest.mark.parametrize("text", ["-" * 3000, "狐" * 3000])
def test_it_is_never_too_long_for_a_comment(summary: Summary, versions: int, text: str) -> None:
    """Also with long texts, long links and very many versions: what is left out is counted."""
    items = [
        generation(
            case * versions + version,
            "succeeded" if case % 2 else "failed",
            prompt=text[:100],
            case=f"{case}{text}",
            prompt_version_id=version,
            version=version,
            error=None if case % 2 else ERROR | {"message": text, "kind": f"{version}{text}"},
        )
        for case in range(40 if versions < 100 else 2)
        for version in range(versions)
    ]
    written = summary(items, link=lambda url: f"https://example.com/{'x' * 1500}{url}")
    assert len(written.encode()) < ROOM
    assert "more" in written
    assert all(len({len(row) for row in table}) == 1 for table in tables(written))


def test_a_batch_without_images_has_no_pictures(summary: Summary) -> None:
    assert "Images" not in summary([generation(1, "refused")])
    assert "Images" in summary([generation(1)])
