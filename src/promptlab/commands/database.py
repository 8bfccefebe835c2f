"""`promptlab db`: the database and its schema."""

import typer

from promptlab.commands.options import Json, runtime_of
from promptlab.runtime import Runtime

app = typer.Typer(name="db", help="The database and its schema.", no_args_is_help=True)


@app.command()
def upgrade(context: typer.Context, as_json: Json = False) -> None:
    """Bring the database to the schema of this version of promptlab. Safe to repeat, and twice at once.

    Example: promptlab db upgrade
    """
    from promptlab.db.migrate import upgrade

    runtime = runtime_of(context)
    with runtime.output.progress("Upgrading the database", 1):
        upgrade(runtime.settings.database)
    _show(runtime, as_json=as_json)


@app.command()
def status(context: typer.Context, as_json: Json = False) -> None:
    """Show which database is used and whether its schema fits.

    Example: promptlab db status
    """
    _show(runtime_of(context), as_json=as_json)


def _show(runtime: Runtime, *, as_json: bool) -> None:
    from promptlab.db.schema import status
    from promptlab.output.tables import details

    view = status(runtime.unchecked_database, runtime.settings.database)
    runtime.output.show(view, lambda _: details((name, str(value)) for name, value in view.items()), as_json=as_json)
