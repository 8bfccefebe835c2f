"""Whether parameters are such as a model takes, and which of them have no meaning in a request."""

import json
import re
from collections.abc import Mapping
from typing import Any

from promptlab.adapters.ai.capabilities import FLAGS, Capabilities, ParameterRule
from promptlab.errors import InvalidInput, nearest

_RESERVED = {
    "prompt": "--user",
    "model": "--model",
    "n": "--count",
    "image": "--input",
    "mask": "--mask",
    "stream": None,
    "partial_images": None,
}
_ONLY = {"with_inputs": "with an input image", "without_inputs": "without an input image"}


def check_parameters(parameters: Mapping[str, Any], capabilities: Capabilities, *, model: str) -> None:
    """Check each parameter against what is known of the model.

    Raises:
        InvalidInput: an unknown parameter, a value out of range, or one that has a flag of its own.
    """
    rules = capabilities.parameters
    reserved = {**_RESERVED, **{name: FLAGS[what] for what, name in capabilities.names.items()}}
    for name, value in parameters.items():
        if name in reserved:
            flag = reserved[name]
            raise InvalidInput(f"{name!r} is not a parameter here.", hint=f"Use {flag}." if flag else None)
        if rules is None:
            continue
        if name not in rules:
            near = nearest(name, list(rules))
            raise InvalidInput(
                f"{capabilities.who(model)} has no parameter {name!r}.{near}",
                hint="It takes " + ", ".join(sorted(rules)) + ".",
            )
        if not _allows(rules[name], value):
            who = capabilities.who(model, within=True)
            raise InvalidInput(f"{name}={_spelled(value)} is not possible with {who}: {_wanted(rules[name])} is.")


def require_parameters(parameters: Mapping[str, Any], capabilities: Capabilities, *, model: str) -> None:
    """Check that nothing is missing without which the model does nothing; raises InvalidInput."""
    for name, rule in (capabilities.parameters or {}).items():
        if rule.required and name not in parameters:
            raise InvalidInput(
                f"{capabilities.who(model)} needs a value for {name!r}.", hint=f"Give it with --param {name}=VALUE."
            )


def unsent_parameters(
    parameters: Mapping[str, Any], capabilities: Capabilities, *, inputs: int, model: str
) -> list[str]:
    """Return a sentence about each parameter that is left out of a request with so many input images."""
    sendable = capabilities.sendable(parameters, inputs=inputs)
    unsent = {name: rule.only for name, rule in (capabilities.parameters or {}).items() if name in parameters}
    return [
        f"{name} is not sent: {capabilities.who(model, within=True)} takes it {_ONLY[only]} only."
        for name, only in unsent.items()
        if name not in sendable and only
    ]


def _allows(rule: ParameterRule, value: object) -> bool:
    if rule.minimum is not None or rule.maximum is not None:
        return _in_range(rule, value)
    if any(value == choice and isinstance(value, bool) == isinstance(choice, bool) for choice in rule.choices):
        return True  # True is 1 to Python, and another value to every service
    if rule.pattern is not None:
        return isinstance(value, str) and re.fullmatch(rule.pattern, value) is not None
    return not rule.choices


def _in_range(rule: ParameterRule, value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int if rule.integer else int | float):
        return False
    low = rule.minimum if rule.minimum is not None else float("-inf")
    high = rule.maximum if rule.maximum is not None else float("inf")
    return low <= value <= high and (rule.step is None or value % rule.step == 0)


def _wanted(rule: ParameterRule) -> str:
    """Return what is possible, as the subject of a sentence."""
    if rule.minimum is not None or rule.maximum is not None:
        return _range(rule)
    choices = [_spelled(choice) for choice in rule.choices]
    if rule.pattern is not None:
        form = rule.form or f"a text that matches {rule.pattern}"
        choices.append(f"{form}," if "," in form else form)
    return " or ".join(filter(None, [", ".join(choices[:-1]), choices[-1]]))


def _range(rule: ParameterRule) -> str:
    kind = f"a {'whole ' if rule.integer else ''}number"
    if rule.step is not None:
        kind = f"a multiple of {rule.step}"
    low = [] if rule.minimum is None else ["from", _number(rule.minimum)]
    high = ["on"] if rule.maximum is None else ["to" if low else "up to", _number(rule.maximum)]
    return " ".join([kind, *low, *high])


def _number(limit: float) -> str:
    return str(int(limit) if limit.is_integer() else limit)


def _spelled(value: object) -> str:
    """Return a value as it is typed after --param."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
