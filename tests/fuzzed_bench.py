"""Where fuzzed commands run: one lab that is put back before each example, and what every answer must keep to."""

import io
import json
import logging
import os
import shutil
import sqlite3
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any
from unittest import mock

from hypothesis import HealthCheck, settings
from tests.fixtures.command_line import Ran, png

from promptlab.cli import main
from promptlab.db.review_order import ITEM_BITS

FACTOR = int(os.environ.get("PROMPTLAB_TEST_FUZZ", "1"))
"""How many times as many examples as `make test` runs: PROMPTLAB_TEST_FUZZ=50 for a long run."""

CODES = frozenset({0, 2, 3, 4, 5, 6, 7, 8, 10, 11})
"""PRODUCT, section 7, without a bug (1) and Ctrl-C (130): neither may come of words."""

CHANGED_NOTHING = frozenset({2, 3, 4, 8})
_NOWHERE = "http://127.0.0.1:9"
_HELP = frozenset({"--help", "-h", "--version"})


def examples(count: int) -> settings:
    """Return the settings of a fuzz test: so many examples in `make test`, `FACTOR` times as many in a long run."""
    checks = (HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large)
    return settings(max_examples=count * FACTOR, deadline=None, suppress_health_check=checks)


class Bench:
    """A folder to work in with a lab in it, and the command line in this process as `promptlab` would run it."""

    def __init__(self, folder: Path) -> None:
        self.home, self.work, self.temporary = folder / "home", folder / "work", folder / "temporary"
        self._kept = folder / "kept"
        for path in (self.home, self.work, self.temporary, folder / "empty"):
            path.mkdir()
        self._environment = {
            "HOME": str(folder),
            "PROMPTLAB_HOME": str(self.home),
            "PROMPTLAB_RATER": "ana",
            "TERM": "dumb",
            "PATH": str(folder / "empty"),
            "EDITOR": _found("true"),
            "TMPDIR": str(self.temporary),
            "OPENAI_API_KEY": "sk-fuzz",
            "OPENAI_BASE_URL": f"{_NOWHERE}/v1",
            "PROMPTLAB_OPENAI_ATTEMPTS": "1",
            "AWS_ACCESS_KEY_ID": "fuzz",
            "AWS_SECRET_ACCESS_KEY": "fuzz",
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": _NOWHERE,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_MAX_ATTEMPTS": "1",
        }

    def keep(self) -> None:
        """Remember the lab as it is now."""
        shutil.copytree(self.home, self._kept)
        self._kept_contents, self._kept_listing = self.contents(), self._listing()

    def restore(self) -> None:
        """Put the lab back as it was kept, and lay out the files that fuzzed words name."""
        if self.contents() != self._kept_contents:
            shutil.rmtree(self.home)
            shutil.copytree(self._kept, self.home)
        if self._listing() != self._kept_listing:
            shutil.rmtree(self.work)
            lay_out(self.work)
        for path in self.temporary.iterdir():
            shutil.rmtree(path)

    def _listing(self) -> set[Path]:
        return set(self.work.rglob("*"))

    def run(self, arguments: Sequence[str], *, stdin: str = "", environment: Mapping[str, str] | None = None) -> Ran:
        """Run one command the way `promptlab.cli.run` does, in the folder `work`, with nobody at the terminal."""
        out, err = _Written(), _Written()
        before = Path.cwd()
        os.chdir(self.work)
        try:
            with (
                mock.patch.dict(os.environ, {**self._environment, **(environment or {})}),
                mock.patch("tempfile.tempdir", str(self.temporary)),
                mock.patch.object(sys, "stdin", io.StringIO(stdin)),
                redirect_stdout(out),
                redirect_stderr(err),
            ):
                code = main(list(arguments))
        finally:
            os.chdir(before)
            logging.getLogger().handlers.clear()  # --verbose logs to a stream that is gone after the command
            logging.getLogger().setLevel(logging.WARNING)
        return Ran(code, out.text, err.text)

    def checked(
        self, arguments: Sequence[str], *, stdin: str = "", environment: Mapping[str, str] | None = None
    ) -> Ran:
        """Run one command and check every promise that a failing command keeps."""
        before = self.contents()
        ran = self.run(arguments, stdin=stdin, environment=environment)
        told = f"{arguments!r} with {environment} and {stdin!r}:\n{ran.code}\n{ran.out}\n{ran.err}"
        assert "Traceback" not in ran.err, told
        assert ran.code in CODES, told
        if "--json" in arguments and not _HELP.intersection(arguments):
            _check_json(ran, told)
        if ran.code in CHANGED_NOTHING:
            assert self.contents() == before, told
        self._check_leftovers(ran, told)
        return ran

    def contents(self) -> dict[str, list[Any]]:
        """Return every row of every table."""
        file = self.home / "promptlab.db"
        if not file.is_file():
            return {}
        with closing(sqlite3.connect(file)) as connection:
            names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            return {name: sorted(connection.execute(f'SELECT * FROM "{name}"'), key=repr) for name in names}

    def review_in_order_of_ids(self) -> None:
        """Let what there is come up for review in the order of its ids, each a block of its own: a lot has no model."""
        with closing(sqlite3.connect(self.home / "promptlab.db")) as connection, connection:
            connection.execute(f"UPDATE generation SET review_position = id << {ITEM_BITS}")

    def _check_leftovers(self, ran: Ran, told: str) -> None:
        assert not list(self.home.rglob("*.part")), told
        for path in self.temporary.iterdir():
            assert str(path) in ran.err, f"{path} was left and not named: {told}"
        for line in self.contents().get("generation", []):
            assert "sending" not in line, told


