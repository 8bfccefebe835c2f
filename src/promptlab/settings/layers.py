"""What is set, and where: each value with the place that it comes from, and a sentence where it cannot be used."""

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from promptlab.errors import InvalidInput, NotConfigured, PromptlabError, nearest
from promptlab.settings.files import SettingsFile
from promptlab.settings.rubric import Unusable
from promptlab.settings.secrets import Secrets
from promptlab.settings.urls import has_password

SECRETS = "secrets"
"""The place of what the secrets folder holds."""

_LONGEST_SHOWN = 30
"""Letters. What is longer may be a key that went into the wrong variable."""

_Model = TypeVar("_Model", bound=BaseModel)


@dataclass(frozen=True, kw_only=True)
class Given:
    """A value as somebody has set it: where it comes from, what it is called there, and how to correct it."""

    value: object = field(repr=False)
    place: str
    called: str
    remedy: str

    @property
    def shown(self) -> str:
        """The value as a sentence may quote it."""
        if isinstance(self.value, list | dict):
            return "a table" if isinstance(self.value, dict) else "a list"
        if isinstance(self.value, bool):
            return str(self.value).lower()
        if not isinstance(self.value, str):
            return str(self.value)
        if self.place == SECRETS or len(self.value) > _LONGEST_SHOWN or has_password(self.value):
            return f"a text of {len(self.value)} letters"
        return repr(self.value)


@dataclass(frozen=True)
class Layers:
    """What is set by name, and for each provider by name; of several places only the one that counts.

    `problems` has everything that is wrong, `unusable` the names of settings whose value is.
    """

    general: Mapping[str, Given] = field(default_factory=dict)
    providers: Mapping[str, Mapping[str, Given]] = field(default_factory=dict)
    problems: Sequence[PromptlabError] = ()
    unusable: frozenset[str] = frozenset()


def from_flags(flags: Mapping[str, object]) -> dict[str, Given]:
    """Return what flags say; one that is None was not given."""
    return {name: _flag(f"--{name.replace('_', '-')}", value) for name, value in flags.items() if value is not None}


def from_environment(names: Iterable[str], *, prefix: str) -> dict[str, Given]:
    """Return what variables say whose names are the prefix and a setting's; an empty one counts as unset."""
    found = {name: variable_of(name, prefix=prefix) for name in names}
    return {name: from_variable(variable) for name, variable in found.items() if os.environ.get(variable)}


def from_variable(variable: str) -> Given:
    """Return what a variable says that is set."""
    remedy = f"Correct {variable}, or unset it."
    return Given(value=os.environ[variable], place=variable, called=variable, remedy=remedy)


def from_folder(names: Iterable[str], secrets: Secrets, *, prefix: str) -> dict[str, Given]:
    """Return what the secrets folder holds under the names of such variables."""
    found = {name: secrets.in_folder(variable_of(name, prefix=prefix)) for name in names}
    return {name: secret_of(variable_of(name, prefix=prefix), value) for name, value in found.items() if value}


def secret_of(variable: str, value: str) -> Given:
    """Return what the secrets hold under the name of a variable."""
    called = f"{variable} in your secrets"
    return Given(value=value, place=SECRETS, called=called, remedy="Correct it there.")


def from_files(files: Iterable[SettingsFile]) -> Layers:
    """Return what files say, the later over the earlier, setting by setting."""
    general: dict[str, Given] = {}
    providers: dict[str, dict[str, Given]] = {}
    for file in files:
        general.update({name: _written(name, value, file) for name, value in file.table.items()})
        for provider, table in file.providers.items():
            found = {name: _written(name, value, file, table=provider) for name, value in table.items()}
            providers.setdefault(provider, {}).update(found)
    return Layers(general, providers)


def variable_of(name: str, *, prefix: str) -> str:
    """Return the name of the variable of a setting."""
    return f"{prefix}{name.upper()}"


def told_as_given(advice: str, given: Mapping[str, Given], *, prefix: str) -> str:
    """Return the advice with the place that a setting comes from, where it speaks of the setting by its variable.

    What is to be set as `VARIABLE=value` stays, since the environment outranks files.
    """
    called = {variable_of(name, prefix=prefix): each.called for name, each in given.items()}
    return re.sub(rf"\b{prefix}[A-Z_]+\b(?!=)", lambda found: called.get(found[0], found[0]), advice)


def unknown(given: Mapping[str, Given], known: list[str]) -> list[PromptlabError]:
    """Return a complaint about each setting that there is none of, with the nearest that there is."""
    return [
        NotConfigured(f"{each.called} is no setting.{nearest(name, known)}", hint=each.remedy)
        for name, each in given.items()
        if name not in known
    ]


def validated(model: type[_Model], given: Mapping[str, Given]) -> tuple[_Model, dict[str, PromptlabError]]:
    """Return the model with all that it can take, and a complaint by name about each value that it cannot."""
    try:
        return model.model_validate({name: each.value for name, each in given.items()}), {}
    except ValidationError as error:
        # Only where, not what: the library's words name neither the place nor what would be right.
        found = error.errors(include_url=False, include_input=False)
        wrong = {str(each["loc"][0]): each.get("ctx", {}).get("error") for each in found}
    usable, _none = validated(model, {name: each for name, each in given.items() if name not in wrong})
    fields = model.model_fields
    return usable, {
        name: _unusable(given[name], fields[name].description, wrong[name]) for name in fields if name in wrong
    }


def _unusable(given: Given, expected: str | None, reason: object) -> PromptlabError:
    kind = InvalidInput if given.place.startswith("--") else NotConfigured
    if isinstance(reason, Unusable):
        return kind(f"{given.called}: {reason}", hint=given.remedy)
    return kind(f"{given.called} is {given.shown}, expected {expected}.", hint=given.remedy)


def _flag(flag: str, value: object) -> Given:
    return Given(value=str(value), place=flag, called=flag, remedy=f"Correct {flag}, or leave it out.")


def _written(name: str, value: object, file: SettingsFile, *, table: str | None = None) -> Given:
    where = f"[providers.{table}] of {file.path}" if table else str(file.path)
    return Given(value=value, place=str(file.path), called=f"{name} in {where}", remedy="Correct it there.")
