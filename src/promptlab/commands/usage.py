"""What to say of a mistake in the command line itself: what it is, in our words, and what to write instead."""

import re
from collections.abc import Iterator
from typing import Any

import typer

_MEANT = {
    "add": "create",
    "new": "create",
    "ls": "list",
    "get": "show",
    "view": "show",
    "cat": "show",
    "update": "edit",
    "rm": "delete",
    "remove": "delete",
    "undelete": "restore",
    "run": "generate",
    "image": "generation",
    "images": "generation",
    "score": "rate",
    "migrate": "upgrade",
    "set": "init",
}
"""Commands by the names that they have in other programs."""

_MEANT_FLAGS: dict[str, tuple[str, ...]] = {
    "--n": ("--draws", "--limit"),
    "-n": ("--draws", "--limit"),
    "--out": ("--save", "--dir"),
    "--output": ("--save", "--dir"),
    "-o": ("--save", "--dir"),
    "--prompt": ("--user", "--prompt-version"),
    "-p": ("--user", "--prompt-version"),
    "--text": ("--user",),
    "--id": ("--prompt-version",),
    "-m": ("--model",),
    "-V": ("--version",),
}
"""Flags by other names, each the first of these that the command has."""

_SEVERAL = 6
"""More places than this are no answer to where something is."""


def explain(error: typer.TyperException) -> tuple[str, str | None]:
    """Return the sentence about a mistake that the parser has found, and the hint."""
    context: Any = getattr(error, "ctx", None)
    if context is None:
        return error.format_message(), None
    if type(error).__name__ == "NoSuchOption":
        return _about_option(error, context)
    message = " ".join(error.format_message().split())
    if unknown := re.match(r"No such command '(.+?)'\.", message):
        return message, _where_commands_are(unknown[1], context) or _help(context)
    if problems := getattr(error.__cause__, "errors", None):  # those of pydantic, which has read the value
        return message.removesuffix(error.message) + _about_value(problems()[0]), _help(context)
    if extra := re.fullmatch(r"Got unexpected extra argument\(s\) \((.*)\)", message):
        message = f"There is no place for {extra[1]!r} here."
    return message, " ".join(filter(None, (_help(context), _example(context.command))))


def _about_option(error: Any, context: Any) -> tuple[str, str]:
    """Say where an option goes, if it is one elsewhere; else what may be meant."""
    name, root = error.option_name, context.find_root()
    if context is not root and name in _flags(root.command):
        command = context.command_path.removeprefix(root.command_path).strip()
        hint = f"It goes before the command: {root.command_path} {_usage(root.command, name)} {command} ..."
    elif below := [command for _path, command in _tree(context.command, "") if name in _flags(command)]:
        hint = f"It goes after the command: {context.command_path} COMMAND ... {_usage(below[0], name)}"
    elif argument := _argument(context.command, name):
        hint = f"It is written without a flag: {context.command_path} {argument}"
    elif flag := _meant_flag(context.command, name):
        hint = f"Did you mean {flag}? {_help(context)}"
    else:
        return error.format_message(), _help(context)
    return f"{error.message}.", hint


def _about_value(problem: Any) -> str:
    """Return the library's sentence about a value in our words."""
    kind, value = problem["type"], problem["input"]
    if kind.startswith(("int_", "float_")):
        return f"{str(value)[:80]!r} is no {'whole ' if kind.startswith('int_') else ''}number."
    return str(problem["msg"]).removeprefix("Value error, ")


def _where_commands_are(word: str, context: Any) -> str | None:
    """Return where there is a command, or a flag, of that name or meaning; first of all below where it was sought."""
    names, flag = {word.lower(), _MEANT.get(word.lower())}, f"--{word.lower()}"
    for place in (context, context.find_root()):
        tree = list(_tree(place.command, place.command_path))
        found = [path for path, _command in tree[1:] if path.rpartition(" ")[2] in names]
        found = found or [f"{path} {flag}" for path, command in tree if flag in _flags(command)]
        if 0 < len(found) <= _SEVERAL:
            *first, last = (f"`{path}`" for path in found)
            return f"There is {', '.join(first)} and {last}." if first else f"There is {last}."
    return None


def _tree(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    yield path, command
    for name, child in getattr(command, "commands", {}).items():
        yield from _tree(child, f"{path} {name}")


def _flags(command: Any) -> dict[str, Any]:
    return {name: option for option in command.params for name in option.opts if name.startswith("-")}


def _usage(command: Any, flag: str) -> str:
    option = _flags(command)[flag]
    return flag if option.is_flag else f"{flag} {option.metavar or 'VALUE'}"


def _argument(command: Any, flag: str) -> str | None:
    """Return the argument that a flag seems to stand for, as the help writes it."""
    name = flag.lstrip("-").replace("-", "_")
    shown = (
        (option, option.metavar or option.name.upper()) for option in command.params if option.opts == [option.name]
    )
    return next((metavar for option, metavar in shown if name in {option.name, metavar.strip("[].").lower()}), None)


def _meant_flag(command: Any, flag: str) -> str | None:
    known = _flags(command)
    return next((name for name in (*_MEANT_FLAGS.get(flag, ()), flag.lower()) if name in known), None)


def _example(command: Any) -> str | None:
    found = re.search(r"^Example: (.+)$", command.help or "", re.MULTILINE)
    return f"For example: {found[1]}" if found else None


def _help(context: Any) -> str:
    shows = "lists the commands" if hasattr(context.command, "commands") else "shows what it takes"
    return f"`{context.command_path} --help` {shows}."
