"""`promptlab compare`: is a version better than another?"""

from typing import Annotated

import typer

from promptlab.commands import completion
from promptlab.commands.options import Json, runtime_of

Baseline = Annotated[
    str,
    typer.Argument(
        help="The version to beat: id, NAME@N, or NAME for its newest.",
        metavar="BASELINE",
        autocompletion=completion.references,
    ),
]


def compare(
    context: typer.Context,
    baseline: Baseline,
    candidates: Annotated[
        list[str],
        typer.Argument(
            help="Versions that may be better.", metavar="CANDIDATE...", autocompletion=completion.references
        ),
    ],
    votes: Annotated[bool, typer.Option("--votes", help="By the votes of pairs instead of ratings.")] = False,
    as_json: Json = False,
) -> None:
    """Say whether a version is better: how often it wins, how far that is known, and how much more would tell.

    What is said holds however often you look. Only cases that the same person has rated on both sides count.

    Example: promptlab compare banner@1 banner@2
    """
    from promptlab.output.comparison import comparison_picture
    from promptlab.output.verdicts import deleted
    from promptlab.services import comparison

    runtime = runtime_of(context)
    with runtime.reading() as (session, project_id):
        view = comparison.compare(session, project_id, baseline, candidates, by_votes=votes)
    runtime.output.show(view, lambda console: comparison_picture(console, view), as_json=as_json)
    for sentence in deleted(view):
        runtime.output.warn(sentence)
