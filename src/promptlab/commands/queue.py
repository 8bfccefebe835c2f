"""`promptlab queue`: what waits for a rating."""

from typing import Annotated

import typer

from promptlab.commands import completion
from promptlab.commands.options import Cursor, Json, Limit, Rater, VersionOption, runtime_of

Batch = Annotated[
    int | None,
    typer.Option(help="Only generations of this batch.", metavar="ID", autocompletion=completion.batches),
]


def queue(
    context: typer.Context,
    prompt_version: VersionOption = None,
    batch: Batch = None,
    mine: Annotated[
        bool,
        typer.Option(
            "--mine",
            help="What I have not rated, though others may have; fewer than ratings_per_generation, if that is set.",
        ),
    ] = False,
    rater: Rater = None,
    open_: Annotated[bool, typer.Option("--open", help="Not blind: show versions, models and ratings.")] = False,
    limit: Limit = 20,
    cursor: Cursor = None,
    as_json: Json = False,
) -> None:
    """List what nobody has rated yet, without telling which version made it.

    The order is drawn by lot, once for the project. All of a case comes in a row, as `promptlab rate` walks it.

    Example: promptlab queue --mine --limit 5
    """
    from promptlab.output.generations import generation_table, queue_table
    from promptlab.services import reading

    runtime = runtime_of(context)
    mine = mine or rater is not None
    filters = reading.queue_filters(
        runtime.lab,
        reference=prompt_version,
        batch_id=batch,
        rater=(runtime.settings.rater if rater is None else rater) if mine else None,
        ratings_wanted=runtime.settings.ratings_per_generation if mine else None,
    )
    page = reading.queue_page(runtime.lab, filters, blind=not open_, limit=limit, cursor=cursor)
    picture = generation_table if open_ else queue_table
    runtime.output.show_page(
        page.items,
        page.next_cursor,
        lambda console: picture(console, page.items, runtime.link),
        as_json=as_json,
        empty="Nothing waits for a rating.",
    )
    if page.items and not as_json:
        runtime.output.note("`promptlab rate` walks through it, one key a rating.")
