"""A request's fields by the names that its model has for them, where each model of a service has its own."""

from collections.abc import Callable, Mapping
from typing import Any

from promptlab.adapters.ai.protocol import ImageRequest, InputImage


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
