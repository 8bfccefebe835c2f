"""What a real ComfyUI 0.3.64 answered: the service on loopback answers the same, and promptlab understands it.

The recording is without timestamps and stack traces.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.loopback import serving_service
from tests.pictures import picture
from tests.vendors.comfyui import ComfyuiService

from promptlab.adapters.ai.comfyui_answers import complaints, ended

EXCHANGES = json.loads((Path(__file__).parents[1] / "recordings" / "comfyui-0.3.64.json").read_text(encoding="utf-8"))
UPLOADS: list[dict[str, Any]] = [
    {"files": {"image": ("in.png", picture("red").data)}},
    {"files": {"image": ("in.png", picture("red").data)}},
    {"files": {"image": ("in.png", picture("blue").data)}},
    {"files": {"image": ("in.png", picture("red").data)}, "data": {"subfolder": "promptlab"}},
    {"files": {"other": ("in.png", picture("red").data)}},
    {"files": {"image": ("bad.png", b"no image")}},
]
"""What was uploaded: the recording has no bodies of forms."""


@pytest.fixture
def service() -> Iterator[ComfyuiService]:
    with serving_service(ComfyuiService) as found:
        found.folders.checkpoints = ()
        yield found


def test_the_service_answers_as_recorded(service: ComfyuiService) -> None:
    """In the order of the recording, with what each answer says but for the names of jobs, which are made up."""
    uploads, names = list(UPLOADS), dict[str, str]()
    with httpx.Client(base_url=service.base_url) as client:
        for exchange in EXCHANGES:
            path = exchange["request"]["path"]
            for recorded, given in names.items():
                path = path.replace(recorded, given)
            answer = client.request(exchange["request"]["method"], path, **content(exchange["request"], uploads))
            expected = exchange["response"]
            if isinstance(expected, dict) and "prompt_id" in expected:
                names[expected["prompt_id"]] = answer.json()["prompt_id"]
            assert answer.status_code == exchange["status"], exchange
            assert said(answer, names) == (plain(expected) if isinstance(expected, dict) else expected), exchange
    assert uploads == []


def content(request: dict[str, Any], uploads: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the body of a recorded request as httpx takes it."""
    if request["path"] == "/upload/image":
        return uploads.pop(0)
    if request["body"] == "<multipart>":  # the one that was no JSON
        return {"content": b"{"}
    return {"json": request["body"]} if request["body"] is not None else {}


def said(answer: httpx.Response, names: dict[str, str]) -> Any:
    """Return an answer as the recorder wrote it down."""
    text = answer.text if answer.headers["content-type"] == "application/json" else ""
    for recorded, given in names.items():
        text = text.replace(given, recorded)
    if text.startswith("{"):
        return plain(json.loads(text))
    kind = {"image/png": "375 bytes image/png"}.get(answer.headers["content-type"])
    kind = kind or ("55 bytes text/plain; charset=utf-8" if len(answer.content) == 55 else "0 bytes None")
    return f"<{kind}>"


def plain(value: Any) -> Any:
    """Return JSON data without the order that a set had by chance, and without what only a real server knows."""
    if isinstance(value, dict):
        left_out = {"prompt_id"} if "prompt_id" in value and "number" not in value else set()
        return {
            name: sorted(each) if name == "current_outputs" else plain(each)
            for name, each in value.items()
            if name not in left_out
        }
    return [plain(each) for each in value] if isinstance(value, list) else value


def histories() -> list[Any]:
    return [
        next(iter(exchange["response"].values()))
        for exchange in EXCHANGES
        if exchange["request"]["path"].startswith("/history/") and exchange["response"]
    ]


def test_each_recorded_end_is_understood() -> None:
    """Images by their names, a repetition as one, and a failure in the words of the node."""
    found = [ended(entry) for entry in histories()]
    assert [len(end.images) for end in found] == [2, 2, 2, 2, 1, 0]
    assert [bool(end.warnings) for end in found] == [False, True, False, False, False, False]
    assert found[0].images[0] == {"filename": "promptlab_00001_.png", "subfolder": "", "type": "output"}
    assert found[4].images == [{"filename": "inv_00001_.png", "subfolder": "sub", "type": "output"}]
    assert [end.failure for end in found[:5]] == [None] * 5
    assert found[5].failure == (
        "Node 3 (LoadImage) failed with PIL.UnidentifiedImageError: "
        "cannot identify image file '/opt/comfy/input/bad.png'"
    )


def test_each_recorded_complaint_is_a_sentence_with_node_and_input() -> None:
    found = [
        complaints(each["response"])
        for each in EXCHANGES
        if each["status"] == 400 and each["response"] != "<0 bytes None>"
    ]
    no_number = "(width, abc, invalid literal for int() with base 10: 'abc')"
    no_checkpoint = (
        "Node 4 (CheckpointLoaderSimple), input ckpt_name: Value not in list (ckpt_name: 'sd15.safetensors' not in [])"
    )
    mismatch = (
        "Node 7 (VAEDecode), input samples: Return type mismatch between linked nodes "
        "(samples, received_type(MODEL) mismatch input_type(LATENT))"
    )
    assert found == [
        "No prompt provided",
        "Cannot execute because node Nope does not exist. Node ID '#1'",
        "Cannot execute because a node is missing the class_type property. Node ID '#1'",
        "Prompt has no outputs",
        "Node 1 (EmptyImage), input width: Required input is missing",
        f"Node 1 (EmptyImage), input width: Failed to convert an input value to a INT value {no_number}",
        "Node 1 (EmptyImage), input width: Value 0 smaller than min of 1",
        "Node 2 (SaveImage): Exception when validating node ('9')",
        f"{no_checkpoint}; {mismatch}",
        "Node 1 (LoadImage), input image: Custom validation failed for node (image - Invalid image file: nope.png)",
    ]
