"""What Replicate's models say that their fields are called."""

from typing import Any

import pytest

from promptlab.adapters.ai.replicate_models import input_schema, names_in

_FILE = {"type": "string", "format": "uri"}
_FILES = {"type": "array", "items": _FILE}
_TEXT = {"type": "string"}


@pytest.mark.parametrize(
    ("schema", "names"),
    [
        ({"prompt": _TEXT}, {}),
        ({"prompt": _TEXT, "seed": {}, "num_outputs": {}}, {"seed": "seed", "count": "num_outputs"}),
        ({"image": _FILE, "mask": _FILE}, {"input": "image"}),
        ({"mask": _FILE}, {}),
        ({"selfie": _FILE, "image": _TEXT}, {"input": "selfie"}),
        ({"control": _FILE, "image": _FILE}, {"input": "image"}),
        ({"image": _FILE, "input_images": _FILES}, {"inputs": "input_images"}),
        ({"style_images": _FILES, "image_input": _FILES}, {"inputs": "image_input"}),
        ({"style_images": _FILES, "pose_images": _FILES, "image": _FILE}, {"input": "image"}),
        ({"left": _FILE, "right": _FILE}, {}),
        ({"image": None, "images": {"items": "x"}, "photo": []}, {}),
    ],
)
def test_the_usual_names_go_first_and_a_field_alone_needs_none(schema: dict[str, Any], names: dict[str, str]) -> None:
    """Where nobody can say which field is meant, it is none."""
    assert names_in(schema) == names


@pytest.mark.parametrize("described", [None, [], {}, {"latest_version": None}, {"openapi_schema": {"components": 5}}])
def test_a_description_without_fields_has_none(described: object) -> None:
    assert input_schema(described) == {}
