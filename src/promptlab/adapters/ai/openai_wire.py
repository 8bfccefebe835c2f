"""The wire format of OpenAI's Images API: from a request to a body, from a body to images."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from promptlab.adapters.ai.encoding import from_base64, from_data_url
from promptlab.adapters.ai.http_errors import Answer
from promptlab.adapters.ai.prices import Tokens, token_count
from promptlab.adapters.ai.protocol import ImageRequest, InputImage

_REPORTED = ("size", "quality", "background", "output_format", "seed")
_EXTENSIONS = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp"}

FileParts = list[tuple[str, tuple[str, bytes, str]]]


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """The images of an answer, in its order: bytes, or a URL as the answer spells it; and what was unusable."""

    found: tuple[bytes | str, ...]
    complaints: tuple[str, ...]


def fields_of(request: ImageRequest, *, with_seed: bool) -> dict[str, Any]:
    """Return the fields of a request. There is none for a system prompt, which goes before the user's."""
    fields = {name: value for name, value in request.parameters.items() if value is not None}
    if with_seed and request.seed is not None:
        fields["seed"] = request.seed
    return {**fields, "model": request.model, "prompt": request.combined_prompt, "n": request.count}


def file_parts(request: ImageRequest) -> FileParts:
    """Return the images of a request as parts: one is `image`, several are `image[]`, and the mask."""
    name = "image" if len(request.inputs) == 1 else "image[]"
    parts = [_part(name, image, f"image-{number}") for number, image in enumerate(request.inputs, start=1)]
    return [*parts, *([_part("mask", request.mask, "mask")] if request.mask else [])]


def _part(name: str, image: InputImage, stem: str) -> tuple[str, tuple[str, bytes, str]]:
    # A file name and an image's content type must be there: the service rejects application/octet-stream.
    return name, (f"{stem}.{_EXTENSIONS.get(image.media_type, 'bin')}", image.data, image.media_type)


def is_picture(answer: Answer) -> bool:
    """Say whether the answer is the image itself, as vLLM-Omni sends it for `response_format=file`."""
    return answer.headers.get("content-type", "").startswith("image/")


def pictures_of(answer: Mapping[str, Any]) -> Pictures:
    """Return the images that an answer holds or names."""
    items = answer.get("data")
    found: list[bytes | str] = []
    complaints: list[str] = []
    for item in items if isinstance(items, list) else []:
        try:
            found.append(_picture(item if isinstance(item, dict) else {}))
        except ValueError:
            complaints.append("One image of the answer is no valid base64.")
        except KeyError:
            complaints.append("One image of the answer has neither data nor a URL.")
    return Pictures(found=tuple(found), complaints=tuple(complaints))


def _picture(item: Mapping[str, Any]) -> bytes | str:
    data, url = item.get("b64_json"), item.get("url")
    if isinstance(data, str) and data:
        return from_data_url(data) if data.startswith("data:") else from_base64(data)
    if isinstance(url, str) and url:
        return from_data_url(url) if url.startswith("data:") else url
    raise KeyError("b64_json")


def reported(answer: Mapping[str, Any], request: ImageRequest) -> dict[str, Any]:
    """Return the parameters as the answer reports them, and what became of the prompt."""
    effective = {name: answer[name] for name in _REPORTED if isinstance(answer.get(name), str | int | float)}
    effective.update(request.note_of_combining)
    if revised := _revised(answer.get("data"), request.combined_prompt):
        effective["revised_prompt"] = revised[0] if len(revised) == 1 else revised
    return effective


def _revised(items: object, prompt: str) -> list[str]:
    """Return the prompts that a service has put in the place of ours, which are not always told apart from it."""
    said = [item.get("revised_prompt") for item in items if isinstance(item, dict)] if isinstance(items, list) else []
    return sorted({text for text in said if isinstance(text, str) and text not in {"", prompt}})


def tokens_of(usage: object) -> Tokens:
    """Return the tokens that an answer reports; input tokens that no detail accounts for are of an unknown sort."""
    if not isinstance(usage, dict):
        return Tokens()
    details = usage.get("input_tokens_details")
    details = details if isinstance(details, dict) else {}
    text, image = token_count(details.get("text_tokens")), token_count(details.get("image_tokens"))
    return Tokens(
        text_input=text,
        image_input=image,
        other_input=max(0, token_count(usage.get("input_tokens")) - text - image),
        output=token_count(usage.get("output_tokens")),
    )
