"""`promptlab vote`: which of two is better, without knowing which is which."""

from typing import Annotated

import typer

from promptlab.commands import completion
from promptlab.commands.options import Preview, Rater, runtime_of

Reference = Annotated[
    str,
    typer.Argument(
        help="A version: id, NAME@N, or NAME for its newest.", metavar="REF", autocompletion=completion.references
    ),
]


def vote(
    context: typer.Context, first: Reference, second: Reference, rater: Rater = None, preview: Preview = False
) -> int:
    """Show images of two versions in pairs, blind: both of the same case, sides and order left to chance.

    One key is a vote, kept at once. What you have voted on is not shown again.

    Example: promptlab vote banner@1 banner@2
    """
    from promptlab.commands.sitting import Sitting
    from promptlab.commands.voting_loop import Contest, VotingUse

    runtime = runtime_of(context)
    who = runtime.settings.rater if rater is None else rater
    contest = Contest(first=first, second=second, rater=who, preview=preview)
    return Sitting(runtime, VotingUse(runtime, contest), preview=preview).run()
