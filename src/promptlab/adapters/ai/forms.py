"""The fields of a request as the parts of a multipart form."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

FormParts = list[tuple[str, tuple[str | None, str | bytes, str | None]]]
"""Names, and of each the file name, the content and its type, of which a text has but the content."""


def text_parts(fields: Mapping[str, Any]) -> dict[str, str]:
    """Return the fields as the text parts of a multipart form; what is nested is spelled `svg[model]`."""
    return dict(_flat(fields))


def form_parts(fields: Mapping[str, Any]) -> FormParts:
    """Return the fields as what httpx calls files, which makes a multipart form also where there is no file."""
    return [(name, (None, text, None)) for name, text in text_parts(fields).items()]


def _flat(fields: Mapping[str, Any], outer: str = "") -> Iterator[tuple[str, str]]:
    for name, value in fields.items():
        spelled = f"{outer}[{name}]" if outer else name
        if isinstance(value, dict):
            yield from _flat(value, spelled)
        else:
            yield spelled, value if isinstance(value, str) else json.dumps(value)
