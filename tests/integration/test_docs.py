"""The documentation is true: every command that it shows is run, page by page and line by line."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from io import StringIO
from pathlib import Path

import pytest
from sqlalchemy import make_url
from tests.documentation import ROOT, Page, pages
from tests.fixtures.command_line import Promptlab
from tests.fixtures.openai import KEY
from tests.loopback import LoopbackService, serving_service
from tests.openai_dialects import AZURE, LOCALAI
from tests.openai_server import OpenAIServer, serving
from tests.pictures import picture
from tests.vendors import vendors

PAGES = {page.name: page for page in pages()}

_SHELL = ("cp", "mv", "ln", "sh")
_FILES = {
    "generation,score,rater,note,tags": "ratings.csv",
    "generation,score,rater,note,tags,likeness": "ratings.csv",
    "key,subject,mood,input": "scenes.csv",
    "subject,mood": "scenes.csv",
    '{"key": "fox", "subject": "a fox", "colours": ["red", "white"], "inputs": ["images/fox.png", "images/owl.png"]}': (
        "scenes.jsonl"
    ),
    "{": "workflow.json",
    "a poster of {{ subject }}": "prompts/banner.txt",
    "key,subject": "cases.csv",
    "[Unit]": "worker.service",
    "services:": "compose.yaml",
}
"""Blocks that are files, by their first line; others name themselves in a comment: `# promptlab.toml`."""

EXCEPTIONS = {
    ("docs/moving-data.md", 'pg_dump --format=custom --no-owner --file=lab.dump "$PROMPTLAB_DATABASE_URL"'): (
        "PostgreSQL's own tool, which need not be installed; the line was tried by hand"
    ),
    ("docs/moving-data.md", 'pg_restore --no-owner --dbname="$NEW_DATABASE_URL" lab.dump'): "likewise",
    ("docs/workers.md", "promptlab worker"): "it never ends; tests/integration/test_worker.py runs it",
}
"""Lines that are not run, and why."""


@dataclass(frozen=True, kw_only=True)
class Bench:
    """Where a page is read: what its `export` lines really set, what is there before, which keys its loops get."""

    exports: Mapping[str, str] = field(default_factory=dict)
    before: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()


Prepare = Callable[[pytest.FixtureRequest, pytest.MonkeyPatch], Bench]


def _nothing(_request: pytest.FixtureRequest, _patch: pytest.MonkeyPatch) -> Bench:
    return Bench()


def _at_openai(request: pytest.FixtureRequest, patch: pytest.MonkeyPatch) -> Bench:
    server: OpenAIServer = request.getfixturevalue("openai_server")
    patch.setenv("OPENAI_BASE_URL", server.base_url)
    return Bench(exports={"OPENAI_API_KEY=...": KEY}, keys=("52q",))


_BUY = (
    'promptlab prompt create banner --user "a poster of {{ subject }}" --provider sketch',
    "promptlab generate --prompt-version banner --var subject=fox --draws 5",
)


def _to_rate(_request: pytest.FixtureRequest, _patch: pytest.MonkeyPatch) -> Bench:
    return Bench(before=_BUY)


def _rating(_request: pytest.FixtureRequest, _patch: pytest.MonkeyPatch) -> Bench:
    return Bench(
        before=_BUY,
        keys=("ntoo dark\n2t dark, cropped\n1us4q", "3q", "s5"),
    )


def _voting(_request: pytest.FixtureRequest, _patch: pytest.MonkeyPatch) -> Bench:
    Path("subjects.csv").write_text("subject\nfox\nowl\n", encoding="utf-8")
    again = 'promptlab prompt create banner --user "a red {{ subject }}" --provider sketch'
    batch = "promptlab batch run --prompt-version banner@1 --prompt-version banner@2 --cases subjects"
    return Bench(before=(_BUY[0], again, "promptlab cases import subjects subjects.csv", batch), keys=("lur",))


def _reporting(request: pytest.FixtureRequest, patch: pytest.MonkeyPatch) -> Bench:
    return replace(_voting(request, patch), keys=())


def _pictures(_request: pytest.FixtureRequest, _patch: pytest.MonkeyPatch) -> Bench:
    Path("images").mkdir()
    for name, colour in (("fox", "red"), ("owl", "brown")):
        Path(f"images/{name}.png").write_bytes(picture(colour).data)
    return Bench()


def _own_servers(request: pytest.FixtureRequest, _patch: pytest.MonkeyPatch) -> Bench:
    local, azure = (request.getfixturevalue(f"{name}_server") for name in ("localai", "azure"))
    return Bench(
        exports={
            "OPENAI_BASE_URL=http://127.0.0.1:8080/v1": local.base_url,
            "AZURE_OPENAI_ENDPOINT=https://my-resource.openai.azure.com": azure.base_url,
            "AZURE_OPENAI_API_KEY=...": KEY,
        }
    )


def _team(request: pytest.FixtureRequest, patch: pytest.MonkeyPatch) -> Bench:
    database = make_url(request.getfixturevalue("empty_postgres_url"))
    bucket = request.getfixturevalue("s3_bucket").environment
    for name in ("PROMPTLAB_STORAGE_ENDPOINT_URL", "AWS_REGION"):
        patch.setenv(name, bucket[name])
    return Bench(
        exports={
            "PROMPTLAB_DATABASE_URL=postgresql://me@db.example.com/promptlab": str(database._replace(password=None)),
            "PGPASSWORD=...": str(database.password or ""),
            "PROMPTLAB_STORAGE_URL=s3://my-bucket/promptlab": f"{bucket['PROMPTLAB_STORAGE_URL']}/promptlab",
            "AWS_ACCESS_KEY_ID=...": bucket["AWS_ACCESS_KEY_ID"],
            "AWS_SECRET_ACCESS_KEY=...": bucket["AWS_SECRET_ACCESS_KEY"],
        }
    )


def _workers(request: pytest.FixtureRequest, patch: pytest.MonkeyPatch) -> Bench:
    Path("cases.csv").write_text("subject\nfox\n", encoding="utf-8")
    return _team(request, patch)


def _own_provider(request: pytest.FixtureRequest, patch: pytest.MonkeyPatch) -> Bench:
    request.getfixturevalue("example_provider")
    patch.setenv("PIXELWORKS_BASE_URL", request.getfixturevalue("pixelworks").base_url)
    return Bench(exports={"PIXELWORKS_API_KEY=...": KEY})


def _lab_in_the_home(_request: pytest.FixtureRequest, patch: pytest.MonkeyPatch) -> Bench:
    Path.home().mkdir()
    return Bench(before=("export PROMPTLAB_HOME=~/lab", *_BUY))


def _ci(_request: pytest.FixtureRequest, patch: pytest.MonkeyPatch) -> Bench:
    patch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    return Bench()


def _ten_cases(request: pytest.FixtureRequest, patch: pytest.MonkeyPatch) -> Bench:
    Path("cases.csv").write_text("\n".join(["subject", *map(str, range(10))]) + "\n", encoding="utf-8")
    prompts = ("a {{ subject }}", "a red {{ subject }}", "a blue {{ subject }}")
    create = (f'promptlab prompt create banner --user "{prompt}" --provider sketch' for prompt in prompts)
    return replace(_ci(request, patch), before=tuple(create), keys=("5" * 15 + "q",))


def _secrets(request: pytest.FixtureRequest, _patch: pytest.MonkeyPatch) -> Bench:
    folder = Path("secrets").absolute()
    folder.mkdir()
    (folder / "OPENAI_API_KEY").write_text(f"{KEY}\n", encoding="utf-8")
    return Bench(exports={"PROMPTLAB_SECRETS_DIR=/run/secrets": str(folder)})


def _vendor(name: str) -> Prepare:
    """Play the vendor of a page on loopback; the variables that its page exports get what is right for that."""

    def prepare(request: pytest.FixtureRequest, patch: pytest.MonkeyPatch) -> Bench:
        service = request.getfixturevalue("serve")(vendors()[name].service)
        (Path.cwd() / "picture.png").write_bytes(picture("red").data)
        shown = {words[1].partition("=")[0]: words[1] for words in _exports(PAGES[f"docs/providers/{name}.md"])}
        variables = vendors()[name].environment(service.base_url)
        for variable in variables.keys() - shown.keys():
            patch.setenv(variable, variables[variable])
        return Bench(exports={shown[variable]: variables[variable] for variable in variables.keys() & shown.keys()})

    return prepare


def _exports(page: Page) -> list[list[str]]:
    return [line.split() for block in page.blocks for line in block if line.startswith("export ")]


BENCHES: dict[str, Prepare] = {
    **{f"docs/providers/{name}.md": _vendor(name) for name in vendors()},
    "README.md": _at_openai,
    "docs/README.md": _nothing,
    "docs/batches.md": _nothing,
    "docs/cases.md": _pictures,
    "docs/ci.md": _ci,
    "docs/ci-gitlab.md": _nothing,
    "docs/configuration.md": _secrets,
    "docs/criteria-and-tags.md": _to_rate,
    "docs/first-experiment.md": _at_openai,
    "docs/moving-data.md": _lab_in_the_home,
    "docs/performance.md": _nothing,
    "docs/postgresql-and-s3.md": _team,
    "docs/rating-with-a-team.md": _rating,
    "docs/troubleshooting.md": _nothing,
    "docs/voting.md": _voting,
    "docs/reports.md": _reporting,
    "docs/which-version-is-better.md": _ten_cases,
    "docs/workers.md": _workers,
    "docs/your-own-provider.md": _own_provider,
    "docs/your-own-server.md": _own_servers,
}


@pytest.fixture
def serve() -> Iterator[Callable[[type[LoopbackService]], LoopbackService]]:
    """A function that serves a vendor's service until the test ends."""
    with ExitStack() as stack:
        yield lambda kind: stack.enter_context(serving_service(kind))


