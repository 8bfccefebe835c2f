"""What an answer cost, from the tokens that it reports."""

from dataclasses import dataclass

from promptlab.adapters.ai.capabilities import Price


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """What was used; `other_input` are input tokens of which nobody says whether they are text or image."""

    text_input: int = 0
    image_input: int = 0
    other_input: int = 0
    output: int = 0


def token_cost(tokens: Tokens, price: Price) -> float | None:
    """Return US dollars, None where a price is not known.

    Tokens of an unknown sort are charged at the dearer rate. No tokens at all is a server that does not count, not an
    image for nothing.
    """
    text, image, out = price.text_input_per_million, price.image_input_per_million, price.image_output_per_million
    if text is None or image is None or out is None or tokens == Tokens():
        return None
    dollars = tokens.text_input * text + tokens.image_input * image + tokens.output * out
    return round((dollars + tokens.other_input * max(text, image)) / 1_000_000, 6)
