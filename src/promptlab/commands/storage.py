"""`promptlab storage`: where images are kept."""

from typing import Annotated

import typer

from promptlab.commands import completion
from promptlab.commands.options import Json, runtime_of

app = typer.Typer(name="storage", help="Where images are kept.", no_args_is_help=True)


@app.command()
def url(
    context: typer.Context,
    generation_id: Annotated[
        int,
        typer.Argument(help="A generation's id.", metavar="GENERATION_ID", autocompletion=completion.generations),
    ],
    expires: Annotated[str | None, typer.Option(help="How long the links work: 30min, 1h, 7d.")] = None,
    as_json: Json = False,
) -> None:
    """Print links to a generation's images: signed and expiring on S3, file links in a folder.

    Example: promptlab storage url 12 --expires 1h
    """
    from promptlab.output.generations import link_list
    from promptlab.services import linking

    runtime = runtime_of(context)
    links = linking.links(runtime.lab, generation_id, expires or runtime.settings.link_expiry)
    runtime.output.show_page(links, None, lambda _: link_list(links), as_json=as_json, empty="It has no images.")
