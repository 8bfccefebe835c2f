"""A request's fields by the names that its model has for them, where each model of a service has its own."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from promptlab.adapters.ai.capabilities import Capabilities
from promptlab.adapters.ai.protocol import ImageRequest, InputImage


def limited_by_names(known: Capabilities) -> Capabilities:
    """Return the capabilities of a model with what it has no name for taken away."""
    names = known.names
    return replace(
        known,
        seed="seed" in names,
        max_count=known.max_count if "count" in names else 1,
        max_inputs=known.max_inputs if "inputs" in names else int("input" in names),
    )


def named_fields(
    request: ImageRequest, names: Mapping[str, str], *, written: Callable[[InputImage], str]
) -> dict[str, Any]:
    """Return what a request has besides its parameters, by the model's `Capabilities.names`.

    What the model has no name for is left out; a system prompt then goes before the user prompt. `written` spells an
    image as the service takes it.
    """
    asked: dict[str, Any] = {
        "system_prompt": request.system_prompt,
        "count": request.count,
        "seed": request.seed,
        "input": request.inputs[0] if request.inputs else None,
        "inputs": request.inputs or None,
        "mask": request.mask,
    }
    prompt = request.user_prompt if "system_prompt" in names else request.combined_prompt
    fields = {
        names[what]: _spelled(value, written) for what, value in asked.items() if what in names and value is not None
    }
    return {"prompt": prompt, **fields}


def _spelled(value: Any, written: Callable[[InputImage], str]) -> Any:
    if isinstance(value, tuple):
        return [written(image) for image in value]
    return written(value) if isinstance(value, InputImage) else value
