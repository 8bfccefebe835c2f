"""What a model takes and costs, as data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

FLAGS = {
    "system_prompt": "--system",
    "count": "--count",
    "seed": "--seed",
    "input": "--input",
    "inputs": "--input",
    "mask": "--mask",
}
"""What a request has besides its parameters, and the flag that says it."""


@dataclass(frozen=True, kw_only=True)
class ParameterRule:
    """What values a parameter may have; a rule without limits accepts anything.

    `choices` are the only values, unless `pattern` (a regular expression for the whole text) matches too; `form` says
    in a word what matches it, such as WIDTHxHEIGHT.
    `minimum` and `maximum` are inclusive and make the parameter an integer (`integer=True`) or a number; an integer may
    have to be a multiple of `step`. Without a `required` parameter nothing is sent. One that has a meaning `only` in
    requests with input images, or in those without, is left out of the others.
    """

    choices: tuple[Any, ...] = ()
    pattern: str | None = None
    form: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    integer: bool = True
    step: int | None = None
    required: bool = False
    only: Literal["with_inputs", "without_inputs"] | None = None

    def goes_with(self, inputs: int) -> bool:
        """Say whether the parameter has a meaning in a request with so many input images."""
        return self.only is None or self.only == ("with_inputs" if inputs else "without_inputs")


@dataclass(frozen=True, kw_only=True)
class Price:
    """US dollars. A price that is None is not known.

    `max_per_image` and `max_per_input_image` are upper bounds for one request, used to reserve money before it is
    sent; the token prices (per million) settle it from the usage that the answer reports. `max_per_image_by` has
    lower bounds for values of parameters: `{"quality": {"low": 0.03}}`. Text that comes out beside an image costs what
    the image does unless `text_output_per_million` says otherwise. `per_unit` is the price of what else a provider
    counts in its answer: a credit, a billable unit, a second of its hardware.
    """

    per_image: float | None = None
    max_per_image: float | None = None
    max_per_image_by: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    max_per_input_image: float = 0.0
    text_input_per_million: float | None = None
    image_input_per_million: float | None = None
    image_output_per_million: float | None = None
    text_output_per_million: float | None = None
    per_unit: float | None = None

    def bound_per_image(self, parameters: Mapping[str, Any]) -> float | None:
        """Return the most that one image can cost with these parameters, None where that is not known."""
        bounds = [
            table[value]
            for name, table in self.max_per_image_by.items()
            if (value := str(parameters.get(name))) in table
        ]
        highest = self.max_per_image if self.max_per_image is not None else self.per_image
        return min([*bounds, highest] if highest is not None else bounds, default=None)


@dataclass(frozen=True, kw_only=True)
class Capabilities:
    """What one model of one provider takes.

    `known=False` means that nothing is known: everything is passed on as it is. `parameters=None` likewise allows
    any parameter. `max_prompt` counts characters. `retires` is an ISO date. `interpreted` names what the model reads
    in a prompt as an instruction instead of text, each with the regular expression that finds it. A seed below
    `min_seed` means a random one to the service; with `seed_per_image` the images of one request have seeds in a row,
    from the one that was sent on.

    Where each model of a service names its fields itself, `names` has those for what is no parameter here: the keys of
    `FLAGS`, of which `input` takes one image and `inputs` a list. `with_inputs` is the model that a request with input
    images goes to, where that is another.

    `guesses` says where the same things go by guess, because nobody has written down what the model calls them.
    `near` is the known model whose name is nearest to that of one that is not known.

    `called` is what takes and makes all this, at the start of a sentence, where that is not the model.
    """

    known: bool = True
    seed: bool = True
    min_seed: int = 0
    max_seed: int | None = None
    seed_per_image: bool = False
    system_prompt: bool = True
    mask: bool = True
    max_count: int | None = None
    min_inputs: int = 0
    max_inputs: int | None = None
    input_types: frozenset[str] = frozenset({"image/png", "image/jpeg", "image/webp"})
    max_input_bytes: int | None = None
    max_prompt: int | None = None
    parameters: Mapping[str, ParameterRule] | None = None
    interpreted: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    guesses: Mapping[str, str] = field(default_factory=dict)
    with_inputs: str | None = None
    price: Price = field(default_factory=Price)
    retires: str | None = None
    near: str | None = None
    called: str | None = None

    def who(self, model: str, *, within: bool = False) -> str:
        """Return what takes and makes all this, as sentences call it: at their start, or `within` one."""
        if self.called is None:
            return model
        return self.called[0].lower() + self.called[1:] if within else self.called

    def for_parameters(self, parameters: Mapping[str, Any]) -> "Capabilities":
        """Return what a request with these parameters can have; for most models they change nothing.

        Raises:
            InvalidInput: parameters of which nothing can be made.
        """
        del parameters
        return self

    def sendable(self, parameters: Mapping[str, Any], *, inputs: int) -> dict[str, Any]:
        """Return the parameters that have a meaning in a request with so many input images: no others are sent."""
        rules = self.parameters or {}
        return {name: value for name, value in parameters.items() if name not in rules or rules[name].goes_with(inputs)}

    def upper_price(
        self, *, count: int, inputs: int, prompt_bytes: int, parameters: Mapping[str, Any] | None = None
    ) -> float | None:
        """Return the most one request can cost in US dollars, None where that is not known.

        A token is at least one byte of text, so `prompt_bytes` bounds the text tokens.
        """
        price = self.price
        per_image = price.bound_per_image(parameters or {})
        if per_image is None:
            return None
        text = prompt_bytes * (price.text_input_per_million or 0.0) / 1_000_000
        return round(count * (per_image + inputs * price.max_per_input_image + text), 6)