class _Written(io.TextIOWrapper):
    """What a command writes to, as `promptlab.cli.run` sets it up: it shows what cannot be encoded as an escape."""

    def __init__(self) -> None:
        self._bytes = io.BytesIO()
        super().__init__(self._bytes, encoding="utf-8", errors="backslashreplace", newline="", write_through=True)

    @property
    def text(self) -> str:
        return self._bytes.getvalue().decode()


def fill(bench: Bench) -> None:
    """Make what fuzzed words speak of: versions, a deleted one, generations of each outcome, ratings."""
    lay_out(bench.work)
    small = ("--param", "size=64x64")
    fox = ("--var", "subject=fox")
    for line in (
        ("prompt", "create", "poster", "--provider", "sketch", "--user", "a poster of {{ subject }}", *small),
        ("prompt", "create", "poster", "--from", "poster", "--system", "be calm", "--description", "calmer"),
        ("prompt", "create", "poster", "--from", "poster", "--user", "a dull {{ subject }}"),
        ("prompt", "create", "banner", "--provider", "sketch", "--user", "{ a {{ fox", "--raw", *small),
        ("prompt", "create", "paid", "--provider", "openai", "--user", "a fox"),
        ("prompt", "delete", "poster@3", "--yes"),
        ("generate", "--prompt-version", "poster@1", *fox, "--draws", "2", "--seed", "7"),
        ("generate", "--prompt-version", "poster@2", *fox, "--input", "picture.png"),
        ("generate", "--prompt-version", "banner", "--count", "2"),
        ("generate", "--prompt-version", "paid"),
        ("cases", "import", "scenes", "scenes.csv"),
        ("rate", "1", "--score", "4", "--note", "fine", "--tag", "light", "--criterion", "mood=5"),
        ("rate", "1", "--score", "2", "--rater", "ben"),
    ):
        ran = bench.run(line)
        assert ran.code in {0, 5}, (line, ran)
    bench.keep()


def lay_out(folder: Path) -> None:
    """Lay out files of every kind that a command may be pointed at."""
    folder.mkdir(exist_ok=True)
    (folder / "folder").mkdir(exist_ok=True)
    (folder / "folder" / "file").write_text("in the way")
    (folder / "picture.png").write_bytes(png())
    (folder / "mask.png").write_bytes(png(mode="RGBA"))
    (folder / "small.png").write_bytes(png((8, 8)))
    (folder / "cut.png").write_bytes(png()[:70])
    (folder / "prompt.txt").write_text("a {{ subject }} from a file\n")
    (folder / "latin.txt").write_bytes(b"caf\xe9")
    (folder / "nul.txt").write_bytes(b"a\0b")
    (folder / "ratings.csv").write_text("generation,score,rater\n1,good,ana\n2,3,ben\n")
    (folder / "scenes.csv").write_text("key,subject,input\nfox,a fox,picture.png\n,an owl,\n")
    (folder / "scenes.jsonl").write_text('{"key": "fox", "subject": "a fox"}\n{"n": [1, 2.5]}\n')
    (folder / "odd.jsonl").write_text('{"subject": "a fox"}\n{"subject": "\\ud800"}\n')
    (folder / "odd.csv").write_text("subject,input\na fox,cut.png\n")
    (folder / "broken.csv").write_text('generation,score\n1,"4\n')


def _check_json(ran: Ran, told: str) -> None:
    if ran.out:
        json.loads(ran.out)
    if ran.code in CHANGED_NOTHING | {7} and not ran.out:
        start = ran.err.rfind('{\n  "error"')
        assert start >= 0, told
        error = json.loads(ran.err[start:])["error"]
        assert set(error) == {"code", "message", "hint"}, told
        assert all((error["code"], error["message"])), told


def _found(program: str) -> str:
    return shutil.which(program) or f"/bin/{program}"
