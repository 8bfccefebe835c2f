"""`promptlab cases import | list | show`: all of a file or nothing, and versions only of what is new."""

from pathlib import Path

import pytest
from tests.fixtures.command_line import Promptlab, png
from tests.loopback import LoopbackService, Rejected, Reply, serving_service
from tests.openai_requests import Request

SCENES = 'key,subject,mood,input\nfox,"a fox, in the snow", calm ,in/fox.png\n,an owl,,\nmoon,nobody,,in/fox.png\n'


@pytest.fixture
def scenes(tmp_path: Path) -> Path:
    """A file of three cases; two share an image, which lies beside the file and not where commands are run."""
    (tmp_path / "sets" / "in").mkdir(parents=True)
    (tmp_path / "sets" / "in" / "fox.png").write_bytes(png())
    path = tmp_path / "sets" / "scenes.csv"
    path.write_text(SCENES)
    return path


@pytest.fixture
def ready(promptlab: Promptlab, place: str) -> str:
    """Where everything is kept, with a database that is there."""
    if place != "sqlite and a folder":
        promptlab("db", "upgrade")
    return place


@pytest.mark.usefixtures("ready")
def test_a_file_becomes_a_version_of_a_case_set(promptlab: Promptlab, scenes: Path) -> None:
    """Cells as they stand, images with their addresses, in the order of the file."""
    made = promptlab("cases", "import", "scenes", scenes, "--json").json
    expected = {"id": 1, "name": "scenes", "version": 1, "cases": 3, "created": True, "warnings": []}
    assert made == expected | {"created_at": made["created_at"]}
    items = promptlab("cases", "show", "scenes", "--json").json["items"]
    assert [(item["position"], item["key"], item["variables"]) for item in items] == [
        (1, "fox", {"subject": "a fox, in the snow", "mood": " calm "}),
        (2, None, {"subject": "an owl", "mood": ""}),
        (3, "moon", {"subject": "nobody", "mood": ""}),
    ]
    [image] = items[0]["inputs"]
    assert (image["media_type"], image["width"], image["bytes"], image["role"]) == (
        "image/png",
        64,
        len(png()),
        "input",
    )
    assert [len(item["inputs"]) for item in items] == [1, 0, 1]
    assert items[2]["inputs"][0]["sha256"] == image["sha256"]
    [listed] = promptlab("cases", "list", "--json").json["items"]
    assert listed == {name: made[name] for name in ("id", "name", "version", "cases", "created_at")}


@pytest.mark.usefixtures("ready")
def test_the_same_content_makes_no_new_version(promptlab: Promptlab, scenes: Path) -> None:
    """It is no error, so a script may import each time; what is said goes to stderr."""
    promptlab("cases", "import", "scenes", scenes)
    again = promptlab("cases", "import", "scenes", scenes, "--json")
    assert (again.json["version"], again.json["created"]) == (1, False)
    assert again.err == "The content is that of scenes@1; nothing new was made.\n"
    scenes.write_text(SCENES + "new,a newt,,\n")
    assert promptlab("cases", "import", "scenes", scenes, "--json").json["version"] == 2
    promptlab("cases", "import", "others", scenes)
    listed = promptlab("cases", "list", "--json").json["items"]
    assert [(item["name"], item["version"], item["cases"]) for item in listed] == [
        ("others", 1, 4),
        ("scenes", 2, 4),
        ("scenes", 1, 3),
    ]
    shown = {name: promptlab("cases", "show", name, "--json").json["items"] for name in ("scenes", "scenes@1")}
    assert [len(items) for items in shown.values()] == [4, 3]
    assert shown["scenes@1"] == shown["scenes"][:3]


@pytest.mark.usefixtures("ready")
def test_a_set_is_shown_in_pages(promptlab: Promptlab, tmp_path: Path) -> None:
    """In its own order, whatever the ids of its cases are, and each case once."""
    path = tmp_path / "numbers.jsonl"
    for numbers in (range(7), [*reversed(range(9))]):
        path.write_text("".join(f'{{"n": {n}}}\n' for n in numbers))
        promptlab("cases", "import", "numbers", path)
    page = promptlab("cases", "show", "numbers", "--limit", 4, "--json").json
    seen = [item["variables"]["n"] for item in page["items"]]
    while page["next_cursor"] is not None:
        page = promptlab("cases", "show", "numbers", "--limit", 4, "--cursor", page["next_cursor"], "--json").json
        seen += [item["variables"]["n"] for item in page["items"]]
    assert seen == [*reversed(range(9))]


