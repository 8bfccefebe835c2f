"""Whether a model takes what is asked of it: checked before anything is spent."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from promptlab.adapters.ai.capabilities import FLAGS, Capabilities
from promptlab.errors import InvalidInput
from promptlab.services.parameters import check_parameters, require_parameters, unsent_parameters

_SOON = timedelta(days=30)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What one generation asks of a model, as far as a model can mind."""

    provider: str
    model: str
    system_prompt: str | None
    user_prompt: str
    input_types: Sequence[tuple[str, int]]
    """Media type and number of bytes of each input image."""
    has_mask: bool
    count: int
    seed: int | None
    parameters: Mapping[str, Any]


def check(asked: Asked, capabilities: Capabilities, *, strict: bool) -> list[str]:
    """Return warnings about what the model will not do as asked; with `strict` each is an error.

    Raises:
        InvalidInput: something that the model does not take.
    """
    _check_count(asked, capabilities)
    _check_inputs(asked, capabilities)
    _check_prompt(asked, capabilities)
    check_parameters(asked.parameters, capabilities, model=asked.model)
    require_parameters(asked.parameters, capabilities, model=asked.model)
    warnings = _unsupported(asked, capabilities)
    require_all_done(warnings, strict=strict)
    return warnings + _interpreted(asked, capabilities) + about_model(asked.provider, asked.model, capabilities)


def require_all_done(warnings: Sequence[str], *, strict: bool) -> None:
    """Refuse, where that was asked for, what will not be done as asked."""
    if strict and warnings:
        raise InvalidInput(warnings[0], hint="This is an error because of --strict.")


def _check_count(asked: Asked, capabilities: Capabilities) -> None:
    if asked.count < 1:
        raise InvalidInput(f"--count {asked.count} is not possible: at least one image.")
    if capabilities.max_count is not None and asked.count > capabilities.max_count:
        most = "1 image" if capabilities.max_count == 1 else f"{capabilities.max_count} images"
        raise InvalidInput(
            f"{_who(asked, capabilities)} makes at most {most} per request, not {asked.count}.",
            hint="--draws N makes N separate generations.",
        )


def _check_inputs(asked: Asked, capabilities: Capabilities) -> None:
    _check_number_of_inputs(len(asked.input_types), _who(asked, capabilities), capabilities)
    for media_type, size in asked.input_types:
        if media_type not in capabilities.input_types:
            known = ", ".join(sorted(capabilities.input_types))
            raise InvalidInput(f"{_who(asked, capabilities)} takes no {media_type} as input; it takes {known}.")
        if capabilities.max_input_bytes is not None and size > capabilities.max_input_bytes:
            raise InvalidInput(
                f"An input of {size:,} bytes is too large: "
                f"{capabilities.who(asked.model, within=True)} takes up to {capabilities.max_input_bytes:,}."
            )
    if asked.has_mask and not capabilities.mask:
        raise InvalidInput(f"{_who(asked, capabilities)} takes no mask.")
    if asked.has_mask and not asked.input_types:
        raise InvalidInput("A mask needs an input image that it belongs to.", hint="Add --input FILE.")


def _check_number_of_inputs(number: int, who: str, capabilities: Capabilities) -> None:
    least, most = capabilities.min_inputs, capabilities.max_inputs
    if number < least:
        needed = "an input image" if least == 1 else f"{least} input images"
        raise InvalidInput(f"{who} needs {needed}, not {number}.", hint="Add --input FILE.")
    if most is not None and number > most:
        several = f"at most {most} input image{'s' if most > 1 else ''}, not {number}"
        raise InvalidInput(f"{who} takes {several if most else 'no input images'}.")


def _check_prompt(asked: Asked, capabilities: Capabilities) -> None:
    if "\0" in asked.user_prompt + (asked.system_prompt or ""):
        raise InvalidInput("The prompt holds a NUL character once its variables are filled in.")
    length = len(asked.user_prompt) + len(asked.system_prompt or "")
    if capabilities.max_prompt is not None and length > capabilities.max_prompt:
        raise InvalidInput(
            f"The prompt has {length:,} characters; "
            f"{capabilities.who(asked.model, within=True)} takes up to {capabilities.max_prompt:,}."
        )


def _unsupported(asked: Asked, capabilities: Capabilities) -> list[str]:
    found, who = [], _who(asked, capabilities)
    if asked.seed is not None and not capabilities.seed:
        found.append(f"{who} takes no seed: --seed {asked.seed} is not sent.")
    found += about_system_prompt(asked.system_prompt, asked.model, capabilities)
    found += unsent_parameters(asked.parameters, capabilities, inputs=len(asked.input_types), model=asked.model)
    return found + _guessed(asked, capabilities)


def about_system_prompt(system_prompt: str | None, model: str, capabilities: Capabilities) -> list[str]:
    """Return what becomes of a system prompt that the model does not take."""
    if not system_prompt or capabilities.system_prompt:
        return []
    return [f"{capabilities.who(model)} takes no system prompt: it is rendered into the user prompt."]


def _guessed(asked: Asked, capabilities: Capabilities) -> list[str]:
    """Return what is asked for and goes where nobody has said that it belongs."""
    asks = {"seed": asked.seed is not None, "count": asked.count > 1, "inputs": bool(asked.input_types)}
    return [
        f"The fields of {asked.model} are not known here: that {FLAGS[what]} goes into {place} is a guess."
        for what, place in capabilities.guesses.items()
        if asks[what]
    ]


def _who(asked: Asked, capabilities: Capabilities) -> str:
    return capabilities.who(asked.model)


def _interpreted(asked: Asked, capabilities: Capabilities) -> list[str]:
    """Return what the model would not read as text; `--raw` or not, that is how it reads prompts."""
    prompt = "\n".join(text for text in (asked.system_prompt, asked.user_prompt) if text)
    return [
        f"{_who(asked, capabilities)} reads {name} in the prompt as an instruction, not as text: {found[0][:40]}"
        for name, pattern in capabilities.interpreted.items()
        if (found := re.search(pattern, prompt))
    ]


def about_model(provider: str, model: str, capabilities: Capabilities) -> list[str]:
    """Return what a person should know of a model before using it: that it is not known, or that it retires."""
    if not capabilities.known:
        near = capabilities.near
        other = f"Did you mean {near!r}?" if near else f"{list_of_models(provider)} shows those that are."
        return [f"Nothing is known about the model {model!r} of {provider}: it is used as it is. {other}"]
    retires, others = capabilities.retires, f"{list_of_models(provider)} shows others."
    sentences = {"past": f"{model} was retired on {retires}. {others}", "soon": f"{model} retires on {retires}."}
    return [sentences[found] for found in (retirement(capabilities),) if found in sentences]


def list_of_models(provider: str) -> str:
    """Return the command that shows the models of a provider, as a sentence quotes it."""
    return f"`promptlab provider list --models --provider {provider}`"


def retirement(capabilities: Capabilities) -> str | None:
    """Return whether a model's day of retirement is "past", "soon" or "later", None where it has none."""
    if capabilities.retires is None:
        return None
    retires, today = date.fromisoformat(capabilities.retires), datetime.now(UTC).date()
    return "past" if retires <= today else "soon" if retires <= today + _SOON else "later"
