"""`promptlab doctor`: whether everything around is well, and how to mend what is not."""

from typing import Annotated, Any

import typer

from promptlab.commands.options import Json, runtime_of

_NOT_WELL = 4


def doctor(
    context: typer.Context,
    online: Annotated[bool, typer.Option("--online", help="Ask each provider that is ready.")] = False,
    as_json: Json = False,
) -> int:
    """Look at database, storage, spool, providers and terminal: a tick each, or how to mend it.

    Example: promptlab doctor --online
    """
    from promptlab.output.configuration import checks_table
    from promptlab.services.doctor import examine

    runtime = runtime_of(context)
    with runtime.output.progress("Looking", 1):
        items = [*examine(runtime.surveyed_settings, online=online), _terminal()]
    runtime.output.show_page(items, None, lambda console: checks_table(console, items), as_json=as_json, empty="")
    return _NOT_WELL if any(item["ok"] is False for item in items) else 0


def _terminal() -> dict[str, Any]:
    import sys

    from promptlab.output.preview import can_show_pictures
    from promptlab.output.sink import make_console
    from promptlab.services.doctor import finding

    console = make_console(sys.stdout)
    if not console.is_terminal:
        return finding("terminal", ok=None, message="stdout is no terminal: plain text and whole URLs")
    abilities = (
        f"{console.width} columns",
        f"{console.encoding}",
        "colours" if console.color_system and not console.no_color else "no colours",
        "pictures with --preview" if can_show_pictures(console) else "no pictures",
    )
    return finding("terminal", ok=True, message=", ".join(abilities))
