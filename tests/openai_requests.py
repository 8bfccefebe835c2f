"""What OpenAI's Images API takes: requests are read and checked as strictly as the service does it."""

import json
import re
from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any
from urllib.parse import parse_qsl

from PIL import Image, UnidentifiedImageError

_SIZES = {"auto", "1024x1024", "1536x1024", "1024x1536"}
_QUALITIES = {"auto", "low", "medium", "high"}
_RETIRED = {"dall-e-2", "dall-e-3", "gpt-image-1"}
_TYPES = {"image/png", "image/jpeg", "image/webp"}
_KEYS = ("api-key", "x-key", "x-goog-api-key", "x-amz-security-token")
_FREE_SIZE = re.compile(r"(\d+)x(\d+)")


class WireError(Exception):
    """The request is not as the service takes it; in the service's own words."""

    def __init__(self, message: str, *, code: str, param: str | None = None, status: int = 400) -> None:
        super().__init__(message)
        kind = "invalid_request_error" if status < 500 else "server_error"
        self.status = status
        self.body = {"error": {"message": message, "type": kind, "param": param, "code": code}}


@dataclass(frozen=True, kw_only=True)
class FilePart:
    """One file of a multipart form."""

    name: str
    filename: str
    content_type: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request as it came; header names are lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    query: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, Any] = field(default_factory=dict)
    files: tuple[FilePart, ...] = ()
    body: bytes = field(default=b"", repr=False)
    """As it came."""

    @property
    def key(self) -> str | None:
        """The key that came with it; several vendors have a header of their own for it, and HTTP Basic is base64."""
        own = (self.headers[name] for name in _KEYS if name in self.headers)
        scheme, _space, key = self.headers.get("authorization", "").partition(" ")
        return next(own, None) or (b64decode(key).decode() if scheme == "Basic" else key) or None


def read(method: str, target: str, headers: Mapping[str, str], body: bytes) -> Request:
    """Return the request with its fields, without judging them; a body that is none of both kinds has no fields."""
    kind = headers.get("content-type", "")
    fields: dict[str, Any] = {}
    files: tuple[FilePart, ...] = ()
    if kind == "application/json":
        fields = json.loads(body)
    elif boundary := re.fullmatch(r"multipart/form-data; boundary=(\S+)", kind):
        fields, files = _form(body, boundary[1].encode())
    path, _mark, query = target.partition("?")
    asked = dict(parse_qsl(query))
    return Request(method=method, path=path, query=asked, headers=headers, fields=fields, files=files, body=body)


def _form(body: bytes, boundary: bytes) -> tuple[dict[str, Any], tuple[FilePart, ...]]:
    fields: dict[str, Any] = {}
    files: list[FilePart] = []
    for part in (b"\r\n" + body).split(b"\r\n--" + boundary)[1:-1]:
        head, _empty, data = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        about = head.decode()
        names = dict(re.findall(r'\b(name|filename)="([^"]*)"', about))
        kind = re.search(r"^content-type: *(\S+)$", about, re.IGNORECASE | re.MULTILINE)
        if "filename" in names:
            given = kind[1] if kind else "application/octet-stream"
            files.append(FilePart(name=names["name"], filename=names["filename"], content_type=given, data=data))
        else:
            fields[names["name"]] = data.decode()
    return fields, tuple(files)


def check(request: Request) -> None:
    """Refuse what the service refuses.

    Raises:
        WireError: with the service's status and error body.
    """
    edit = request.path.endswith("/edits")
    expected = "multipart/form-data" if edit else "application/json"
    if not request.headers.get("content-type", "").startswith(expected):
        raise WireError("Unsupported content type.", code="unsupported_content_type", status=415)
    fields = _numbers(request.fields) if edit else dict(request.fields)
    rules = {**_RULES, **(_EDIT_RULES if edit else _GENERATION_RULES)}
    for name, value in fields.items():
        if name not in rules:
            raise WireError(f"Unknown parameter: '{name}'.", code="unknown_parameter", param=name)
        if not rules[name](value):
            raise WireError(f"Invalid value: '{value}' for '{name}'.", code="invalid_value", param=name)
    for name in ("model", "prompt"):
        if name not in fields:
            message = f"Missing required parameter: '{name}'."
            raise WireError(message, code="missing_required_parameter", param=name)
    _check_model(fields)
    if edit:
        _check_files(request.files)


