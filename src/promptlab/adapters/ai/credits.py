"""What an answer to the question for the credits that are left proves: of the key, of the network."""

from urllib.parse import urlsplit

from promptlab.adapters.ai.http_errors import Answer


def proof_by_credits(answer: Answer, *, base_url: str) -> str:
    """Return a sentence about what an answer of success proves; raises ProviderFailed where it is no JSON object."""
    left, host = answer.decoded().get("credits"), urlsplit(base_url).netloc
    if isinstance(left, bool) or not isinstance(left, int | float):
        return f"{host} answers, but not with credits: that proves the network, not the key."
    return f"{host} knows this key, which has {left:g} credits left."
