"""`promptlab prompt`: versions of prompts, which never change."""

from typing import Annotated

import typer

from promptlab.commands import completion
from promptlab.commands.options import (
    Cursor,
    Json,
    Limit,
    Parameters,
    Yes,
    parse_parameters,
    runtime_of,
    text_or_file,
)
from promptlab.errors import InvalidInput

app = typer.Typer(name="prompt", help="Versions of prompts: each is immutable.", no_args_is_help=True)

Reference = Annotated[
    str,
    typer.Argument(
        help="A version: id, NAME@N, or NAME for its newest.", metavar="REF", autocompletion=completion.references
    ),
]
Exact = Annotated[
    str,
    typer.Argument(help="One version: its id or NAME@N.", metavar="ID|NAME@N", autocompletion=completion.references),
]


@app.command()
def create(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The prompt's name; an existing one gets its next version.")],
    user: Annotated[str | None, typer.Option(help="The user prompt, a template.", metavar="TEXT|@FILE")] = None,
    system: Annotated[str | None, typer.Option(help="The system prompt.", metavar="TEXT|@FILE")] = None,
    provider: Annotated[
        str | None, typer.Option(help="The image provider: see `provider list`.", autocompletion=completion.providers)
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="The provider's model; else its default.", autocompletion=completion.models)
    ] = None,
    param: Parameters = None,
    description: Annotated[str | None, typer.Option(help="What this version is about.")] = None,
    from_: Annotated[
        str | None,
        typer.Option(
            "--from",
            help="Start from this version; flags change parts of it.",
            metavar="REF",
            autocompletion=completion.references,
        ),
    ] = None,
    raw: Annotated[bool, typer.Option("--raw", help="No template: send the text as it is.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Make a version even if the content is not new.")] = False,
    if_changed: Annotated[bool, typer.Option("--if-changed", help="Take the existing version if it is.")] = False,
    as_json: Json = False,
) -> None:
    """Make a version of a prompt.

    Example: promptlab prompt create banner --user "{{subject}}" --provider sketch
    """
    from promptlab.output.prompts import version_details
    from promptlab.services import authoring, views

    if force and if_changed:
        raise InvalidInput("--force and --if-changed exclude each other.")
    runtime = runtime_of(context)
    wanted = authoring.Wanted(
        name=name,
        user_prompt=text_or_file(user, flag="--user"),
        system_prompt=text_or_file(system, flag="--system"),
        provider=provider,
        model=model,
        parameters=parse_parameters(param),
        description=description,
        start_from=from_,
        raw=raw,
        if_same="make" if force else "reuse" if if_changed else "refuse",
    )
    with runtime.writing(new_project=True) as (session, project_id):
        made = authoring.create(session, project_id, wanted, settings=runtime.settings, providers=runtime.providers)
        view = views.prompt_version(made.version, runtime.settings.project)
    for warning in made.warnings:
        runtime.output.warn(warning)
    runtime.output.show(view, lambda _: version_details(view), as_json=as_json)
    if made.is_new:
        needed = [("--var", name) for name in made.variables] + [("--param", name) for name in made.missing]
        flags = "".join(f" {flag} {name}=..." for flag, name in needed)
        runtime.output.note(f"Next: promptlab generate --prompt-version {view['id']}{flags}")
    else:
        runtime.output.note(f"The content is that of {view['name']}@{view['version']}; nothing new was made.")


@app.command("list")
def list_(
    context: typer.Context,
    name: Annotated[str | None, typer.Option(help="Only versions of this prompt.")] = None,
    deleted: Annotated[bool, typer.Option("--deleted", help="Deleted versions instead.")] = False,
    limit: Limit = 20,
    cursor: Cursor = None,
    as_json: Json = False,
) -> None:
    """List live versions, newest first.

    Example: promptlab prompt list --name banner
    """
    from promptlab.db import prompts
    from promptlab.output.prompts import version_table
    from promptlab.services import views

    runtime = runtime_of(context)
    with runtime.reading() as (session, project_id):
        page = prompts.list_versions(session, project_id, name=name, deleted=deleted, limit=limit, cursor=cursor)
    items = [views.prompt_version(row, runtime.settings.project) for row in page.items]
    runtime.output.show_page(
        items,
        page.next_cursor,
        lambda console: version_table(console, items),
        as_json=as_json,
        empty="No such version is deleted."
        if deleted
        else "There is none. `promptlab prompt create NAME --user TEXT --provider sketch` makes one.",
    )


