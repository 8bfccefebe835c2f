"""Words for the values of fuzzed command lines: for each kind those that fit, and those that do not.

Nothing here may lead out of the folder of the test or off loopback: paths are names of files in it, or cannot be made.
"""

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

Words = st.SearchStrategy[str]

_ODD = (
    *(
        "",
        " ",
        "-",
        "--",
        "-1",
        "@",
        "=",
        "a=",
        "=b",
        "\x1b[31mred\x1b[0m",
        "\x07",
        "\u202eevil",
        "\u200b",
        "\ufeff",
        "é",
    ),
    *("\ud800", "\udcff", "e\u0301", "𝕬", "🦊" * 30, "a" * 5_000, "9" * 5_000, "[bold]x[/bold]", "%s %d {0}", "\r\n"),
    *("None", "null", "NaN", "1e309", "0x10", "٣", "--json", "{{", "{% if %}", "'", '"', ";", "$(id)", "*"),
)
_PATHS = (
    *("picture.png", "mask.png", "small.png", "cut.png", "prompt.txt", "latin.txt", "nul.txt", "ratings.csv"),
    *("broken.csv", "folder", "missing", "folder/file/x", "", ".", "~nobody-here/x", "/proc/none/x", "/dev/null"),
    "n" * 300,
)


def text() -> Words:
    """Any text that is no path out of the folder: fuzzed words end up as paths as well."""
    characters = st.characters(exclude_characters="\0")  # which no command line can hold
    free = st.text(characters, max_size=30).map(
        lambda word: word.replace("/", "|").replace("~", "-").replace("..", ". ")
    )
    return st.one_of(st.sampled_from(_ODD), free)


@dataclass(frozen=True)
class Pool:
    """Words for one kind of value: those that fit, and those that do not."""

    good: Words
    odd: Words


def _pool(good: str, *odd: str) -> Pool:
    return Pool(st.sampled_from(good.split(" | ")), st.one_of(st.sampled_from(odd), text()))


