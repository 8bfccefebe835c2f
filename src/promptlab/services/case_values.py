"""Values of a case's variables: JSON that every database can keep, and a template can use."""

import json
import math
from typing import Any

from promptlab.errors import InvalidInput
from promptlab.services.rows import MAX_CELL, first_repeated

MAX_DEPTH = 50
"""Lists and objects inside of each other: far below what Python and the databases can follow."""


def parse_object(line: str) -> dict[str, Any]:
    """Return the JSON object in a line.

    Raises:
        InvalidInput: no JSON, no object, a name twice, NaN or Infinity, or a number that nobody can read.
    """
    try:
        value = json.loads(line, object_pairs_hook=_object, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise InvalidInput(
            f"It is no JSON: {error.msg} (character {error.pos + 1}).", hint="A JSONL file has one object a line."
        ) from error
    except RecursionError as error:
        raise InvalidInput("It is nested too deeply.") from error
    except ValueError as error:  # Python reads no whole number of more than some thousand digits
        raise InvalidInput("It holds a number that is too long.") from error
    if not isinstance(value, dict):
        raise InvalidInput("It is JSON, but no object.", hint='A row looks like {"subject": "a fox"}.')
    return value


def check_value(name: str, value: object) -> None:
    """Check that a variable's value can be kept; raises InvalidInput, with the name, otherwise."""
    problem = _problem(value, MAX_DEPTH)
    length = len(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)) if not problem else 0
    if length > MAX_CELL:
        problem = f"has more than {MAX_CELL:,} characters"
    if problem:
        raise InvalidInput(f"{name!r} {problem}.")


def _problem(value: object, depth: int) -> str | None:
    """Return what is wrong with a value, as the end of a sentence; None without anything."""
    if isinstance(value, str):
        return _problem_of_text(value)
    if isinstance(value, float) and not math.isfinite(value):
        return "holds a number that is too large"
    if not isinstance(value, list | dict):
        return None
    if depth == 0:
        return f"is nested more than {MAX_DEPTH} levels deep"
    inside = [*value, *value.values()] if isinstance(value, dict) else value
    return next((problem for each in inside if (problem := _problem(each, depth - 1))), None)


def _problem_of_text(text: str) -> str | None:
    if "\0" in text:
        return "holds a NUL character"
    try:
        text.encode()
    except UnicodeEncodeError:
        return "holds half a character (a lone surrogate)"
    return None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    twice = first_repeated([name for name, _value in pairs])
    if twice is not None:
        raise InvalidInput(f"{twice!r} is there twice.", hint="Keep one of them.")
    return dict(pairs)


def _no_constant(name: str) -> Any:
    raise InvalidInput(f"{name} is no number in JSON.")
