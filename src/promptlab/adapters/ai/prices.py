"""What an answer cost, from the tokens that it reports."""

from dataclasses import dataclass

from promptlab.adapters.ai.capabilities import Price

_ABSURD = 10**9
"""Units; what is more is no count."""


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """What was used. Nobody says of `other_input` whether it is text or image; `text_output` comes beside `output`."""

    text_input: int = 0
    image_input: int = 0
    other_input: int = 0
    output: int = 0
    text_output: int = 0


def token_count(value: object) -> int:
    """Return the tokens that an answer counts, 0 for what is no count."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < _ABSURD else 0


def unit_cost(units: object, price: Price) -> float | None:
    """Return US dollars for what a provider counts in its answer, None where it does not or a price is not known."""
    if price.per_unit is None or isinstance(units, bool) or not isinstance(units, int | float):
        return None
    return round(units * price.per_unit, 6) if 0 <= units < _ABSURD else None


def token_cost(tokens: Tokens, price: Price) -> float | None:
    """Return US dollars, None where a price is not known.

    Tokens of an unknown sort are charged at the dearer rate. No tokens at all is a server that does not count, not an
    image for nothing.
    """
    text, image, out = price.text_input_per_million, price.image_input_per_million, price.image_output_per_million
    if text is None or image is None or out is None or tokens == Tokens():
        return None
    words = out if price.text_output_per_million is None else price.text_output_per_million
    dollars = tokens.text_input * text + tokens.image_input * image + tokens.other_input * max(text, image)
    return round((dollars + tokens.output * out + tokens.text_output * words) / 1_000_000, 6)
