"""Whatever a file or a variable holds that promptlab reads: a sentence and a code, and nothing half done."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fixtures.command_line import png
from tests.fuzzed_bench import FACTOR, Bench, examples, fill
from tests.fuzzed_words import text

pytestmark = pytest.mark.timeout(0 if FACTOR > 1 else 120)

GENERATE = ("generate", "--json", "--prompt-version", "poster@1", "--var", "subject=fox")
_NAMES = (
    *("home", "project", "rater", "provider", "database_url", "storage_url", "storage_endpoint_url", "storage_region"),
    *("storage_encryption", "storage_kms_key", "storage_allow_http", "link_expiry", "ratings_per_generation"),
    *("models_file", "secrets_dir", "providers", "projct", "api_key"),
)
_OF_PROVIDERS = (
    *("base_url", "allow_http", "timeout", "attempts", "concurrency", "requests_per_minute", "images_per_minute"),
    *("api_key", "odd"),
)
_VALUES = (
    *(
        "folder",
        "missing",
        "prompt.txt",
        "default",
        "ana",
        "sketch",
        "1h",
        "999999999w",
        "true",
        "1",
        "0",
        "-1",
        "1e9",
        "nan",
    ),
    *(
        "sqlite:///other.db",
        "postgresql://127.0.0.1:9/lab",
        "file:///proc/none",
        "http://127.0.0.1:9/v1",
        "http://[",
        "{}",
    ),
    *("AES256", "9" * 40, "n" * 300, "~nobody-here/x", "[", '{"a": 1}', "https://me:pw@127.0.0.1:9/"),
)
_LOOKING = st.sampled_from([
    *(("config", "show"), ("config", "path"), ("queue", "--mine"), ("doctor",), ("provider", "list"), ("db", "status")),
    *(("storage", "url", "1"), ("stats",), ("prompt", "list"), ("rate", "1", "--score", "4")),
    ("generation", "show", "1"),
    *(GENERATE, (*GENERATE, "--dry-run"), ("prompt", "create", "new", "--user", "a fox")),
])  # fmt: skip
_value = st.one_of(st.sampled_from(_VALUES), text())
_variable_value = st.one_of(st.sampled_from([*_VALUES, "\udcff"]), st.text("ab:/@%[]\udcff\n\u202e", max_size=12))


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    bench = Bench(tmp_path_factory.mktemp("bench"))
    fill(bench)
    return bench


@st.composite
def _settings_files(draw: st.DrawFn) -> str:
    """TOML that is mostly well formed: a few settings, and tables of providers."""
    scalar = st.one_of(
        _value.filter(_fits_a_file).map(_quoted), st.sampled_from(["1", "-1", "0.5", "true", "nan", "[1]", "{}"])
    )
    lines = [f"{name} = {draw(scalar)}" for name in draw(st.lists(st.sampled_from(_NAMES), max_size=3, unique=True))]
    for name in draw(st.lists(st.sampled_from(["sketch", "openai", "skech"]), max_size=2, unique=True)):
        lines.append(f"[providers.{name}]")
        keys = draw(st.lists(st.sampled_from(_OF_PROVIDERS), max_size=3, unique=True))
        lines += [f"{key} = {draw(scalar)}" for key in keys]
    return "\n".join([*lines, draw(st.sampled_from([""] * 9 + ["=", "[", "a = 'b", "\x07"]))])


def _quoted(word: str) -> str:
    escaped = "".join(f"\\U{ord(letter):08x}" if ord(letter) < 32 or letter in '"\\\x7f' else letter for letter in word)
    return f'"{escaped}"'


def _fits_a_file(word: str) -> bool:
    return not any("\ud800" <= letter <= "\udfff" for letter in word)


@examples(20)
@given(_settings_files(), _LOOKING)
def test_any_settings_file(lab: Bench, content: str, words: tuple[str, ...]) -> None:
    lab.restore()
    (lab.work / "promptlab.toml").write_text(content, encoding="utf-8")
    lab.checked([*words, "--json"])


@examples(20)
@given(
    st.dictionaries(st.sampled_from([*_NAMES, "sketch_concurrency", "sketch_timeout"]), _variable_value, max_size=2),
    _LOOKING,
)
def test_any_variable(lab: Bench, variables: dict[str, str], words: tuple[str, ...]) -> None:
    lab.restore()
    given = {f"PROMPTLAB_{name.upper()}": value.replace("..", "") for name, value in variables.items()}
    lab.checked([*words, "--json"], environment=_inside(given))


def _inside(variables: dict[str, str]) -> dict[str, str]:
    """Keep folders that a variable names inside the bench, where nothing of the machine is touched."""
    kept = ("PROMPTLAB_HOME", "PROMPTLAB_DATABASE_URL", "PROMPTLAB_STORAGE_URL")
    return {
        name: value.replace("/", "|") if name in kept and value not in _VALUES else value
        for name, value in variables.items()
    }


_cell = st.one_of(
    st.sampled_from(
        ["1", "2", "4", "5", "good", "ana", "fine", "a,b", "99", "9" * 30, "", " ", "٣", "\0", "a\nb", "\u202e"]
    ),
    st.text(st.characters(codec="utf-8"), max_size=8),
)
_row = st.one_of(
    st.tuples(st.sampled_from("1234"), st.sampled_from("12345"), st.sampled_from(["ana", "ben", "cid"]), _cell),
    st.lists(_cell, max_size=6),
)
_header = st.sampled_from(
    ["generation,score,rater,note"] * 6 + ["generation;score;rater;note", "score,generation", "a", "", ","]
)


@examples(20)
@given(_header, st.lists(_row, max_size=5), st.sampled_from(["\n", "\r\n", "\r"]), st.booleans())
def test_any_ratings_file(lab: Bench, header: str, rows: list[list[str]], end: str, quotes: bool) -> None:
    """All of its rows are recorded or none: the means follow, whatever is in it."""
    lab.restore()
    lines = [",".join(f'"{cell}"' if quotes else cell for cell in row) for row in rows]
    (lab.work / "ratings.csv").write_bytes(end.join([header, *lines]).encode())
    ran = lab.checked(["rate", "--json", "--from", "ratings.csv"])
    if ran.code == 0:
        assert len(ran.json["items"]) == ran.json["rated"] + ran.json["unchanged"]
        again = lab.checked(["rate", "--json", "--from", "ratings.csv"])
        assert (again.code, again.json["rated"]) == (0, 0) or _repeats(ran.json["items"])


def _repeats(items: list[dict[str, object]]) -> bool:
    """Say whether one rater speaks twice of one generation, so that the file contradicts itself."""
    said = [(item["generation_id"], item["rater"]) for item in items]
    return len(set(said)) < len(said)


@examples(20)
@given(
    st.one_of(st.binary(max_size=40), st.text(max_size=60).map(lambda text: text.encode("utf-8", "replace"))),
    st.booleans(),
)
def test_any_prompt_file(lab: Bench, content: bytes, raw: bool) -> None:
    """What can be made a version of can be generated with, or says why not."""
    lab.restore()
    (lab.work / "prompt.txt").write_bytes(content)
    create = [
        "prompt",
        "create",
        "--json",
        "odd",
        "--provider",
        "sketch",
        "--user",
        "@prompt.txt",
        "--param",
        "size=64x64",
    ]
    ran = lab.checked([*create, *(["--raw"] if raw else [])])
    assert ran.code in {0, 2}, ran
    if ran.code == 0:
        for words in (["generate", "--json", "--prompt-version", "odd"], ["prompt", "show", "odd"], ["prompt", "list"]):
            assert lab.checked(words).code in {0, 2}
        assert lab.checked(["prompt", "diff", "odd", "poster"]).code == 0


_pieces = st.tuples(st.integers(0, 200), st.binary(max_size=6))


@examples(20)
@given(st.lists(_pieces, max_size=3), st.integers(0, 400), st.sampled_from(["RGB", "RGBA", "L", "P", "1", "I;16"]))
def test_any_input_image(lab: Bench, changes: list[tuple[int, bytes]], length: int, mode: str) -> None:
    """A damaged picture is refused before anything is planned; what is taken ends in an outcome."""
    lab.restore()
    data = bytearray(png(mode=mode) if mode != "I;16" else png(mode="L"))
    for place, piece in changes:
        data[place : place + len(piece)] = piece
    (lab.work / "input.png").write_bytes(data[: length or None])
    assert lab.checked([*GENERATE, "--input", "input.png"]).code in {0, 2, 5}


def test_no_example_left_the_folder(lab: Bench) -> None:
    """The fuzz itself is checked: nothing appeared beside the bench but the home of one who has set it to nothing."""
    expected = {"home", "work", "temporary", "empty", "kept", ".local"}
    assert {path.name for path in Path(lab.work).parent.iterdir()} <= expected