@pytest.fixture
def localai_server() -> Iterator[OpenAIServer]:
    with serving(dialect=LOCALAI) as server:
        yield server


@pytest.fixture
def azure_server() -> Iterator[OpenAIServer]:
    with serving(dialect=AZURE) as server:
        yield server


class Reader:
    """Does what a page says, line by line, and notes what was made use of."""

    def __init__(self, page: str, bench: Bench, promptlab: Promptlab, patch: pytest.MonkeyPatch) -> None:
        self._page = page
        self._exports = dict(bench.exports)
        self._keys = list(bench.keys)
        self._promptlab = promptlab
        self._patch = patch
        self.passed_over: set[str] = set()

    def read(self, lines: list[str]) -> None:
        """Do a block."""
        if name := _file_name(lines[0]):
            Path(name).parent.mkdir(parents=True, exist_ok=True)
            Path(name).write_text("\n".join(lines) + "\n", encoding="utf-8")
            return
        for line in lines:
            self.do(line)

    def do(self, line: str) -> None:
        if not line:
            return
        if (self._page, line) in EXCEPTIONS:
            self.passed_over.add(line)
            return
        words = shlex.split(line, comments=True)
        actions = {"promptlab": self._run, "export": self._export, "make": _check_target, "pip": _check_package}
        action = actions.get(words[0]) or (_shell if words[0] in _SHELL else None)
        assert action is not None, f"{self._page}: nobody knows what to do with this line: {line}"
        action(words[1:] if words[0] in actions else words)

    def unused(self) -> list[str]:
        """Return what was prepared and never asked for."""
        return [*self._exports, *(f"keys {keys!r}" for keys in self._keys)]

    def _run(self, words: list[str]) -> None:
        words, target = (words[:-2], words[-1]) if ">" in words else (words, None)
        if words == ["rate"] or words[:2] == ["rate", "--rater"] or words[:1] == ["vote"]:
            self._patch.setattr("sys.stdin", StringIO(self._keys.pop(0)))
        ran = self._promptlab(*words)
        if target is not None:
            json.loads(ran.out)
            Path(target).write_text(ran.out, encoding="utf-8")

    def _export(self, words: list[str]) -> None:
        for word in words:
            name, _equals, shown = word.partition("=")
            value = self._exports.pop(word, None) or shown
            assert "..." not in value, f"{self._page}: {word} needs a value in its bench"
            self._patch.setenv(name, str(Path(value).expanduser()) if value.startswith("~") else value)