@app.command()
def show(context: typer.Context, reference: Reference, as_json: Json = False) -> None:
    """Show one version.

    Example: promptlab prompt show banner@2
    """
    from promptlab.db import prompts
    from promptlab.output.prompts import version_details
    from promptlab.services import views

    runtime = runtime_of(context)
    with runtime.reading() as (session, project_id):
        view = views.prompt_version(prompts.get(session, project_id, reference), runtime.settings.project)
    runtime.output.show(view, lambda _: version_details(view), as_json=as_json)


@app.command()
def diff(context: typer.Context, first: Reference, second: Reference, as_json: Json = False) -> None:
    """Show what differs between two versions, word by word.

    Example: promptlab prompt diff banner@1 banner@2
    """
    from promptlab.db import prompts
    from promptlab.output.prompts import diff_picture
    from promptlab.services import views

    runtime = runtime_of(context)
    with runtime.reading() as (session, project_id):
        versions = [prompts.get(session, project_id, reference) for reference in (first, second)]
    view = views.difference(*versions)
    runtime.output.show(view, lambda console: diff_picture(console, view), as_json=as_json)


@app.command()
def edit(context: typer.Context, reference: Reference, as_json: Json = False) -> None:
    """Open a version in $EDITOR and make a new version of what was saved.

    Example: EDITOR=nano promptlab prompt edit banner
    """
    from promptlab.commands.editor import edit_text
    from promptlab.db import prompts
    from promptlab.output.prompts import version_details
    from promptlab.services import authoring, views

    runtime = runtime_of(context)
    with runtime.reading() as (session, project_id):
        version = prompts.get(session, project_id, reference)
    with edit_text(authoring.as_text(version), name=f"{version.name}.txt") as text:
        wanted = authoring.from_text(version, text)
        with runtime.writing() as (session, project_id):
            made = authoring.create(session, project_id, wanted, settings=runtime.settings, providers=runtime.providers)
            view = views.prompt_version(made.version, runtime.settings.project)
    for warning in made.warnings:
        runtime.output.warn(warning)
    runtime.output.show(view, lambda _: version_details(view), as_json=as_json)
    if not made.is_new:
        runtime.output.note("Nothing was changed, so no new version was made.")


@app.command()
def delete(context: typer.Context, reference: Exact, yes: Yes = False, as_json: Json = False) -> None:
    """Delete a version softly: its generations stay, and it can be restored.

    Example: promptlab prompt delete banner@2 --yes
    """
    from promptlab.db import prompts

    runtime = runtime_of(context)
    with runtime.reading() as (session, project_id):
        prompts.get(session, project_id, prompts.require_exact(reference))
    runtime.output.confirm(f"Delete {reference}? (It can be restored.)", yes=yes)
    _set_deleted(context, reference, deleted=True, as_json=as_json)


@app.command()
def restore(context: typer.Context, reference: Exact, as_json: Json = False) -> None:
    """Bring a deleted version back.

    Example: promptlab prompt restore banner@2
    """
    _set_deleted(context, reference, deleted=False, as_json=as_json)


def _set_deleted(context: typer.Context, reference: str, *, deleted: bool, as_json: bool) -> None:
    from promptlab.db import prompts
    from promptlab.output.prompts import version_details
    from promptlab.services import views

    runtime = runtime_of(context)
    with runtime.writing() as (session, project_id):
        version = prompts.get(session, project_id, prompts.require_exact(reference))
        prompts.set_deleted(session, version, deleted=deleted)
        view = views.prompt_version(version, runtime.settings.project)
    runtime.output.show(view, lambda _: version_details(view), as_json=as_json)