def files(folder: Path) -> list[Path]:
    return [path for path in (folder / "promptlab" / "images").rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("a.csv", "", "a.csv is empty"),
        ("a.csv", "subject\n", "a.csv holds no cases"),
        ("a.csv", "first name,\nfox,\n", "a.csv has no column that can be used"),
        ("a.csv", "subject,input\nfox,in/fox.png\nowl,in/owl.png\n", "Row 3: {folder}/in/owl.png cannot be read"),
        ("a.csv", "subject,input\nfox,in/cut.png\n", "Row 2: {folder}/in/cut.png cannot be used as an input image"),
        ("a.csv", "subject,input\nfox,ftp://x/a.png\n", "Row 2: ftp://x/a.png is no address"),
        ("a.csv", 'subject,mood\n"a\nfox",calm\nowl\n', "Row 4 has 1 cells, and the header has 2"),
        ("a.csv", "subject,mood\nfox,calm,more\n", "Row 2 has 3 cells, and the header has 2"),
        ("a.csv", "Key,subject\nfox,a\nfox,b\n", "Row 3: The key 'fox' is that of row 2"),
        ("a.csv", "key,subject\na,fox\n\nb,fox\n", "Row 4 holds the same case as row 2"),
        ("a.csv", "input,n\nin/fox.png,1\nin/same.png,1\n", "Row 3 holds the same case as row 2"),
        ("a.csv", "subject,subject\na,b\n", "The header of {folder}/a.csv has 'subject' twice"),
        ("a.csv", "key,KEY\na,b\n", "has 'key' twice"),
        ("a.csv", "input,inputs\na,b\n", "has both 'input' and 'inputs'"),
        ("a.csv", f"key,subject\n{'k' * 201},a\n", "Row 2: A key is a text of 1 to 200 printable characters"),
        ("a.csv", 'subject\na\n"b\n', "line 3 has quotation marks without a partner"),
        ("a.csv", f"subject\n{'x' * 131_073}\n", "line 2 has a cell of more than 131,072 characters"),
        ("a.csv", "subject\na\n\0\n", "line 3 holds a NUL character"),
        ("a.jsonl", '{"a": 1}\n{"a": NaN}\n', "Row 2: NaN is no number in JSON"),
        ("a.jsonl", '{"a": 1}\n\n{"a": [1e999]}\n', "Row 3: 'a' holds a number that is too large"),
        ("a.jsonl", '{"a": 1, "a": 2}\n', "Row 1: 'a' is there twice"),
        ("a.jsonl", '{"a": {"b": 1, "b": 2}}\n', "Row 1: 'b' is there twice"),
        ("a.jsonl", "[1]\n", "Row 1: It is JSON, but no object"),
        ("a.jsonl", '{"a": 1\n', "Row 1: It is no JSON"),
        ("a.jsonl", '{"a": "\\ud800"}\n', "Row 1: 'a' holds half a character"),
        ("a.jsonl", '{"a": {"b\\u0000": 1}}\n', "Row 1: 'a' holds a NUL character"),
        ("a.jsonl", f'{{"a": {"9" * 5_000}}}\n', "Row 1: It holds a number that is too long"),
        ("a.jsonl", f'{{"a": {"[" * 60}{"]" * 60}}}\n', "Row 1: 'a' is nested more than 50 levels deep"),
        ("a.jsonl", "[" * 100_000, "Row 1: It is nested too deeply"),
        ("a.jsonl", f'{{"a": "{"x" * 131_073}"}}\n', "Row 1: 'a' has more than 131,072 characters"),
        ("a.jsonl", '{"key": 7}\n', "Row 1: A key is a text"),
        ("a.jsonl", '{"input": ["in/fox.png"]}\n', "Row 1: `input` is a text"),
        ("a.jsonl", '{"inputs": "in/fox.png"}\n', "Row 1: `input` is a text"),
        ("a.jsonl", '{"inputs": [" "]}\n', "Row 1: An input is empty"),
        ("a.txt", "subject\nfox\n", "a.txt is neither .csv nor .jsonl"),
    ],
)
def test_one_bad_row_rejects_the_whole_file(
    promptlab: Promptlab, scenes: Path, tmp_path: Path, name: str, text: str, says: str
) -> None:
    """Nothing is kept of it, no image either, and the row is named by its line."""
    folder = scenes.parent
    (folder / "in" / "same.png").write_bytes(png())
    (folder / "in" / "cut.png").write_bytes(png()[:60])
    (folder / name).write_text(text)
    error = promptlab("cases", "import", "scenes", folder / name, "--json", code=2).error
    assert says.format(folder=folder) in error["message"]
    assert error["hint"].endswith("Nothing was imported.")
    assert promptlab("cases", "list", "--json").json["items"] == []
    assert files(tmp_path) == []