_numbers = _pool("1 | 2 | 3 | 5", "0", "-1", "99", "2147483648", "9" * 19, "9" * 40, "1.5")
IDS = _pool("1 | 2 | 3 | 4 | 5", "0", "-1", "6", "99", "2147483648", "9" * 19, "9" * 5_000)
REFERENCES = _pool(
    "poster | poster | poster@1 | poster@2 | banner | 1 | 2 | 4",
    *("poster@3", "paid", "5", "poster@9", "99", "@1", "a@b"),
)
_times = _pool(
    "7d | 12h | 2026-05-01 | 2026-05-01T12:30Z",
    *("0s", "0001-01-01", "9999-12-31", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00+23:59", "999999999w", "٣d", "x"),
)
_durations = _pool("1h | 30min | 90s | 7d", "0s", "999999999w", "999999999d", "1y", "٣d")
_scores = _pool("1 | 2 | 3 | 4 | 5 | good | Excellent |  poor ", "0", "6", "goood")
_cursors = _pool(
    "YWZ0ZXI6MQ | YWZ0ZXI6OTk", "YWZ0ZXI6MQ==", "YWZ0ZXI6", "x", "ÿ", "YWZ0ZXI6MUAx", "YWZ0ZXI6OTk5OTk5OTk5OQ"
)
_names = _pool("poster | banner | new | x.y-z_1", "p" * 100, "p" * 101, "1st", "a/b", "é", "con")
_GOOD_TEMPLATES = "a {{ subject }} | a fox | {{ subject | upper }} | {#ff0000} {{ subject }} | {% if 1 %}a{% endif %}"
_TEMPLATES = (
    *(
        "{{ subject | nofilter }}",
        "{{ subject is notest }}",
        "{{ loop }}",
        "{{ subject.x.y }}",
        "{{ self }}",
        "{% break %}",
    ),
    *(
        '{{ "\\ud800" }}',
        '{{ "\\x00" }}',
        "{% include 'x' %}",
        "{% import 'x' as y %}",
        "{{ 1 / 0 }}",
        "{{ subject() }}",
    ),
    *(
        "{% for a in range(99999999) %}{% endfor %}",
        "{{ lipsum() }}",
        "{{ ''.__class__ }}",
        "(" * 400,
        "{{ 10 ** 10 }}",
    ),
    "{% block a %}{% endblock %}{% block a %}{% endblock %}",
    *(
        "{% set subject = 1 %}{{ subject }}",
        "{{ '%d' % 'x' }}",
        "{% extends subject %}",
        "{{ subject | map('x') | list }}",
    ),
    *("{{ " + "(" * 300 + "1" + ")" * 300 + " }}", "{{ " + "-" * 3_000 + "1 }}", "{% raw %}{{ x }}{% endraw %}"),
    "{% macro m() %}{{ caller() }}{% endmacro %}{{ m() }}",
)
_prompts = Pool(
    st.sampled_from([*_GOOD_TEMPLATES.split(" | "), "@prompt.txt"]),
    st.one_of(st.sampled_from([*_TEMPLATES, "@latin.txt", "@nul.txt", "@folder", "@missing", "@"]), text()),
)
_parameters = _pool(
    "size=64x64 | size=64x65 | size=128x64",
    *("size=9999x1", "size=", "size=null", "size=[1,2]", 'size={"a":1}', "sise=1", 'size="\\ud800"', 'size="\\u0000"'),
    *("size=٦٤x٦٤", "size=1e400", "size=" + "9" * 5_000, "size=" + "[" * 3_000, "model=x"),
    *("size=@", "size=@prompt.txt", "size=@folder", "size=@missing", "size=@~nobody-here/x"),
)
_variables = _pool("subject=fox | subject=owl | subject=🦊", "subject=", "mood=calm", "subject", " subject =x", "a.b=c")
_criteria = _pool("mood=5 | light=good", "mood=9", "=3", "mood", "\u202e=2")
_images = _pool(
    "picture.png | small.png | mask.png",
    *(
        "http://127.0.0.1:9/a.png",
        "https://",
        "http://[",
        "http://127.0.0.1:x/",
        "https://127.0.0.1:9/\n",
        "file:///a%00b",
    ),
    *("file://[", "file:///proc/none", "ftp://127.0.0.1:9/a", *_PATHS),
)
_projects = _pool("default", "other", "..", "a/b", "d" * 101, "é")
_databases = _pool(
    "sqlite:///other.db",
    *("sqlite:///other.db", "sqlite:///folder", "sqlite:///prompt.txt", "sqlite:////proc/none/x.db", "sqlite://", "x"),
    *(
        "sqlite:///:memory:",
        "sqlite:///a%00b",
        "sqlite:///other.db?timeout=x",
        "sqlite:///other.db?timeout=" + "9" * 30,
    ),
    *(
        "postgresql://me@127.0.0.1:9/lab",
        "postgresql://me:pw@127.0.0.1/lab",
        "postgresql://127.0.0.1:x/",
        "mysql://a/b",
    ),
    *("postgresql://127.0.0.1:9/lab?sslmode=odd", "postgresql://127.0.0.1:99999/lab", "sqlite:///" + "n" * 300),
)
_storages = _pool(
    "file:///proc/none",
    *(
        "file:///proc/none",
        "s3://bucket",
        "s3://bucket/a/../b",
        "s3://",
        "ftp://a/b",
        "file://",
        "file:///a%00b",
        "x",
        "s3://[",
    ),
    *("file://127.0.0.1/x", "file:///dev/null", "s3://key:secret@bucket", "S3://Bucket/\u202e"),
)

_BY_METAVAR = {
    "REF": REFERENCES,
    "BASELINE": REFERENCES,
    "CANDIDATE": REFERENCES,
    "CANDIDATE...": REFERENCES,
    "ID|NAME@N": _pool("poster@1 | poster@2 | 1 | 2 | 4", "poster@3", "poster", "3", "99", "@1"),
    "ID": IDS,
    "[ID]": IDS,
    "ID...": IDS,
    "GENERATION_ID": IDS,
    "NAME[@N]": _pool("scenes | scenes@1 | scenes@2", "scenes@9", "scene", "@1", "a@b", "scenes@" + "9" * 30),
    "FILE.csv|.jsonl": _pool(
        "scenes.csv | scenes.jsonl", "odd.jsonl", "odd.csv", "folder/x.csv", "~nobody-here/x.csv", *_PATHS
    ),
    "TIME": _times,
    "SCORE": _scores,
    "KEY=VALUE": _variables,
    "NAME=SCORE": _criteria,
    "TEXT|@FILE": _prompts,
    "FILE|URL": _images,
    "DIR": _pool("saved | folder", *_PATHS),
    "USD": _pool("0 | 1 | 0.5", "-1", "nan", "inf", "1e400", "1e-400"),
}
_BY_NAME = {
    "param": _parameters,
    "var": _variables,
    "score": _scores,
    "cursor": _cursors,
    "limit": _pool("1 | 2 | 20 | 1000", "0", "-1", "1001", "9" * 30),
    "name": _names,
    "provider": _pool("sketch", "openai", "skech", "azure"),
    "model": _pool("sketch-1", "gpt-image-2", "unknown", ""),
    "from_": Pool(
        st.one_of(REFERENCES.good, st.just("ratings.csv")), st.one_of(REFERENCES.odd, st.sampled_from(_PATHS))
    ),
    "margin": _pool("0.1 | 0.25", "0", "0.5", "-1", "nan", "1e-400"),
    "rater": _pool("ana | ben | a b", "r" * 101, "\u202eana"),
    "expires": _durations,
    "seed": _pool("0 | 7", "-1", "9223372036854775807", "9" * 30),
    "count": _pool("1 | 2", "0", "-1", "9999", "9" * 30),
    "draws": _pool("1 | 2 | 3", "0", "-1", "2147483647", "999999999999", "9" * 30),
    "project": _projects,
    "database_url": _databases,
    "storage_url": _storages,
    "folder": _pool(
        "folder", "prompt.txt", "/proc/none/tour", "folder/file/tour", "n" * 300, "~nobody-here/x", "", "."
    ),
}


def pool(parameter: Any) -> Pool:
    """Return the words for a parameter, by its choices, its name, what its help calls it or its type."""
    kind = parameter.type_descriptor
    if kind.choices:
        return Pool(st.sampled_from([str(getattr(choice, "value", choice)) for choice in kind.choices]), text())
    if found := _BY_NAME.get(parameter.name, _BY_METAVAR.get(parameter.metavar or "")):
        return found
    if kind.annotation in {int, float}:
        return _numbers
    return _pool("missing | folder", *_PATHS) if kind.is_path else _pool("one | two words", "é")
