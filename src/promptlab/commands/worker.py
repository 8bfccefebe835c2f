"""`promptlab worker`: take jobs of detached batches."""

from typing import Annotated

import typer

from promptlab.commands import completion
from promptlab.commands.options import runtime_of


def worker(
    context: typer.Context,
    provider: Annotated[
        list[str] | None,
        typer.Option(
            help="Only jobs of this one; repeat for more. Else of all that are set up here.",
            metavar="NAME",
            autocompletion=completion.providers,
        ),
    ] = None,
    concurrency: Annotated[
        int | None, typer.Option(min=1, max=1024, help="How many at once per provider; else as its settings say.")
    ] = None,
    listen: Annotated[
        str | None, typer.Option(help="Answer GET /health and /metrics there.", metavar="HOST:PORT")
    ] = None,
) -> None:
    """Take generations of detached batches, on any number of machines that share a PostgreSQL database.

    SIGTERM or Ctrl-C finishes what is in flight; twice stops at once.

    Example: promptlab worker --provider openai --concurrency 16
    """
    from promptlab.worker.run import work

    work(runtime_of(context), provider or [], concurrency=concurrency, listen=listen)
