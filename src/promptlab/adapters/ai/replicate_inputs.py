"""The input of a prediction: a request in the words of its model."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from promptlab.adapters.ai.capabilities import Capabilities
from promptlab.adapters.ai.encoding import to_data_url
from promptlab.adapters.ai.error_bodies import json_of
from promptlab.adapters.ai.http import HttpClient
from promptlab.adapters.ai.naming import named_fields
from promptlab.adapters.ai.protocol import ImageRequest, InputImage, ProviderFailed
from promptlab.adapters.ai.replicate_errors import complaint_of
from promptlab.adapters.ai.replicate_models import ModelName, input_schema, names_in

_LONGEST_DATA_URL = 256_000
"""Bytes of an image. The service wants larger ones as addresses, and has a place to put them."""

_QUIET = {"prompt_upsampling": False, "enhance_prompt": False, "prompt_optimizer": False, "magic_prompt_option": "Off"}
"""What rewrites the prompt, and the value with which it does not."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is sent as `input`, and sentences about what could not be."""

    fields: Mapping[str, Any]
    warnings: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class _Fields:
    """What fields a model has, and which of them are what promptlab has a flag for."""

    names: Mapping[str, str]
    every: frozenset[str]


class Inputs:
    """Writes inputs. A model whose fields nobody has written down is asked for them, once."""

    def __init__(self, http: HttpClient, lookup: Callable[[str], Capabilities]) -> None:
        self._http = http
        self._lookup = lookup
        self._asked: dict[str, dict[str, Any]] = {}

    def of(self, request: ImageRequest, name: ModelName) -> Wanted:
        """Return the input of a request; large images are uploaded for it.

        Raises:
            ProviderFailed: the model has no field for what is asked, or the service does not want it.
            ProviderUnavailable, OutcomeUnknown: the service could not be asked. Nothing is ordered yet.
        """
        model = self._fields_of(request.model, name)
        warnings = _fitting(request, model.names)
        quiet = {field: value for field, value in _QUIET.items() if field in model.every}
        named = named_fields(request, model.names, written=self._written)
        return Wanted(fields={**quiet, **request.parameters, **named}, warnings=warnings)

    def _fields_of(self, model: str, name: ModelName) -> _Fields:
        known = self._lookup(model)
        if known.parameters is not None:
            return _Fields(names=known.names, every=frozenset(known.parameters))
        if model not in self._asked:
            self._asked[model] = self._schema(name)
        schema = self._asked[model]
        return _Fields(names={**names_in(schema), **known.names}, every=frozenset(schema))

    def _schema(self, name: ModelName) -> dict[str, Any]:
        """Return the fields as the model itself describes them; none where it is not described here."""
        answer = self._http.look(f"{self._http.base_url}{name.description}")
        if answer.ok or answer.status == 404:
            return input_schema(json_of(answer))
        raise self._http.failure(answer, complaint_of(answer), request_id=None)

    def _written(self, image: InputImage) -> str:
        if len(image.data) <= _LONGEST_DATA_URL:
            return to_data_url(image)
        part = ("input", image.data, image.media_type)
        answer = self._http.post("/v1/files", files={"content": part})
        if not answer.ok:
            raise self._http.failure(answer, complaint_of(answer), request_id=None)
        urls = answer.decoded().get("urls")
        url = urls.get("get") if isinstance(urls, dict) else None
        if not isinstance(url, str):
            raise ProviderFailed("The service took an input image and does not say where it is.", kind="bad_answer")
        return url


def _fitting(request: ImageRequest, names: Mapping[str, str]) -> tuple[str, ...]:
    """Return what is left out for want of a field; raises ProviderFailed where that would be another request."""
    most = None if "inputs" in names else int("input" in names)
    if most is not None and len(request.inputs) > most:
        takes = "one input image" if most else "no input image, as far as its description says"
        raise ProviderFailed(f"{request.model} takes {takes}, not {len(request.inputs)}.", kind="bad_request")
    if request.count > 1 and "count" not in names:
        message = f"{request.model} makes one image per request, not {request.count}: --draws N makes N generations."
        raise ProviderFailed(message, kind="bad_request")
    if request.seed is not None and "seed" not in names:
        return (f"{request.model} has no field for a seed: --seed {request.seed} was not sent.",)
    return ()
