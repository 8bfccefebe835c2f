"""`promptlab gate`: may a version replace another? The exit code says it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from promptlab.commands import completion
from promptlab.commands.compare import Baseline
from promptlab.commands.options import Json, runtime_of
from promptlab.commands.reports import FILES, Summary, make_room

if TYPE_CHECKING:
    from promptlab.runtime import Runtime
    from promptlab.services.views import View

EXIT_CODES = {"pass": 0, "worse": 10, "undecided": 11}


def gate(
    context: typer.Context,
    baseline: Baseline,
    candidate: Annotated[
        str,
        typer.Argument(
            help="The version that is to take its place.", metavar="CANDIDATE", autocompletion=completion.references
        ),
    ],
    margin: Annotated[float, typer.Option(help="How far below a tie, of 1, is still good enough.")] = 0.1,
    min_blocks: Annotated[
        int, typer.Option(help="Undecided with fewer cases than this.", metavar="N", show_default=False)
    ] = 0,
    junit: Annotated[Path | None, typer.Option("--junit", help="Write JUnit XML: one test case.", **FILES)] = None,
    summary: Summary = None,
    as_json: Json = False,
) -> int:
    """Say whether a version may replace another: exit code 0 pass, 10 worse, 11 undecided.

    It passes when it surely wins at least 40 of 100 cases, ties split; --margin 0.05 makes that 45. Choose the margin
    before you look: it is kept with the first look, and another one later is told of.

    Example: promptlab gate banner@1 banner@2 --min-blocks 20
    """
    from promptlab.output.comparison import gate_picture
    from promptlab.output.verdicts import changed_terms, deleted
    from promptlab.services import gating

    terms = gating.Terms(margin=margin, min_blocks=min_blocks)
    make_room(junit, summary, so_far="Nothing was done.")
    runtime = runtime_of(context)
    with runtime.reading() as (session, project_id):
        view = gating.gate(session, project_id, baseline, candidate, terms)
    with runtime.writing() as (session, project_id):
        view |= gating.fixed(session, project_id, view, terms)
    if junit is not None or summary is not None:
        _write(runtime, view, junit, summary)
    runtime.output.show(view, lambda console: gate_picture(console, view), as_json=as_json)
    for sentence in [*deleted(view), *changed_terms(view)]:
        runtime.output.warn(sentence)
    return EXIT_CODES[view["verdict"]]


def _write(runtime: "Runtime", view: "View", junit: Path | None, summary: Path | None) -> None:
    from promptlab.output.gate_files import write_gate_junit, write_gate_summary
    from promptlab.services import gating

    if junit is not None:
        write_gate_junit(junit, view)
    if summary is not None:
        with runtime.reading() as (session, project_id):
            items = gating.telling_cases(session, project_id, view)
        write_gate_summary(summary, view, items, runtime.link)
