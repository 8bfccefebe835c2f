"""From a table of models to capabilities: inheritance, then every key and value checked."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import date, datetime
from functools import cache
from math import isfinite
from typing import TYPE_CHECKING, Any

from promptlab.adapters.ai.capabilities import FLAGS, Capabilities, ParameterRule, Price
from promptlab.errors import nearest

if TYPE_CHECKING:
    from pydantic import TypeAdapter

_Place = tuple[str, str]
"""A provider, and a model of it."""


class Unusable(Exception):
    """A table of models says something that cannot be; the message completes «… is not usable: »."""


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return both tables as one, key by key, tables within tables too."""
    both = dict(below)
    for name, value in above.items():
        under = both.get(name)
        both[name] = merged(under, value) if isinstance(under, dict) and isinstance(value, dict) else value
    return both


def model_tables(providers: Mapping[str, Any], name: str) -> dict[str, dict[str, Any]]:
    """Return the whole table of each model of a provider: what holds for all, for the model it is like, and its own.

    Raises:
        Unusable: something is no table, or a model is like one that does not exist, or like itself.
    """
    return {model: _whole(providers, [(name, model)]) for model in _own(providers, name)}


def _own(providers: Mapping[str, Any], name: str) -> dict[str, dict[str, Any]]:
    """Return the table of each model of a provider as it is written."""
    models = _table(_table(providers.get(name, {}), where=name).get("models", {}), where=f"{name}.models")
    return {model: _table(value, where=f"{name}.models.{model}") for model, value in models.items()}


def _whole(providers: Mapping[str, Any], line: Sequence[_Place]) -> dict[str, Any]:
    """Return the whole table of the model at the end of a line, in which each is like the next."""
    name, model = line[-1]
    every = _table(providers[name].get("every_model", {}), where=f"{name}.every_model")
    own = dict(_own(providers, name)[model])
    like = own.pop("like", None)
    below: dict[str, Any] = {}
    if like is not None:
        parent = _named(providers, like, seen_from=name)
        if parent is None or parent in line:
            raise Unusable(
                f"{name}.models.{model}.like names no other model: one of {name}, or PROVIDER/MODEL of another."
            )
        below = _whole(providers, [*line, parent])
        if parent[0] != name:
            below.pop("retires", None)  # each provider ends the same model on a day of its own
    return merged(every, merged(below, own))


def _named(providers: Mapping[str, Any], like: object, *, seen_from: str) -> _Place | None:
    """Return which model is meant: one of the same provider, or another's as `PROVIDER/MODEL`."""
    if not isinstance(like, str):
        return None
    other, _slash, model = like.partition("/")
    places = ((seen_from, like), (other, model))
    return next((place for place in places if place[1] in _own(providers, place[0])), None)


def read_capabilities(table: Mapping[str, Any], *, where: str) -> Capabilities:
    """Return the capabilities that a model's whole table describes.

    Raises:
        Unusable: a key that does not exist, or a value that cannot be.
    """
    given = {**table, "parameters": _parameters(table.get("parameters"), where=f"{where}.parameters")}
    require_known(given, _names(Capabilities), where=where)
    require_known(_table(given.get("price", {}), where=f"{where}.price"), _names(Price), where=f"{where}.price")
    given["retires"] = _day(given.get("retires"), where=f"{where}.retires")
    given["interpreted"] = _interpreted(given.get("interpreted", {}), where=f"{where}.interpreted")
    given["names"] = _names_of_fields(given.get("names", {}), where=f"{where}.names")
    found = _validated(given, where=where)
    for amount in _amounts(found.price):
        if not isfinite(amount) or amount < 0:
            raise Unusable(f"{where}.price holds {amount}, which is no amount of money.")
    return found


def _day(value: object, *, where: str) -> str | None:
    """Return a date, which TOML has as such, in its ISO form."""
    if value is None or (isinstance(value, date) and not isinstance(value, datetime)):
        return value.isoformat() if value else None
    raise Unusable(f"{where} must be a date, such as 2026-11-23.")


def _parameters(value: object, *, where: str) -> dict[str, Any] | None:
    """Return the rules of a table, without what `false` takes away; no table at all allows any parameter."""
    if value is None:
        return None
    rules = {name: rule for name, rule in _table(value, where=where).items() if rule is not False}
    for name, rule in rules.items():
        require_known(_table(rule, where=f"{where}.{name}"), _names(ParameterRule), where=f"{where}.{name}")
        rules[name] = {key: limit for key, limit in rule.items() if limit is not False or key == "integer"}
        _require_pattern(rules[name].get("pattern"), where=f"{where}.{name}")
    return rules


def _interpreted(value: object, *, where: str) -> dict[str, Any]:
    """Return the patterns of what a model interprets, without what `false` takes away."""
    patterns = {name: pattern for name, pattern in _table(value, where=where).items() if pattern is not False}
    for name, pattern in patterns.items():
        _require_pattern(pattern, where=f"{where}.{name}")
    return patterns


def _names_of_fields(value: object, *, where: str) -> dict[str, Any]:
    """Return a model's own names of fields, without what `false` takes away."""
    names = {what: name for what, name in _table(value, where=where).items() if name is not False}
    require_known(names, list(FLAGS), where=where)
    return names


def _require_pattern(pattern: object, *, where: str) -> None:
    try:
        re.compile(pattern if isinstance(pattern, str) else "")
    except re.error as error:
        raise Unusable(f"{where}.pattern is no regular expression: {error}.") from error


def require_known(table: Mapping[str, Any], known: list[str], *, where: str) -> None:
    """Refuse keys that do not exist, which are mostly typing errors."""
    for name in table:
        if name not in known:
            raise Unusable(f"there is no {name!r} in {where}.{nearest(name, known)}")


def _validated(given: Mapping[str, Any], *, where: str) -> Capabilities:
    from pydantic import ValidationError

    try:
        return _adapter().validate_python(given)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join([where, *map(str, first["loc"])])
        raise Unusable(f"{place} is {first['input']!r}, expected {_expected(first['type'])}.") from error


def _expected(complaint: str) -> str:
    """Return what pydantic expected, by the kind of its complaint: `int_parsing`, `frozen_set_type`."""
    words = {"int": "a whole number", "float": "a number", "bool": "true or false", "string": "text in quotes"}
    words["literal"] = "with_inputs or without_inputs"
    tables = {"dict": "a table", "mapping": "a table"}
    lists = {"frozen": "a list", "tuple": "a list"}
    return {**words, **tables, **lists}.get(complaint.partition("_")[0], "another value")


@cache
def _adapter() -> "TypeAdapter[Capabilities]":
    from pydantic import TypeAdapter

    return TypeAdapter(Capabilities)


def _amounts(price: Price) -> Iterable[float]:
    for name in _names(Price):
        value = getattr(price, name)
        if isinstance(value, float):
            yield value
    for bounds in price.max_per_image_by.values():
        yield from bounds.values()


def _names(kind: type[Capabilities | Price | ParameterRule]) -> list[str]:
    return [field.name for field in fields(kind)]


def _table(value: object, *, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Unusable(f"{where} must be a table.")
    return value
