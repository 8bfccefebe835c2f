"""A request's fields by the names that its model has for them."""

from promptlab.adapters.ai.encoding import to_base64
from promptlab.adapters.ai.naming import named_fields
from promptlab.adapters.ai.protocol import ImageRequest, InputImage

_ONE, _TWO = (InputImage(data=data, media_type="image/png") for data in (b"one", b"two"))
_REQUEST = ImageRequest(
    model="m", user_prompt="a fox", system_prompt="Woodcut.", inputs=(_ONE, _TWO), mask=_TWO, count=2, seed=0
)


def test_only_what_the_model_has_a_name_for_is_sent() -> None:
    """A system prompt without one goes before the user prompt."""
    assert named_fields(_REQUEST, {}, written=to_base64) == {"prompt": "Woodcut.\n\na fox"}
    assert named_fields(_REQUEST, {"count": "num_images", "seed": "seed"}, written=to_base64) == {
        "prompt": "Woodcut.\n\na fox",
        "num_images": 2,
        "seed": 0,
    }


def test_a_system_prompt_has_a_field_where_the_model_has_one() -> None:
    names = {"system_prompt": "instructions"}
    fields = named_fields(_REQUEST, names, written=to_base64)
    assert fields == {"prompt": "a fox", "instructions": "Woodcut."}


def test_images_go_in_as_one_or_as_a_list() -> None:
    assert named_fields(_REQUEST, {"input": "image_url", "mask": "mask_url"}, written=to_base64) == {
        "prompt": "Woodcut.\n\na fox",
        "image_url": to_base64(_ONE),
        "mask_url": to_base64(_TWO),
    }
    fields = named_fields(_REQUEST, {"inputs": "image_urls"}, written=to_base64)
    assert fields["image_urls"] == [to_base64(_ONE), to_base64(_TWO)]


def test_what_is_not_asked_is_not_sent() -> None:
    asked = ImageRequest(model="m", user_prompt="a fox")
    names = {what: what for what in ("system_prompt", "seed", "input", "inputs", "mask")}
    assert named_fields(asked, names, written=to_base64) == {"prompt": "a fox"}
