"""`promptlab demo`: the whole tour, offline, in a folder of its own."""

import csv
import os
import random
import shlex
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from itertools import count
from pathlib import Path
from typing import Annotated

import typer

from promptlab.commands.gate import EXIT_CODES
from promptlab.commands.options import Json, runtime_of
from promptlab.errors import Conflict, NotConfigured

_PROMPTS = ("a poster of {{ subject }}", "a poster of {{ subject }} at night, in neon colours")
_SUBJECTS = ("fox", "lighthouse", "tram")
_DRAWS = 2
_SETTINGS = """# Settings of the tour: whatever runs in this folder or below uses them.
home = "data"
project = "default"
provider = "sketch"
database_url = "sqlite:///data/promptlab.db"
storage_url = "{storage}"
"""
_NEXT = """
The tour is over. Everything is in {folder}: delete the folder and all of it is gone.
Go on there: cd {folder}, then for example

  promptlab rate
  promptlab generation show 8
  promptlab generate --prompt-version poster --var subject=owl

With a real provider, outside that folder: export OPENAI_API_KEY=..., then

  promptlab prompt create banner --user "a poster of {{{{ subject }}}}" --provider openai
"""


def demo(
    context: typer.Context,
    folder: Annotated[
        Path, typer.Option("--dir", help="Where the tour works; an earlier one there is put aside.")
    ] = Path("promptlab-demo"),
    as_json: Json = False,
) -> None:
    """Take the whole tour offline: versions, images, ratings of three made-up raters, stats, a verdict.

    Example: promptlab demo --dir /tmp/tour
    """
    output, root = runtime_of(context).output, context.find_root().command
    say = output.note

    def promptlab(*arguments: str, fine: Collection[int] = (0,)) -> None:
        say(f"\n$ promptlab {shlex.join(arguments)}")
        code = root.main(list(arguments), prog_name="promptlab", standalone_mode=False) or 0
        if code not in fine:
            raise typer.Exit(code)

    kept = _make_anew(folder)
    with _only_in(folder), redirect_stdout(StringIO() if as_json else sys.stdout):
        if kept:
            say(f"The bench of the earlier tour is kept in {kept}.")
        say("A tour with the offline provider sketch, which draws simple pictures and costs nothing.")
        for prompt in _PROMPTS:
            promptlab("prompt", "create", "poster", "--user", prompt, "--provider", "sketch")
        promptlab("prompt", "diff", "poster@1", "poster@2")
        for version in (1, 2):
            for subject in _SUBJECTS:
                promptlab(
                    *("generate", "--prompt-version", f"poster@{version}", "--var", f"subject={subject}"),
                    *("--draws", str(_DRAWS), "--seed", "7"),
                )
        promptlab("queue", "--limit", "3")
        say("\nThree made-up raters have filled in ratings.csv.")
        _plant_ratings(Path("ratings.csv"))
        promptlab("rate", "--from", "ratings.csv")
        promptlab("stats")
        promptlab("compare", "poster@1", "poster@2")
        promptlab("gate", "poster@1", "poster@2", fine=EXIT_CODES.values())
        promptlab("report", "-o", "report.html")
    if as_json:
        output.show({"folder": str(folder.absolute())}, lambda _: "", as_json=True)
    say(_NEXT.format(folder=folder))


@contextmanager
def _only_in(folder: Path) -> Iterator[None]:
    """Work in that folder, with none of the person's settings: the tour never touches their data."""
    environment, before = dict(os.environ), Path.cwd()
    for name in environment:
        if name.startswith("PROMPTLAB_"):
            del os.environ[name]
    os.chdir(folder)
    os.environ["PROMPTLAB_HOME"] = str(Path("data").absolute())  # where a config file of the person's own is not
    try:
        yield
    finally:
        os.chdir(before)
        del os.environ["PROMPTLAB_HOME"]
        os.environ.update(environment)


def _make_anew(folder: Path) -> Path | None:
    """Make the tour's folder. What an earlier tour has left there, and what was made since, is kept; return where."""
    settings, data, kept = folder / "promptlab.toml", folder / "data", None
    try:
        if folder.exists() and not settings.is_file() and any(folder.iterdir()):
            raise Conflict(f"{folder} is there already and is no tour's folder.", hint="Choose another with --dir.")
        folder.mkdir(parents=True, exist_ok=True)
        if data.exists():
            kept = next(path for number in count(1) if not (path := folder / f"data-{number}").exists())
            data.rename(kept)
        storage = (data.absolute() / "images").as_uri()
        settings.write_text(_SETTINGS.format(storage=storage), encoding="utf-8")
    except OSError as error:
        raise NotConfigured(f"{folder} cannot be used: {error.strerror}.", hint="Choose another with --dir.") from error
    return kept


def _plant_ratings(path: Path) -> None:
    """Write what three raters of different severity might say: version 2 is liked more, and some items are left."""
    chance = random.Random(7)  # noqa: S311 - the same tour every time
    of_each = len(_SUBJECTS) * _DRAWS
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("generation", "score", "rater", "note"))
        for rater, severity in (("ana", 0), ("ben", -1), ("chi", 0)):
            for generation in range(1, 2 * of_each + 1):
                if chance.random() < 0.8:
                    liked = 3 if generation <= of_each else 4
                    score = min(5, max(1, liked + severity + chance.choice((-1, 0, 0, 1))))
                    writer.writerow((generation, score, rater, ""))
