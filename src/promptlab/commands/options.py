"""Options that several commands share, and how their texts are read."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from promptlab.commands import completion
from promptlab.errors import InvalidInput
from promptlab.runtime import Runtime

SHOWN: Any = {"rich_help_panel": "What is shown"}

Json = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.", **SHOWN)]
Limit = Annotated[int, typer.Option(help="How many to show.", **SHOWN)]
Cursor = Annotated[str | None, typer.Option(help="Go on after an earlier page: its next_cursor.", **SHOWN)]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Since = Annotated[str | None, typer.Option(help="Not before: 2026-05-01, or how long ago: 7d, 12h.", metavar="TIME")]
Until = Annotated[str | None, typer.Option(help="Before: 2026-05-01, or how long ago: 7d, 12h.", metavar="TIME")]
Parameters = Annotated[
    list[str] | None,
    typer.Option(
        "--param",
        help="A parameter of the model, or KEY=@FILE; repeat for more.",
        metavar="KEY=VALUE",
        autocompletion=completion.parameters,
    ),
]
VersionOption = Annotated[
    str | None,
    typer.Option(
        "--prompt-version",
        help="A version: id, NAME@N, or NAME for its newest.",
        metavar="REF",
        autocompletion=completion.references,
    ),
]
Preview = Annotated[bool, typer.Option("--preview", help="Draw the pictures in the terminal, where it can.", **SHOWN)]
Rater = Annotated[str | None, typer.Option(help="Who rates; else PROMPTLAB_RATER, else the login name.")]

_EXAMPLES = {
    "--var": "--var subject=fox",
    "--param": "--param size=1024x1024",
    "--criterion": "--criterion composition=4",
}


def runtime_of(context: typer.Context) -> Runtime:
    """Return the runtime that the root command made."""
    runtime = context.find_root().obj
    assert isinstance(runtime, Runtime)  # noqa: S101 - set by the root's callback, whose type Typer does not know
    return runtime


def parse_pairs(texts: Sequence[str] | None, *, flag: str) -> dict[str, str]:
    """Return `KEY=VALUE` texts as a dictionary; raises InvalidInput for other texts and repeated keys."""
    pairs: dict[str, str] = {}
    for text in texts or []:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise InvalidInput(f"{flag} {text!r} is not of the form KEY=VALUE.", hint=f"For example {_EXAMPLES[flag]}.")
        if key.strip() in pairs:
            raise InvalidInput(f"{flag} {key.strip()} is given twice.")
        pairs[key.strip()] = value
    return pairs


def parse_parameters(texts: Sequence[str] | None) -> dict[str, Any]:
    """Return parameters with values read as JSON where they are JSON (`80`, `true`, `[1, 2]`), else as text.

    `KEY=@FILE` takes the value from a file; a text that begins with @ is written as JSON: `user="@me"`.
    """
    pairs = parse_pairs(texts, flag="--param")
    return {
        key: _value(
            key,
            text_or_file(text, flag=f"--param {key}") or "",
            file=text[1:] if text.startswith("@") else None,
        )
        for key, text in pairs.items()
    }


def text_or_file(text: str | None, *, flag: str) -> str | None:
    """Return the text, or what the file holds that `@FILE` names.

    Raises:
        InvalidInput: the file cannot be read or is no text; or the text holds a NUL, which no database keeps.
    """
    if text is None:
        return None
    content = _read(Path(text[1:]), flag) if text.startswith("@") else text
    if "\0" in content:
        raise InvalidInput(f"{flag}: the text holds a NUL character.")
    return content


def _read(path: Path, flag: str) -> str:
    try:
        return path.expanduser().read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{flag}: {path} is no UTF-8 text.") from error
    except (OSError, ValueError, RuntimeError) as error:
        why = getattr(error, "strerror", None) or error
        raise InvalidInput(f"{flag}: {path} cannot be read: {why}.", hint="@FILE reads a file.") from error


def _value(key: str, text: str, *, file: str | None) -> Any:
    try:
        value = json.loads(text, parse_constant=_no_constant)
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        if file is not None and file.lower().endswith(".json"):
            message = f"--param {key}: {file} is no JSON: {error.msg}, line {error.lineno}, column {error.colno}."
            raise InvalidInput(message, hint="Correct it there, or export it again.") from error
        return text
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"--param {key}={text[:80]} is no value that can be kept.") from error
    return value


def _no_constant(name: str) -> Any:
    raise ValueError(name)
