"""Reading cases out of files: what is written comes back, and anything else ends in a sentence with its row."""

import csv
import json
import re
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from promptlab.errors import InvalidInput
from promptlab.services.case_file import CaseRow, is_file, read
from promptlab.services.rows import in_row, read_csv

pytestmark = pytest.mark.filterwarnings("error")

_RESERVED = {"key", "input", "inputs"}
_KEPT = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
_TEXTS = st.text(_KEPT, max_size=20)
_NAMES = st.from_regex(r"[A-Za-zéß_]\w{0,10}", fullmatch=True).filter(
    lambda name: name.isidentifier() and name.lower() not in _RESERVED
)
_VALUES = st.recursive(
    st.booleans() | st.integers(-(10**30), 10**30) | st.floats(allow_nan=False, allow_infinity=False) | _TEXTS,
    lambda inside: st.lists(inside | st.none(), max_size=3) | st.dictionaries(_TEXTS, inside | st.none(), max_size=3),
    max_leaves=8,
)

in_one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def read_text(folder: Path, name: str, text: str | bytes) -> list[CaseRow]:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read(path).rows


@st.composite
def sheets(draw: st.DrawFn) -> tuple[list[str], list[list[str]]]:
    """Return a header and rows of as many cells; not one of them is empty as a whole."""
    header = draw(st.lists(_NAMES, min_size=1, max_size=4, unique=True))
    row = st.lists(_TEXTS, min_size=len(header), max_size=len(header)).filter(any)
    return header, draw(st.lists(row, min_size=1, max_size=5))


@in_one_folder
@given(sheets(), st.sampled_from(["\n", "\r\n", "\r"]), st.sampled_from([",", ";"]), st.booleans())
@example((["a"], [["\ufeff"]]), "\n", ",", False)
@example((["a"], [["\u2028"], [" "]]), "\n", ";", False)
def test_what_is_written_as_csv_comes_back(
    tmp_path: Path, sheet: tuple[list[str], list[list[str]]], end: str, separator: str, marked: bool
) -> None:
    """Every cell as it stands, whatever ends the lines and parts the cells, and with a mark of its encoding or not."""
    header, rows = sheet
    if separator == ";" and len(header) == 1:
        separator = ","  # with one column nothing shows what parts them
    out = StringIO(newline="")
    writer = csv.writer(out, lineterminator=end, delimiter=separator, quoting=csv.QUOTE_ALL)
    writer.writerows([header, *rows])
    found = read_text(tmp_path, "a.csv", out.getvalue().encode("utf-8-sig" if marked else "utf-8"))
    assert [row.variables for row in found] == [dict(zip(header, row, strict=True)) for row in rows]


@in_one_folder
@given(st.lists(st.dictionaries(_NAMES, _VALUES, max_size=4), min_size=1, max_size=5), st.booleans())
@example([{"a": "\u2028\x85\x0c"}], False)
def test_what_is_written_as_jsonl_comes_back(tmp_path: Path, objects: list[dict[str, Any]], escaped: bool) -> None:
    """Every value as it is in JSON, also with characters in it that other readers take for the end of a line."""
    lines = [json.dumps(each, ensure_ascii=escaped) for each in objects]
    found = read_text(tmp_path, "a.jsonl", "\n".join(lines))
    assert [row.number for row in found] == list(range(1, len(objects) + 1))
    assert [json.dumps(row.variables) for row in found] == [json.dumps(each) for each in objects]


_PARTS = (
    *(
        '"',
        *",;:{}[]a",
        "key",
        "input",
        "inputs",
        '"key"',
        '"a"',
        "é",
        "NaN",
        "null",
        "1e999",
        r'"\ud800"',
        r'"\u0000"',
    ),
    *("\n", "\r", "\0", "\ufeff", " ", "9" * 4_400),
)
ODD = st.one_of(
    st.binary(max_size=60),
    st.text(_KEPT, max_size=60).map(str.encode),
    st.lists(
        st.sampled_from(_PARTS),
        max_size=20,
    ).map(lambda parts: "".join(parts).encode()),
    st.lists(st.dictionaries(st.sampled_from(["key", "Input", "inputs", "a", "b c"]), _VALUES | st.none()), max_size=4)
    .map(lambda objects: "\n".join(map(json.dumps, objects)))
    .map(str.encode),
)


@in_one_folder
@given(st.sampled_from(["a.csv", "a.JSONL"]), ODD)
def test_anything_else_ends_in_a_sentence(tmp_path: Path, name: str, data: bytes) -> None:
    """Never in a traceback; and whatever is taken can be kept: with rows, texts that can be encoded, no NUL."""
    try:
        rows = read_text(tmp_path, name, data)
    except InvalidInput as error:
        assert re.search(r"[Rr]ow \d+|[Ll]ine \d+|holds no cases|is empty|UTF-8|no column|header", error.message), error
        assert error.message.endswith(".")
    else:
        assert rows
        for row in rows:
            kept = json.dumps([row.key, row.variables, row.sources], allow_nan=False, ensure_ascii=False)
            assert "\0" not in str([row.key, row.variables, row.sources])
            kept.encode()


def test_paths_are_seen_from_the_folder_of_the_file(tmp_path: Path) -> None:
    """Addresses, absolute paths and those of somebody's home stay what they are."""
    text = "inputs,n\n a.png ;in/b.png;,1\n/x.png;~/y.png,2\nhttps://x.test/a b.png;file:///a.png,3\n"
    assert [row.sources for row in read_text(tmp_path, "a.csv", text)] == [
        [f"{tmp_path}/a.png", f"{tmp_path}/in/b.png"],
        ["/x.png", "~/y.png"],
        ["https://x.test/a b.png", "file:///a.png"],
    ]


def test_one_input_is_taken_whole(tmp_path: Path) -> None:
    """A path in `input` may hold what parts those in `inputs`; objects have lists, whose parts are whole as well."""
    [row] = read_text(tmp_path, "a.csv", "input,n\na;b.png,1\n")
    assert row.sources == [f"{tmp_path}/a;b.png"]
    [row] = read_text(tmp_path, "a.jsonl", '{"Inputs": [" a;b "], "key": null}')
    assert row.sources == [f"{tmp_path}/a;b"]


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("scenes", False),
        ("scenes@2", False),
        ("scenes.v2", False),
        ("csv", False),
        ("scenes.csv", True),
        ("SCENES.JSONL", True),
        ("./scenes", True),
        ("in\\scenes", True),
    ],
)
def test_a_word_is_a_file_or_a_name(word: str, expected: bool) -> None:
    assert is_file(word) is expected


def test_a_row_is_named_by_the_line_that_it_begins_in(tmp_path: Path) -> None:
    """Where cells hold line ends, and blank lines lie between."""
    rows = read_text(tmp_path, "a.csv", '\n"a"\n\n"x\ny"\r\n""\n z\r\n')
    assert [(row.number, row.variables["a"]) for row in rows] == [(4, "x\ny"), (7, " z")]


def test_an_error_in_a_row_keeps_its_kind_and_its_hint() -> None:
    with pytest.raises(InvalidInput, match=r"^Row 7: It is odd\.$") as caught, in_row(7):
        raise InvalidInput("It is odd.", hint="Mend it.")
    assert caught.value.hint == "Mend it."


def test_semicolons_part_cells_where_the_header_has_no_comma(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(" a ; b \n1,5;2\n")
    table = read_csv(path, expected="")
    assert (table.header, list(table.rows)) == (["a", "b"], [(2, ["1,5", "2"])])
