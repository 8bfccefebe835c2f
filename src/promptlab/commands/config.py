"""`promptlab config`: settings, and where each comes from."""

from pathlib import Path

import typer

from promptlab.commands.options import Json, runtime_of

app = typer.Typer(name="config", help="Settings, and where each comes from.", no_args_is_help=True)


@app.command()
def show(context: typer.Context, as_json: Json = False) -> None:
    """Show every setting, its value and where that came from. Keys and passwords are struck out.

    Example: promptlab config show
    """
    from promptlab.output.configuration import settings_table
    from promptlab.services import configuration

    runtime = runtime_of(context)
    items, problems = configuration.shown(runtime.surveyed_settings)
    runtime.output.show_page(items, None, lambda _: settings_table(items), as_json=as_json, empty="")
    for problem in problems:  # `doctor` has all of them
        raise problem


@app.command()
def path(context: typer.Context, as_json: Json = False) -> None:
    """Show which files settings are read from.

    Example: promptlab config path
    """
    from promptlab.output.configuration import path_table
    from promptlab.services import configuration

    items = configuration.paths()
    runtime_of(context).output.show_page(items, None, lambda _: path_table(items), as_json=as_json, empty="")


@app.command()
def init(context: typer.Context, as_json: Json = False) -> None:
    """Write a commented promptlab.toml into this folder.

    Example: promptlab config init
    """
    from promptlab.output.cells import plain
    from promptlab.services import configuration

    view = {"path": str(configuration.write_template(Path()))}
    runtime_of(context).output.show(view, lambda _: plain(f"Wrote {view['path']}."), as_json=as_json)
