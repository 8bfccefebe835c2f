"""The wire format of Gemini's generateContent: from a request to a body, from an answer to images and tokens."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from promptlab.adapters.ai.encoding import from_base64, to_base64
from promptlab.adapters.ai.prices import Tokens, token_count
from promptlab.adapters.ai.protocol import ImageRequest

_GROUPS = {
    "imageConfig": ("aspectRatio", "imageSize", "personGeneration", "prominentPeople", "imageOutputOptions"),
    "thinkingConfig": ("thinkingLevel", "thinkingBudget", "includeThoughts"),
}
"""Parameters that the service wants within another one."""
_BESIDE_CONFIG = ("safetySettings", "tools", "toolConfig", "cachedContent", "labels")
_LONG = ("inlineData", "thoughtSignature")

_REFUSING = re.compile(r"SAFETY|PROHIBITED_CONTENT|BLOCKLIST|SPII|RECITATION")
"""Found in each finish reason of the content policy, alone and with `IMAGE_` before it."""


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """What an answer of success holds: images in its order, what was unusable, and all the rest as JSON data."""

    images: tuple[bytes, ...]
    complaints: tuple[str, ...] = ()
    rest: Mapping[str, Any] = field(default_factory=dict)


def body_of(request: ImageRequest, *, with_seed: bool) -> dict[str, Any]:
    """Return the body of a request: one turn of a user, the images before the text."""
    given = dict(request.parameters)
    beside = {name: given.pop(name) for name in _BESIDE_CONFIG if name in given}
    for group, names in _GROUPS.items():
        if found := {name: given.pop(name) for name in names if name in given}:
            given[group] = found
    if isinstance(size := given.get("imageConfig"), dict) and "imageSize" in size:
        size["imageSize"] = str(size["imageSize"])  # 512 is read as a number where it is typed
    if with_seed and request.seed is not None:
        given["seed"] = request.seed
    pictures = [{"inlineData": {"mimeType": each.media_type, "data": to_base64(each)}} for each in request.inputs]
    system = {"systemInstruction": {"parts": [{"text": request.system_prompt}]}} if request.system_prompt else {}
    return {
        **beside,
        **system,
        "contents": [{"role": "user", "parts": [*pictures, {"text": request.user_prompt}]}],
        # Without text, which the models like to add, costs, and sometimes is all that they answer.
        "generationConfig": {"responseModalities": ["IMAGE"], **given},
    }


def is_refusal(finish_reason: str) -> bool:
    """Say whether an answer that ends so was stopped by the content policy."""
    return _REFUSING.search(finish_reason) is not None


def drawing_of(body: Mapping[str, Any]) -> Drawing:
    """Return what an answer holds. Thoughts are left out, which may be drafts, and images that the policy withholds."""
    images: list[bytes] = []
    complaints: list[str] = []
    for candidate in _objects(body.get("candidates")):
        if is_refusal(str(candidate.get("finishReason"))):
            continue
        for data in _pictures(candidate):
            try:
                images.append(from_base64(data))
            except ValueError:
                complaints.append("One image of the answer is no valid base64.")
    return Drawing(images=tuple(images), complaints=tuple(complaints), rest=_without_long(body))


def text_of(candidate: Mapping[str, Any]) -> str:
    """Return what the model said, without its thoughts."""
    said = (part.get("text") for part in _parts(candidate) if part.get("thought") is not True)
    return "".join(text for text in said if isinstance(text, str)).strip()


def first_candidate(body: Mapping[str, Any]) -> Mapping[str, Any]:
    return next(_objects(body.get("candidates")), {})


def tokens_of(usage: object) -> Tokens:
    """Return the tokens that an answer counts, thoughts as text.

    What comes out and no detail accounts for is text where the details count an image (a recorded answer lists the
    1,290 tokens of its image and not the 28 of its text), and may be anything where they do not.
    """
    if not isinstance(usage, dict):
        return Tokens()
    text, image = _by_modality(usage.get("promptTokensDetails"))
    words, drawn = _by_modality(usage.get("candidatesTokensDetails"))
    others = max(0, token_count(usage.get("candidatesTokenCount")) - words - drawn)
    return Tokens(
        text_input=text,
        image_input=image,
        other_input=max(0, token_count(usage.get("promptTokenCount")) - text - image)
        + token_count(usage.get("toolUsePromptTokenCount")),
        output=drawn or others,
        text_output=words + (others if drawn else 0) + token_count(usage.get("thoughtsTokenCount")),
    )


def _pictures(candidate: Mapping[str, Any]) -> Iterator[str]:
    for part in _parts(candidate):
        inline = part.get("inlineData")
        if part.get("thought") is not True and isinstance(inline, dict) and isinstance(inline.get("data"), str):
            yield inline["data"]


def _by_modality(details: object) -> tuple[int, int]:
    counts = {str(each.get("modality")): token_count(each.get("tokenCount")) for each in _objects(details)}
    return counts.get("TEXT", 0), counts.get("IMAGE", 0)


def _without_long(body: Mapping[str, Any]) -> dict[str, Any]:
    candidates = [
        {
            **candidate,
            "content": {
                "parts": [
                    {name: value for name, value in part.items() if name not in _LONG} for part in _parts(candidate)
                ]
            },
        }
        for candidate in _objects(body.get("candidates"))
    ]
    return {**body, "candidates": candidates}


def _parts(candidate: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    content = candidate.get("content")
    return _objects(content.get("parts") if isinstance(content, dict) else None)


def _objects(found: object) -> Iterator[dict[str, Any]]:
    return (each for each in found if isinstance(each, dict)) if isinstance(found, list) else iter(())
