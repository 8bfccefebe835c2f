"""What is known before anything is sent: which parameters go with a request, and what is a guess."""

from typing import Any

import pytest

from promptlab.adapters.ai.capabilities import Capabilities, ParameterRule
from promptlab.adapters.ai.catalogue import read_catalogue
from promptlab.adapters.ai.registry import open_provider
from promptlab.errors import InvalidInput
from promptlab.services.checks import Asked, check
from promptlab.services.parameters import check_parameters
from promptlab.settings import load


def warned(provider: str, model: str, *, inputs: int = 0, strict: bool = False, **about: Any) -> list[str]:
    asked: dict[str, Any] = {"system_prompt": None, "has_mask": False, "count": 1, "seed": None, "parameters": {}}
    capabilities = open_provider(provider, load(), for_sending=False).capabilities(model)
    return check(
        Asked(
            provider=provider,
            model=model,
            user_prompt="a harbour",
            input_types=[("image/png", 100)] * inputs,
            **{**asked, **about},
        ),
        capabilities,
        strict=strict,
    )


@pytest.mark.parametrize(
    ("provider", "model", "name", "value", "only_with_inputs"),
    [
        ("openai", "gpt-image-2", "moderation", "low", False),
        ("openai", "gpt-image-1", "input_fidelity", "high", True),
        ("fal", "fal-ai/flux/dev", "strength", 0.5, True),
        ("fal", "fal-ai/flux/dev", "image_size", "square", False),
        ("forge", "mine", "enable_hr", True, False),
        ("forge", "mine", "resize_mode", 1, True),
        ("bedrock", "amazon.nova-canvas-v1:0", "style", "ink", False),
        ("bedrock", "amazon.nova-canvas-v1:0", "similarityStrength", 0.4, True),
    ],
)
def test_a_parameter_without_a_meaning_in_a_request_is_not_sent_and_said(
    provider: str, model: str, name: str, value: object, *, only_with_inputs: bool
) -> None:
    """And with --strict it is an error."""
    about: dict[str, Any] = {"parameters": {name: value}}
    with_, without = "with an input image only", "without an input image only"
    where = with_ if only_with_inputs else without
    idle, busy = (0, 1) if only_with_inputs else (1, 0)
    sentence = f"{name} is not sent: {model} takes it {where}."
    assert sentence in warned(provider, model, inputs=idle, **about)
    assert sentence not in warned(provider, model, inputs=busy, **about)
    with pytest.raises(InvalidInput) as refused:
        warned(provider, model, inputs=idle, strict=True, **about)
    assert refused.value.message == sentence
    found = open_provider(provider, load(), for_sending=False).capabilities(model)
    assert found.sendable({name: value, "other": 1}, inputs=idle) == {"other": 1}
    assert found.sendable({name: value}, inputs=busy) == {name: value}


@pytest.mark.parametrize(("provider", "field"), [("openai", "seed"), ("azure", "seed"), ("bfl", "seed")])
def test_a_seed_for_a_model_that_is_not_known_is_a_guess(provider: str, field: str) -> None:
    guess = f"The fields of tomorrow are not known here: that --seed goes into {field} is a guess."
    assert guess in warned(provider, "tomorrow", seed=7)
    assert guess not in warned(provider, "tomorrow")
    with pytest.raises(InvalidInput, match="is a guess"):
        warned(provider, "tomorrow", seed=7, strict=True)


@pytest.mark.parametrize(("model", "field"), [("flux-2-tiny", "input_image"), ("flux-3-tiny", "images")])
def test_an_input_for_a_model_of_flux_that_is_not_known_is_a_guess(model: str, field: str) -> None:
    guess = f"The fields of {model} are not known here: that --input goes into {field} is a guess."
    assert guess in warned("bfl", model, inputs=1)


def test_what_is_no_truth_is_no_number_and_the_other_way_round() -> None:
    """They are equal to Python, and to no service."""
    rules = {"on": ParameterRule(choices=(True, False)), "mode": ParameterRule(choices=(0, 1))}
    known = Capabilities(parameters=rules)
    check_parameters({"on": True, "mode": 1}, known, model="m")
    with pytest.raises(InvalidInput, match="on=1 is not possible with m: true or false is"):
        check_parameters({"on": 1}, known, model="m")
    with pytest.raises(InvalidInput, match="mode=true is not possible with m: 0 or 1 is"):
        check_parameters({"mode": True}, known, model="m")


def test_the_checkpoint_that_is_loaded_is_called_that() -> None:
    with pytest.raises(InvalidInput) as refused:
        warned("forge", "current", parameters={"width": 765})
    assert refused.value.message == (
        "width=765 is not possible with the checkpoint that the server has loaded: a multiple of 8 from 64 to 4096 is."
    )
    [system] = warned("forge", "current", system_prompt="ink")
    assert system.startswith("The checkpoint that the server has loaded takes no system prompt")
    [system] = warned("forge", "mine", system_prompt="ink")
    assert system.startswith("mine takes no system prompt")


def test_a_smaller_image_of_gemini_is_reserved_for_less_and_for_enough() -> None:
    """Enough is what the table names for the size, and all the text that can come beside it."""
    found = read_catalogue().capabilities("gemini", "gemini-3.1-flash-image").price
    text = 32_768 * (found.text_output_per_million or 0) / 1_000_000
    published: dict[object, float] = {512: 0.06, "1K": 0.08, "2K": 0.12, "4K": 0.16}
    bounds = [found.bound_per_image({"imageSize": size}) or 0.0 for size in published]
    assert bounds == sorted(set(bounds))
    assert all(bound >= dollars + text for bound, dollars in zip(bounds, published.values(), strict=True))
