"""`promptlab provider`: which image services are ready, and whether they answer."""

from typing import Annotated

import typer

from promptlab.commands import completion
from promptlab.commands.options import Json, runtime_of

_NOT_OK = 4

_NONE_LISTED = (
    "No model of it is listed: each is used as it is, at an unknown price.\n"
    "PROMPTLAB_MODELS_FILE names a file that lists yours, with their prices."
)

app = typer.Typer(name="provider", help="Image providers.", no_args_is_help=True)


@app.command("list")
def list_(
    context: typer.Context,
    models: Annotated[bool, typer.Option("--models", help="Their models instead: what each takes and costs.")] = False,
    provider: Annotated[
        str | None, typer.Option(help="Only this one.", metavar="NAME", autocompletion=completion.providers)
    ] = None,
    as_json: Json = False,
) -> None:
    """List image providers: which are ready, and what the others need.

    Example: promptlab provider list --models --provider openai
    """
    from promptlab.output.providers import model_table, provider_table
    from promptlab.services.providers import broken_plug_ins, model_views, provider_views

    runtime = runtime_of(context)
    for sentence in broken_plug_ins(runtime.settings):
        runtime.output.warn(sentence)
    look, picture = (model_views, model_table) if models else (provider_views, provider_table)
    items = look(runtime.settings, provider)
    runtime.output.show_page(items, None, lambda console: picture(console, items), as_json=as_json, empty=_NONE_LISTED)


@app.command()
def check(
    context: typer.Context,
    name: Annotated[
        str | None,
        typer.Argument(help="One provider; else each in use.", metavar="NAME", autocompletion=completion.providers),
    ] = None,
    as_json: Json = False,
) -> int:
    """Ask providers whether the key is taken and the network works; it costs nothing.

    Example: promptlab provider check openai
    """
    from promptlab.output.providers import check_table
    from promptlab.services.providers import check_provider, providers_to_check, survey_provider

    runtime = runtime_of(context)
    names, ask = providers_to_check(runtime.settings, name), check_provider if name else survey_provider
    items = []
    with runtime.output.progress("Asking", len(names)) as advance:
        for each in names:
            items.append(ask(each, runtime.settings))
            advance()
    runtime.output.show_page(items, None, lambda _: check_table(items), as_json=as_json, empty="No provider is in use.")
    return 0 if all(item["ok"] for item in items) else _NOT_OK
