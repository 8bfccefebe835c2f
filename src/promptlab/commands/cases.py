"""`promptlab cases`: named lists of fixed inputs, so that versions are compared on the same ones."""

from pathlib import Path
from typing import Annotated

import typer

from promptlab.commands import completion
from promptlab.commands.options import Cursor, Json, Limit, runtime_of

app = typer.Typer(name="cases", help="Case sets: fixed inputs to compare versions on.", no_args_is_help=True)


@app.command("import")
def import_(
    context: typer.Context,
    name: Annotated[
        str,
        typer.Argument(
            help="The case set's name; an existing one gets its next version.",
            autocompletion=completion.case_set_names,
        ),
    ],
    file: Annotated[
        Path, typer.Argument(help="CSV or JSONL. Columns: variables, input, inputs, key.", metavar="FILE.csv|.jsonl")
    ],
    as_json: Json = False,
) -> None:
    """Make a version of a case set from a file: all of its rows or nothing.

    Columns are variables; `key` is what a case is called; `input` is the path or
    URL of an image, `inputs` are several with a semicolon between. Content that
    is the newest version's already makes no new one.

    Example: promptlab cases import faces faces.csv
    """
    from promptlab.output.cases import set_details
    from promptlab.services import case_sets, case_views

    runtime = runtime_of(context)
    with runtime.output.progress(f"Reading {file}", 1):
        made = case_sets.import_file(runtime.lab, name, file)
    view = case_views.imported(made)
    for warning in view["warnings"]:
        runtime.output.warn(warning)
    runtime.output.show(view, lambda _: set_details(view), as_json=as_json)
    if made.is_new:
        runtime.output.note(f"Next: promptlab batch run --prompt-version REF --cases {name}")
    else:
        runtime.output.note(f"The content is that of {name}@{view['version']}; nothing new was made.")


@app.command("list")
def list_(context: typer.Context, limit: Limit = 20, cursor: Cursor = None, as_json: Json = False) -> None:
    """List versions of case sets, newest first.

    Example: promptlab cases list
    """
    from promptlab.db import case_sets
    from promptlab.output.cases import set_table
    from promptlab.services import case_views

    runtime = runtime_of(context)
    with runtime.reading() as (session, project_id):
        page = case_sets.list_sets(session, project_id, limit=limit, cursor=cursor)
    items = [case_views.case_set(row) for row in page.items]
    runtime.output.show_page(
        items,
        page.next_cursor,
        lambda console: set_table(console, items),
        as_json=as_json,
        empty="There is none. `promptlab cases import NAME FILE` makes one.",
    )


@app.command()
def show(
    context: typer.Context,
    case_set: Annotated[
        str,
        typer.Argument(
            help="A case set: NAME for its newest version, or NAME@N.",
            metavar="NAME[@N]",
            autocompletion=completion.case_sets,
        ),
    ],
    limit: Limit = 20,
    cursor: Cursor = None,
    as_json: Json = False,
) -> None:
    """Show the cases of a set, in their order.

    Example: promptlab cases show faces@1
    """
    from promptlab.db import case_sets
    from promptlab.output.cases import item_table
    from promptlab.output.cells import counted
    from promptlab.services import case_views

    runtime = runtime_of(context)
    with runtime.reading() as (session, project_id):
        found = case_sets.get(session, project_id, case_set)
        page = case_views.item_page(session, found, limit=limit, cursor=cursor)
    if not as_json:
        runtime.output.note(f"{found.name}@{found.version}: {counted(found.size, 'case')}")
    runtime.output.show_page(
        page.items,
        page.next_cursor,
        lambda console: item_table(console, page.items, runtime.link),
        as_json=as_json,
        empty="There are no more.",
    )