@pytest.mark.parametrize("name", ["", "1st", "a b", "a@1", "x" * 101, "scenes.csv", "a.JSONL", "a/b"])
def test_a_name_is_one_that_means_no_file(promptlab: Promptlab, scenes: Path, name: str) -> None:
    """The name of a case set is taken where a file is, so it can look like none."""
    assert "is no name for a case set" in promptlab("cases", "import", name, scenes, "--json", code=2).error["message"]


def test_more_than_there_is_room_for(promptlab: Promptlab, tmp_path: Path) -> None:
    path = tmp_path / "many.csv"
    path.write_text("n\n" + "".join(f"{n}\n" for n in range(200_001)))
    error = promptlab("cases", "import", "many", path, "--json", code=2).error
    assert error["message"] == f"{path} holds more than 200,000 cases."
    path.write_bytes(b"n\n" + b" " * 100_000_000)
    error = promptlab("cases", "import", "many", path, "--json", code=2).error
    assert error["message"] == f"{path} holds more than 100,000,000 bytes."


def test_what_cannot_be_a_variable_is_left_out_and_said(promptlab: Promptlab, tmp_path: Path) -> None:
    """Once for the whole file, whatever the names are."""
    path = tmp_path / "a.jsonl"
    path.write_text('{"a": 1, "first name": 2}\n{"a": 2, "first name": 3, "1": null, "\\u001b[31m": 1}\n')
    made = promptlab("cases", "import", "odd", path, "--json")
    [warning] = made.json["warnings"]
    assert warning.startswith("Left out, because no variable can have such a name: 'first name', '1', '\\x1b[31m'. A ")
    assert "Warning: Left out" in made.err
    items = promptlab("cases", "show", "odd", "--json").json["items"]
    assert [item["variables"] for item in items] == [{"a": 1}, {"a": 2}]


class Files(LoopbackService):
    """Serves what is published, and counts how often it was asked for; there is nothing else."""

    name = "files"

    def kind(self, _request: Request) -> str:
        return "other"

    def answer(self, _kind: str, _request: Request, _number: int) -> Reply:
        raise Rejected(Reply(status=404))


def test_an_address_is_asked_once(promptlab: Promptlab, tmp_path: Path) -> None:
    """However many cases name it: what was looked at is what is stored. One that is not there is named with its row."""
    path = tmp_path / "remote.csv"
    with serving_service(Files) as service:
        address = service.publish(png((32, 16)))
        path.write_text(f"n,inputs\n1,{address}\n2,{address};{address}\n")
        promptlab("cases", "import", "remote", path)
        assert len(service.asked("file")) == 1
        path.write_text(f"n,inputs\n1,{address}\n2,{service.base_url}/gone.png\n")
        error = promptlab("cases", "import", "remote", path, "--json", code=2).error
    assert error["message"].startswith(f"Row 3: {service.base_url}/gone.png answers with HTTP 404")
    items = promptlab("cases", "show", "remote", "--json").json["items"]
    assert [[image["width"] for image in item["inputs"]] for item in items] == [[32], [32, 32]]


@pytest.mark.usefixtures("ready")
def test_people_see_tables(promptlab: Promptlab, scenes: Path) -> None:
    made = promptlab("cases", "import", "scenes", scenes)
    assert made.out.startswith("case set  scenes@1 (id 1)\ncases     3\ncreated")
    assert made.err.endswith("Next: promptlab batch run --prompt-version REF --cases scenes\n")
    assert "scenes@1" in promptlab("cases", "list").out
    shown = promptlab("cases", "show", "scenes")
    assert shown.err == "scenes@1: 3 cases\n"
    assert 'mood=" calm " subject="a fox, in the snow"' in shown.out
    assert promptlab("cases", "show", "scene", code=3).err.startswith(
        "Error: There is no case set 'scene'. Did you mean 'scenes'?\n"
    )
