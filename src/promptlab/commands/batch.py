"""`promptlab batch list`, `show`, `pause` and `cancel`: how far batches have come, and how they are stopped."""

import typer

from promptlab.commands.batch_outcome import show_batch
from promptlab.commands.batch_run import Id, app
from promptlab.commands.options import Cursor, Json, Limit, Yes, runtime_of

__all__ = ["app"]  # begun in batch_run


@app.command("list")
def list_(context: typer.Context, limit: Limit = 20, cursor: Cursor = None, as_json: Json = False) -> None:
    """List batches, newest first; each `generate` made a small one.

    Example: promptlab batch list --limit 5
    """
    from promptlab.output.batches import batch_table
    from promptlab.services import batch_views

    runtime = runtime_of(context)
    page = batch_views.page(runtime.lab, limit=limit, cursor=cursor)
    runtime.output.show_page(
        page.items,
        page.next_cursor,
        lambda console: batch_table(console, page.items),
        as_json=as_json,
        empty="There is none. `promptlab batch run --prompt-version REF` makes one.",
    )


@app.command()
def show(context: typer.Context, batch_id: Id, as_json: Json = False) -> None:
    """Show how far a batch has come, by version, and why something failed.

    Example: promptlab batch show 1
    """
    from promptlab.services import batch_views

    runtime = runtime_of(context)
    show_batch(runtime, batch_views.detail(runtime.lab, batch_id), as_json=as_json)


@app.command()
def pause(context: typer.Context, batch_id: Id, as_json: Json = False) -> None:
    """Send nothing more of a batch, whoever runs it, until it is resumed. What is in flight ends by itself.

    Example: promptlab batch pause 1
    """
    from promptlab.services import batch_states, batch_views

    runtime = runtime_of(context)
    batch_states.pause(runtime.lab, batch_id)
    show_batch(runtime, batch_views.batch(runtime.lab, batch_id), as_json=as_json)


@app.command()
def cancel(context: typer.Context, batch_id: Id, yes: Yes = False, as_json: Json = False) -> None:
    """Give up what is planned of a batch, whoever runs it. What is in flight ends by itself; nothing is deleted.

    Example: promptlab batch cancel 1 --yes
    """
    from promptlab.services import batch_states, batch_views

    runtime = runtime_of(context)
    batch_states.require_alive(runtime.lab, batch_id, "cancel")
    runtime.output.confirm(f"Cancel batch {batch_id}? What is planned of it is not sent then.", yes=yes)
    batch_states.cancel(runtime.lab, batch_id)
    show_batch(runtime, batch_views.batch(runtime.lab, batch_id), as_json=as_json)
