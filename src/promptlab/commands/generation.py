"""`promptlab generation`: what became of image requests."""

from typing import Annotated

import typer

from promptlab.commands import completion
from promptlab.commands.options import Cursor, Json, Limit, Preview, Since, Until, VersionOption, Yes, runtime_of
from promptlab.commands.outcome import show_generations, watched
from promptlab.db.states import GenerationState

app = typer.Typer(name="generation", help="Generations: image requests and what became of them.", no_args_is_help=True)

Id = Annotated[int, typer.Argument(help="A generation's id.", metavar="ID", autocompletion=completion.generations)]
Ids = Annotated[
    list[str],
    typer.Argument(
        help="Ids of generations, or ranges: 12-20.", metavar="ID...", autocompletion=completion.generations
    ),
]


@app.command("list")
def list_(
    context: typer.Context,
    state: Annotated[GenerationState | None, typer.Option(help="Only those in this state.")] = None,
    prompt_version: VersionOption = None,
    rating: Annotated[
        str | None,
        typer.Option(help="Rounded rating: 1..5 or its word.", metavar="SCORE", autocompletion=completion.scores),
    ] = None,
    unrated: Annotated[bool, typer.Option("--unrated", help="Only those with images and no rating.")] = False,
    since: Since = None,
    until: Until = None,
    limit: Limit = 20,
    cursor: Cursor = None,
    as_json: Json = False,
) -> None:
    """List generations, newest first.

    Example: promptlab generation list --rating good --since 7d
    """
    from promptlab.db.generations import Filters
    from promptlab.output.generations import generation_table
    from promptlab.services import reading
    from promptlab.services.scores import parse_score
    from promptlab.settings.durations import parse_time

    runtime = runtime_of(context)
    filters = Filters(
        state=state,
        rating=parse_score(rating) if rating is not None else None,
        unrated=unrated,
        since=parse_time(since) if since is not None else None,
        until=parse_time(until) if until is not None else None,
    )
    page = reading.full_page(runtime.lab, filters, reference=prompt_version, limit=limit, cursor=cursor)
    runtime.output.show_page(
        page.items,
        page.next_cursor,
        lambda console: generation_table(console, page.items, runtime.link),
        as_json=as_json,
        empty="There is none."
        if prompt_version or filters != Filters()
        else "There is none. `promptlab generate --prompt-version REF` makes one.",
    )


@app.command()
def show(context: typer.Context, generation_id: Id, preview: Preview = False, as_json: Json = False) -> None:
    """Show everything about one generation.

    Example: promptlab generation show 12 --preview
    """
    from promptlab.output.generations import generation_details
    from promptlab.services import reading

    runtime = runtime_of(context)
    view = reading.detail(runtime.lab, generation_id)
    runtime.output.show(view, lambda console: generation_details(console, view, runtime.link), as_json=as_json)
    if preview and not as_json:
        runtime.output.show_pictures([view], runtime.storage.read)


@app.command("open")
def open_(context: typer.Context, generation_id: Id, as_json: Json = False) -> None:
    """Print the links of a generation's images, and open them in the viewer.

    Example: promptlab generation open 12
    """
    from promptlab.commands.viewer import open_link
    from promptlab.output.generations import link_list
    from promptlab.services import linking

    runtime = runtime_of(context)
    links = linking.links(runtime.lab, generation_id, runtime.settings.link_expiry)
    runtime.output.show_page(links, None, lambda _: link_list(links), as_json=as_json, empty="It has no images.")
    for item in links:
        open_link(item["link"])


@app.command()
def retry(
    context: typer.Context,
    generation_ids: Ids,
    max_cost: Annotated[
        float | None, typer.Option(help="A new limit for their batch, with what it has cost.", metavar="USD")
    ] = None,
    allow_unpriced: Annotated[
        bool, typer.Option("--allow-unpriced", help="With --max-cost: go on where no price is known.")
    ] = False,
    as_json: Json = False,
) -> int:
    """Send failed, refused, unknown or planned generations again: the same row, a new attempt.

    Example: promptlab generation retry 12 15-20
    """
    from promptlab.services import orders
    from promptlab.services.id_ranges import from_ranges

    runtime, ids = runtime_of(context), from_ranges(generation_ids)
    with watched(runtime, "Generating", len(ids)) as progress:
        placed = orders.retry(runtime.lab, ids, progress, max_cost_usd=max_cost, allow_unpriced=allow_unpriced)
    return show_generations(runtime, placed, as_json=as_json)


@app.command()
def delete(context: typer.Context, generation_ids: Ids, yes: Yes = False, as_json: Json = False) -> None:
    """Delete generations with their ratings and attempts, for good. Stored images stay.

    Example: promptlab generation delete 12 --yes
    """
    from promptlab.output.generations import deleted_list
    from promptlab.services import removal
    from promptlab.services.id_ranges import from_ranges

    runtime, ids = runtime_of(context), from_ranges(generation_ids)
    count = "this generation" if len(ids) == 1 else f"{len(ids)} generations"
    runtime.output.confirm(f"Delete {count} with all ratings, for good? Stored images stay.", yes=yes)
    items = removal.delete(runtime.lab, ids)
    runtime.output.show_page(items, None, lambda _: deleted_list(items), as_json=as_json, empty="")
