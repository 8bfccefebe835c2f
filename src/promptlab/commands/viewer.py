"""Opening a link in the viewer that the desktop has for it."""

import typer

from promptlab.output import Output


def open_link(link: str, output: Output) -> None:
    """Open a link; where there is no viewer (over SSH, in a container) say so and go on."""
    try:
        failed = typer.launch(link) != 0
    except OSError:
        failed = True
    if failed:
        output.warn(f"No viewer could be opened here. The link is {link}")
