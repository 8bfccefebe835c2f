"""The files that a batch leaves for a CI server, if asked: `--junit` and `--summary`."""

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
        """Return them if they can be written; raises InvalidInput, before anything is bought, where they cannot."""
        from promptlab.output.files import require_writable

        if detached and (self.junit or self.summary):
            raise InvalidInput(
                "With --detach there is nothing to write yet: workers make the images later.",
                hint="Once they have, `promptlab batch resume ID` with --junit and --summary writes the files.",
            )
        for path, flag in ((self.junit, "--junit"), (self.summary, "--summary")):
            if path is not None:
                require_writable(path, flag=flag)
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