def _numbers(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the text parts of a form with whole numbers as such."""
    return {
        name: int(value) if name in {"n", "output_compression"} and value.isdecimal() else value
        for name, value in fields.items()
    }


def _whole(low: int, high: int) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _one_of(*choices: str) -> Callable[[Any], bool]:
    return lambda value: value in choices


def _text(value: Any) -> bool:
    return isinstance(value, str)


_RULES: dict[str, Callable[[Any], bool]] = {
    "model": _text,
    "prompt": lambda value: isinstance(value, str) and 0 < len(value) <= 32_000,
    "n": _whole(1, 10),
    "size": _text,
    "quality": _one_of("auto", "low", "medium", "high", "xhigh", "max"),
    "background": _one_of("auto", "opaque", "transparent"),
    "output_format": _one_of("png", "jpeg", "webp"),
    "output_compression": _whole(0, 100),
    "complexity": _one_of("low", "medium", "high"),
    "user": _text,
    "safety_identifier": _text,
}
_GENERATION_RULES = {"moderation": _one_of("auto", "low")}
_EDIT_RULES = {"input_fidelity": _one_of("low", "high")}


def _check_model(fields: Mapping[str, Any]) -> None:
    model, size = fields["model"], fields.get("size", "auto")
    if model in _RETIRED or not model.startswith(("gpt-image-", "chatgpt-image-")):
        message = f"The model '{model}' does not exist or you do not have access to it."
        raise WireError(message, code="model_not_found", status=404)
    modern = model.startswith("gpt-image-2")
    if size not in _SIZES and not (modern and _possible(size)):
        raise WireError(f"Invalid value: '{size}'.", code="invalid_value", param="size")
    if fields.get("quality", "auto") not in _QUALITIES and not model.startswith(("gpt-image-2.5", "gpt-image-2.6")):
        raise WireError(f"Invalid value: '{fields['quality']}'.", code="invalid_value", param="quality")
    if modern and "input_fidelity" in fields:
        raise WireError("Unknown parameter: 'input_fidelity'.", code="unknown_parameter", param="input_fidelity")
    if fields.get("background") == "transparent" and fields.get("output_format") == "jpeg":
        raise WireError("Transparent background needs png or webp.", code="invalid_value", param="background")


def _possible(size: str) -> bool:
    found = _FREE_SIZE.fullmatch(size)
    if not found:
        return False
    width, height = int(found[1]), int(found[2])
    fits = 0 < max(width, height) <= 3840 and width * height <= 3840 * 2160
    return fits and width % 16 == height % 16 == 0 and min(width, height) * 3 >= max(width, height)


def _check_files(files: tuple[FilePart, ...]) -> None:
    images = [part for part in files if part.name in {"image", "image[]"}]
    masks = [part for part in files if part.name == "mask"]
    if not images or len(images) + len(masks) != len(files):
        raise WireError("Missing required parameter: 'image'.", code="missing_required_parameter", param="image")
    if len(images) > 16 or len(masks) > 1 or (len(images) > 1 and any(part.name == "image" for part in images)):
        raise WireError("Too many images.", code="invalid_value", param="image")
    for part in files:
        if part.content_type not in _TYPES:
            message = f"Invalid file '{part.name}': unsupported mimetype ('{part.content_type}')."
            raise WireError(message, code="unsupported_file_mimetype", param=part.name)
    sizes = [_opened(part).size for part in images]
    for mask in map(_opened, masks):
        if mask.format != "PNG" or mask.mode not in {"RGBA", "LA"} or mask.size != sizes[0]:
            raise WireError("Invalid mask image.", code="invalid_mask_image_format", param="mask")


def _opened(part: FilePart) -> Image.Image:
    try:
        with Image.open(BytesIO(part.data)) as image:
            image.load()
            return image
    except (UnidentifiedImageError, OSError) as error:
        raise WireError("Invalid image file or mode.", code="invalid_image_file", param=part.name) from error
