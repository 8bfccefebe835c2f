"""Replicate's models: their names, and what their own schemas say that their fields are called."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from promptlab.adapters.ai.protocol import ProviderFailed

MODEL_FORM = r"(?P<owner>[^/:\s]+)/(?P<name>[^/:\s]+)(:(?P<version>[^/:\s]+))?"
"""What a model's name looks like."""

_COUNTS = ("num_outputs", "number_of_images", "num_images")
_LISTS = ("input_images", "image_input", "images", "image_urls", "reference_images")
_SINGLES = ("input_image", "image", "image_prompt", "init_image", "reference_image")


@dataclass(frozen=True, kw_only=True)
class ModelName:
    """`OWNER/NAME` is an official model, `OWNER/NAME:VERSION` one version of anybody's."""

    owner: str
    name: str
    version: str | None

    @classmethod
    def of(cls, text: str) -> "ModelName":
        """Return the model of that name; raises ProviderFailed for a text that is none."""
        found = re.fullmatch(MODEL_FORM, text)
        if found is None:
            message = f"{text!r} is no model of Replicate's: these are OWNER/NAME, or OWNER/NAME:VERSION."
            raise ProviderFailed(message, kind="bad_request")
        return cls(**found.groupdict())

    @property
    def orders(self) -> str:
        """The path at which predictions of it are ordered."""
        return "/v1/predictions" if self.version else f"{self._path}/predictions"

    @property
    def version_field(self) -> dict[str, str]:
        """What an order says besides its input."""
        return {"version": self.version} if self.version else {}

    @property
    def description(self) -> str:
        """The path at which it is described."""
        return f"{self._path}/versions/{quote(self.version, safe='')}" if self.version else self._path

    @property
    def _path(self) -> str:
        return f"/v1/models/{quote(self.owner, safe='')}/{quote(self.name, safe='')}"


def input_schema(described: object) -> dict[str, Any]:
    """Return the fields of a model, or of a version, as its description has them; none where it has none."""
    version = _at(described, ("latest_version",)) or described
    found = _at(version, ("openapi_schema", "components", "schemas", "Input", "properties"))
    return found if isinstance(found, dict) else {}


def names_in(schema: Mapping[str, Any]) -> dict[str, str]:
    """Return what the model calls a seed, a count and its input images, as `Capabilities.names` has it.

    Nobody says which of several fields for images is the one to be worked on; the usual names go first, and a single
    field that takes an image is it, whatever its name.
    """
    lists = [name for name, field in schema.items() if _is_file(_at(field, ("items",)))]
    singles = [name for name, field in schema.items() if _is_file(field) and name != "mask"]
    found = {
        "seed": "seed" if "seed" in schema else None,
        "count": _first(_COUNTS, schema),
        "inputs": _first(_LISTS, lists) or _only(lists),
    }
    if not found["inputs"]:
        found["input"] = _first(_SINGLES, singles) or _only(singles)
    return {what: name for what, name in found.items() if name}


def guesses_beside(names: Mapping[str, str]) -> dict[str, str]:
    """Return where things go, as `names_in` finds it, that a model has no name for because nobody wrote it down."""
    guesses = {
        "seed": "a field seed, if it has one,",
        "count": f"a field such as {_COUNTS[0]}, if it has one,",
        "inputs": "the likeliest of its fields for images",
    }
    given = {*names, "inputs"} if "input" in names else set(names)
    return {what: place for what, place in guesses.items() if what not in given}


def _is_file(field: object) -> bool:
    return _at(field, ("type",)) == "string" and _at(field, ("format",)) == "uri"


def _first(wanted: Iterable[str], there: Iterable[str]) -> str | None:
    return next((name for name in wanted if name in there), None)


def _only(names: list[str]) -> str | None:
    return names[0] if len(names) == 1 else None


def _at(value: object, path: Iterable[str]) -> object:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value
