"""The command line: the tree of commands, and the one place where an error becomes a sentence and an exit code."""

import os
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from promptlab import __version__
from promptlab.commands import (
    batch,
    cases,
    compare,
    completion,
    config,
    database,
    demo,
    doctor,
    gate,
    generate,
    generation,
    prompt,
    provider,
    queue,
    rate,
    report,
    rubric,
    stats,
    storage,
    vote,
    worker,
)
from promptlab.commands.bash_words import whole_words
from promptlab.commands.outcome import INTERRUPTED
from promptlab.commands.usage import explain
from promptlab.errors import InvalidInput, PromptlabError
from promptlab.output import Output
from promptlab.runtime import Runtime

_FIRST, _MORE = "Start here", "More"
_NARROW = 70
"""Columns below which Rich's help would cut the names of options; the plain one puts them above their text."""


class _InOrder(TyperGroup):
    """Lists commands in the order in which somebody meets them."""

    def list_commands(self, ctx: Any) -> list[str]:
        order = [_name(command) for command, _panel in _COMMANDS]
        return sorted(super().list_commands(ctx), key=order.index)


app = typer.Typer(
    cls=_InOrder,
    help="A lab bench for people who write prompts for image generators. Each command has --help with an example.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
_COMMANDS: tuple[tuple[typer.Typer | Callable[..., int | None], str], ...] = (
    (prompt.app, _FIRST),
    (generate.generate, _FIRST),
    (cases.app, _MORE),
    (batch.app, _MORE),
    (worker.worker, _MORE),
    (queue.queue, _MORE),
    (rate.rate, _FIRST),
    (rubric.rubric, _MORE),
    (vote.vote, _MORE),
    (stats.stats, _FIRST),
    (compare.compare, _FIRST),
    (gate.gate, _MORE),
    (report.report, _MORE),
    (demo.demo, _FIRST),
    (doctor.doctor, _MORE),
    (generation.app, _MORE),
    (storage.app, _MORE),
    (provider.app, _MORE),
    (database.app, _MORE),
    (config.app, _MORE),
)
"""Every noun and verb, with the panel of the help that it stands in."""


def _name(command: typer.Typer | Callable[..., int | None]) -> str | None:
    return command.info.name if isinstance(command, typer.Typer) else command.__name__


for command, panel in _COMMANDS:
    if isinstance(command, typer.Typer):
        app.add_typer(command, rich_help_panel=panel)
    else:
        app.command(rich_help_panel=panel)(command)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"promptlab {__version__}")
        raise typer.Exit


@app.callback()
def root(
    context: typer.Context,
    project: Annotated[
        str | None, typer.Option(help="The project to work in.", metavar="NAME", autocompletion=completion.projects)
    ] = None,
    database_url: Annotated[
        str | None, typer.Option(help="sqlite:///FILE or postgresql://USER@HOST/NAME, without a password.")
    ] = None,
    storage_url: Annotated[str | None, typer.Option(help="file:///FOLDER or s3://BUCKET/PREFIX.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but data, warnings and errors.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log what goes on underneath.")] = False,
    version: Annotated[  # noqa: ARG001 - its callback has ended the program
        bool, typer.Option("--version", help="Show the version and stop.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    if verbose:
        import logging

        from promptlab.settings.scrub import ScrubbingFormatter

        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(ScrubbingFormatter("%(name)s: %(message)s"))
        logging.basicConfig(level=logging.INFO, handlers=[handler])
    flags = {"project": project, "database_url": database_url, "storage_url": storage_url}
    context.obj = Runtime(flags, Output(quiet=quiet))
    context.call_on_close(context.obj.close)
    context.with_resource(context.obj.naming_places())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code (PRODUCT, section 7); errors become sentences on stderr."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    show = _ErrorOutput(as_json="--json" in given)
    try:
        _check_encoding(given)
        app.rich_markup_mode = "rich" if shutil.get_terminal_size().columns >= _NARROW else None
        command = typer.main.get_command(app)
        if completion.is_wanted():
            completion.take_words_as_they_are(command)
        with whole_words():
            return int(command.main(given, prog_name="promptlab", standalone_mode=False) or 0)
    except PromptlabError as error:
        show.error(error.message, error.code, error.hint)
        return error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except typer.TyperException as error:
        return show.usage(error)
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 0
    except Exception as error:  # noqa: BLE001 - the last line of defence: a bug is shown whole, without secrets
        show.bug(error)
        return 1


def run() -> None:
    """Be the program: run the command of the process and end the process with its exit code."""
    # Plug-ins of pydantic would see every setting that it checks, keys too, and finding them takes a search through all
    # that is installed.
    os.environ["PYDANTIC_DISABLE_PLUGINS"] = "1"
    # A stream that is closed (`>&-`) is empty and swallows what is written; what a terminal cannot show, or sends
    # broken, must not end a command.
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 - for as long as we run
    for stream, errors in ((sys.stdin, "replace"), (sys.stdout, "backslashreplace"), (sys.stderr, "backslashreplace")):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=errors)
    code = main()
    if code == INTERRUPTED:
        # After a second Ctrl-C requests may be in flight, and an ordinary exit would wait for their threads. What
        # they bring is then unknown, and said to be so by the next command.
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code)
    sys.exit(code)


class _ErrorOutput:
    """Shows what ended a command, as JSON if the command was asked for JSON."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._output = Output()

    def error(self, message: str, code: str, hint: str | None) -> None:
        self._output.show_error(message, code=code, hint=hint, as_json=self._as_json)

    def usage(self, error: Any) -> int:
        """Show a mistake in the command line itself; without any arguments that is the help, and no mistake."""
        if type(error).__name__ == "NoArgsIsHelpError":
            error.show()
            return 0 if error.ctx.parent is None else 2
        message, hint = explain(error)
        self.error(message, InvalidInput.code, hint)
        return InvalidInput.exit_code

    def bug(self, error: BaseException) -> None:
        import traceback

        from promptlab.settings.scrub import scrub

        sys.stderr.write(scrub("".join(traceback.format_exception(error))))
        self.error(
            f"{type(error).__name__}: this is a bug in promptlab.",
            "internal_error",
            "What was bought is kept. Please report it with the lines above.",
        )


def _check_encoding(arguments: Sequence[str]) -> None:
    for argument in arguments:
        try:
            argument.encode()
        except UnicodeEncodeError as error:
            raise InvalidInput(f"The argument {argument!r} is not valid UTF-8.") from error
