"""`promptlab provider`: which image services are ready."""

import typer

from promptlab.commands.options import Json, runtime_of

app = typer.Typer(name="provider", help="Image providers.", no_args_is_help=True)


@app.command("list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """List image providers: which are ready, and what the others need.

    Example: promptlab provider list
    """
    from promptlab.output.providers import provider_table
    from promptlab.services.provider_views import provider_views

    runtime = runtime_of(context)
    items = provider_views(runtime.settings)
    runtime.output.show_page(items, None, lambda _: provider_table(items), as_json=as_json, empty="")
