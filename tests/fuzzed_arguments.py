"""Lines of fuzzed command lines: mostly plausible, one word of them odd. Commands are discovered, so none is missed."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import typer
from hypothesis import strategies as st
from tests.fuzzed_words import IDS, REFERENCES, Words, pool, text

from promptlab.cli import app

Line = st.SearchStrategy[list[str]]


@dataclass(frozen=True)
class Command:
    """One command of the tree: its words, and its parameters as Click knows them."""

    path: tuple[str, ...]
    parameters: tuple[Any, ...]

    def __str__(self) -> str:
        return " ".join(self.path)


def commands() -> list[Command]:
    """Return every command that there is."""
    return list(_walk(_root(), ()))


@cache
def _root() -> Any:
    return typer.main.get_command(app)


def _walk(command: Any, path: tuple[str, ...]) -> Iterator[Command]:
    if not hasattr(command, "commands"):
        yield Command(path, tuple(command.params))
        return
    for name, child in command.commands.items():
        yield from _walk(child, (*path, name))


@st.composite
def option(draw: st.DrawFn, parameter: Any, given: Words) -> list[str]:
    """Return one option, now and then without its value or with one glued to it."""
    name = draw(st.sampled_from([*parameter.opts, *parameter.secondary_opts]))
    if getattr(parameter, "is_flag", False):
        return [name]
    form = draw(st.sampled_from(["apart"] * 20 + ["glued"] * 8 + ["bare"]))
    return [name] if form == "bare" else [f"{name}={draw(given)}"] if form == "glued" else [name, draw(given)]


@st.composite
def line(draw: st.DrawFn, command: Command) -> list[str]:
    """Return a line of this command in which at most one value is odd, so that deep code is reached.

    --json stands where no option can take it for its value.
    """
    known = [found for found in command.parameters if not {"--help", "--json"}.intersection(found.opts)]
    odd = draw(st.sampled_from([None, *known])) if draw(st.booleans()) else None
    root = draw(_root_options()) if draw(st.integers(0, 9)) == 9 else []
    as_json = ["--json"] if draw(st.integers(0, 3)) else []
    rest: list[str] = []
    for parameter in known:
        given = pool(parameter).odd if parameter is odd else pool(parameter).good
        for _ in range(1 if parameter is odd else draw(_how_often(parameter))):
            named = parameter.opts[0].startswith("-")
            words = draw(option(parameter, given)) if named else [draw(given)]
            place = draw(st.sampled_from([0, len(rest)])) if named and len(words) == 2 else len(rest)
            rest[place:place] = words
    return [*root, *command.path, *as_json, *rest, *draw(_strays())]


def _how_often(parameter: Any) -> st.SearchStrategy[int]:
    if parameter.required:
        return st.sampled_from([1] * 15 + [0, 2])
    if parameter.name == "folder":  # without it the tour of `demo` is taken, which lasts seconds
        return st.sampled_from([1] * 15 + [0])
    likely = parameter.name in {"var", "yes", "score"} or not parameter.opts[0].startswith("-")
    return st.sampled_from([1, 1, 1, 0] if likely else [0] * 8 + [1, 1, 2])


def _strays() -> Line:
    return st.integers(0, 24).flatmap(lambda chance: st.lists(text(), max_size=2) if chance == 24 else st.just([]))


@st.composite
def _root_options(draw: st.DrawFn) -> list[str]:
    known = [
        found
        for found in _root().params
        if found.name in {"project", "database_url", "storage_url", "quiet", "verbose"}
    ]
    return [
        word
        for parameter in draw(st.lists(st.sampled_from(known), max_size=2))
        for word in draw(option(parameter, st.one_of(pool(parameter).good, pool(parameter).odd)))
    ]


def any_words() -> Line:
    """Return words in any order: commands, flags and values of all of them."""
    every = commands()
    flags = sorted({name for command in every for found in command.parameters for name in found.opts if name[0] == "-"})
    nouns = sorted({word for command in every for word in command.path} - {"demo"})
    return st.lists(
        st.one_of(st.sampled_from(nouns), st.sampled_from(flags), IDS.good, REFERENCES.good, text()), max_size=8
    )