def _file_name(first_line: str) -> str | None:
    named = re.fullmatch(r"# (\S+\.(?:toml|sh|yml))", first_line)
    return named[1] if named else _FILES.get(first_line)


def _check_target(words: list[str]) -> None:
    """Look whether the Makefile has these; what they do has tests of its own."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for word in words:
        assert re.search(rf"^{re.escape(word)}:", makefile, re.MULTILINE), f"make {word}"


def _check_package(words: list[str]) -> None:
    """Look whether the package is there; a page that installs one has it installed in its bench."""
    assert words[0] == "install"
    assert (ROOT / words[1] / "pyproject.toml").is_file(), words[1]


def _shell(words: list[str]) -> None:
    line = " ".join(words)  # the shell's own `~`
    done = subprocess.run(["/bin/sh", "-c", line], check=False, capture_output=True, text=True)
    assert done.returncode == 0, f"{line}: {done.stderr}"


def follow(name: str, request: pytest.FixtureRequest, words: Mapping[str, str] | None = None) -> Reader:
    """Do everything that a page says; `words` are others to read in the place of its own."""
    patch: pytest.MonkeyPatch = request.getfixturevalue("monkeypatch")
    bench = BENCHES[name](request, patch)
    reader = Reader(name, bench, request.getfixturevalue("promptlab"), patch)
    reader.read(list(bench.before) or [""])
    for block in PAGES[name].blocks:
        text = "\n".join(block)
        for shown, meant in (words or {}).items():
            assert shown in PAGES[name].text
            text = text.replace(shown, meant)
        reader.read(text.splitlines() or [""])
    return reader


@pytest.mark.parametrize("name", PAGES)
def test_every_line_of_code_does_what_it_should(name: str, request: pytest.FixtureRequest) -> None:
    """Nothing that was prepared for a page, and no exception, is there in vain."""
    reader = follow(name, request)
    assert reader.unused() == []
    assert reader.passed_over == {line for page, line in EXCEPTIONS if page == name}


def test_no_bench_and_no_exception_is_for_a_page_that_is_gone() -> None:
    assert set(BENCHES) == set(PAGES)
    assert {page for page, _line in EXCEPTIONS} <= set(PAGES)


def test_the_first_experiment_works_offline_as_it_says(request: pytest.FixtureRequest) -> None:
    words = {
        "export OPENAI_API_KEY=...\n": "",
        "provider check openai": "provider check sketch",
        "--provider openai": "--provider sketch",
    }
    follow("docs/first-experiment.md", request, words)


def test_an_unknown_kind_of_line_is_no_line_that_passes(promptlab: Promptlab, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = Reader("README.md", Bench(), promptlab, monkeypatch)
    for line in ("pip install promptlab", "export OPENAI_API_KEY=...", "promptlab fly", "make tea", "cp nothing here"):
        with pytest.raises(AssertionError):
            reader.do(line)
