"""The files that a batch leaves for a CI server, if asked: `--junit` and `--summary`."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from promptlab.errors import InvalidInput
from promptlab.runtime import Runtime

FILES: Any = {"rich_help_panel": "Files for continuous integration", "metavar": "FILE"}

Junit = Annotated[Path | None, typer.Option("--junit", help="Write JUnit XML: one test case a generation.", **FILES)]
Summary = Annotated[
    Path | None, typer.Option("--summary", help="Write Markdown, fit for a pull request's comment.", **FILES)
]


@dataclass(frozen=True, kw_only=True)
class Reports:
    """Where to write which, if at all."""

    junit: Path | None
    summary: Path | None

    def checked(self, *, detached: bool) -> "Reports":
        """Return them once there is room for them; raises InvalidInput as `make_room` does."""
        if detached and (self.junit or self.summary):
            raise InvalidInput(
                "With --detach there is nothing to write yet: workers make the images later.",
                hint="Once they have, `promptlab batch resume ID` with --junit and --summary writes the files.",
            )
        make_room(self.junit, self.summary, so_far="Nothing was bought.")
        return self

    def write(self, runtime: Runtime, view: dict[str, Any]) -> None:
        """Write the files about a batch, given as its view with `errors`; raises Unreachable."""
        from promptlab.output.junit import write_junit
        from promptlab.output.summary import write_summary
        from promptlab.services import reading

        if self.junit is not None:
            write_junit(self.junit, view, reading.in_batch(runtime.lab, view["id"]))
        if self.summary is not None:
            write_summary(self.summary, view, reading.in_batch(runtime.lab, view["id"]), runtime.link)


def make_room(junit: Path | None, summary: Path | None, *, so_far: str) -> None:
    """Check that the files can be written, and delete those of an earlier run; `so_far` says what was done until now.

    Raises:
        InvalidInput: they cannot be written; nothing was deleted.
    """
    from promptlab.output.files import require_writable

    asked = [(path, flag) for path, flag in ((junit, "--junit"), (summary, "--summary")) if path is not None]
    for path, flag in asked:
        if str(path) in {".", "-"}:  # an empty word is `.` to a Path
            raise InvalidInput(f"{flag} needs the name of a file; stdout has the answer itself.")
        require_writable(path, flag=flag, so_far=so_far)
    if junit and summary and os.path.realpath(junit) == os.path.realpath(summary):
        raise InvalidInput("--junit and --summary name the same file.", hint="Give each a file of its own.")
    for path, _flag in asked:  # a run that does not come to its end must not leave an earlier one's
        Path(os.path.realpath(path)).unlink(missing_ok=True)
