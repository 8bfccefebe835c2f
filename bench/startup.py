"""How long commands take to start, against what their libraries alone take."""

import os
import tempfile
from pathlib import Path

from bench._measure import medians, python, report

_EMPTY_APP = """
import typer
app = typer.Typer()
@app.command()
def nothing() -> None: ...
app(["--help"])
"""
_COMPLETE = {
    "_PROMPTLAB_COMPLETE": "complete_bash",
    "COMP_WORDS": "promptlab\ngenerate\n--prompt-version\npos",
    "COMP_CWORD": "3",
}


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "PROMPTLAB_HOME": str(Path(home))}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)  # as on most machines: modules are compiled once
        promptlab = ("-m", "promptlab")
        python(
            *promptlab,
            *("prompt", "create", "poster", "--user", "a fox", "--provider", "sketch"),
            environment=environment,
        )()
        python(*promptlab, "generate", "--prompt-version", "1", environment=environment)()
        taken = medians(
            {
                "typer": python("-c", "import typer", environment=environment),
                "complete": python(*promptlab, environment={**environment, **_COMPLETE}),
                "empty": python("-c", _EMPTY_APP, environment=environment),
                "help": python(*promptlab, "--help", environment=environment),
                "sqlmodel": python("-c", "import sqlmodel", environment=environment),
                "queue": python(*promptlab, "queue", environment=environment),
            },
            rounds=15,
        )
    for name, seconds in taken.items():
        print(f"{name}: {seconds * 1000:.0f} ms")
    report("promptlab --help / an empty Typer app", taken["help"] / taken["empty"], 1.5)
    report("a word completed / import typer", taken["complete"] / taken["typer"], 2.0)
    report("promptlab queue / import sqlmodel", taken["queue"] / taken["sqlmodel"], 1.6)


if __name__ == "__main__":
    main()
