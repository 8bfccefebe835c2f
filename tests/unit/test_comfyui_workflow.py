"""ComfyUI's workflows with placeholders: how they are filled, what is learned from them, and which are refused."""

from typing import Any

import pytest
from tests.vendors.comfyui import TEXT_TO_IMAGE, with_inputs

from promptlab.adapters.ai.capabilities import Capabilities
from promptlab.adapters.ai.comfyui_workflow import Workflow
from promptlab.adapters.ai.registry import open_provider
from promptlab.errors import InvalidInput
from promptlab.settings import load


def graph(**inputs: Any) -> dict[str, Any]:
    """Return a workflow with one node that has these inputs beside the prompt."""
    return {"1": {"class_type": "Any", "inputs": {"text": "%prompt%", **inputs}, "_meta": {"title": "%title%"}}}


def filled(values: dict[str, Any], **inputs: Any) -> dict[str, Any]:
    found: dict[str, Any] = Workflow.of(graph(**inputs)).filled({"prompt": "a fox", **values})["1"]["inputs"]
    return found


def learned(workflow: object, model: str = "workflow", **parameters: Any) -> Capabilities:
    provider = open_provider("comfyui", load(), for_sending=False)
    return provider.capabilities(model).for_parameters({"workflow": workflow, **parameters})


def test_a_placeholder_that_is_the_whole_text_takes_the_value_with_its_type() -> None:
    found = filled(
        {"seed": 7, "cfg": 1.5, "flag": True}, seed="%seed%", cfg="%cfg%", flag="%flag%", named="seed_%seed%"
    )
    assert found == {"text": "a fox", "seed": 7, "cfg": 1.5, "flag": True, "named": "seed_7"}


def test_placeholders_are_found_in_lists_and_objects_and_nowhere_but_in_inputs() -> None:
    found = filled({"a": 1, "b": "x"}, many=["%a%", {"deep": "%b%-%a%"}], link=["4", 0])
    assert (found["many"], found["link"]) == ([1, {"deep": "x-1"}], ["4", 0])


def test_what_a_value_holds_is_not_filled_again() -> None:
    assert filled({"prompt": "50 %seed% off", "seed": 7}, seed="%seed%")["text"] == "50 %seed% off"


@pytest.mark.parametrize("text", ["100 % wool, 50 % silk", "50%", "%", "%%", "% prompt%", "%1%", "%date:yyyy%"])
def test_other_per_cent_signs_stay(text: str) -> None:
    assert filled({}, other=text)["other"] == text


def test_the_name_of_a_file_is_left_to_comfyui_which_has_placeholders_of_its_own() -> None:
    prefix = "%year%/%width%x%height%"
    assert filled({"width": 5}, filename_prefix=prefix)["filename_prefix"] == prefix
    assert "year" not in Workflow.of(graph(filename_prefix=prefix)).placeholders


def test_the_workflow_that_is_given_stays_as_it_is() -> None:
    """A version never changes."""
    given = graph(seed="%seed%")
    Workflow.of(given).filled({"prompt": "a fox", "seed": 7})
    assert given == graph(seed="%seed%")


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        (None, "runs a workflow, and none is given"),
        ("{", "no JSON object"),
        ([], "no JSON object"),
        ({"nodes": [], "links": [], "version": 0.4}, "as ComfyUI saves it"),
        ({"prompt": graph()}, "not in API format: 'prompt' is no node"),
        ({"1": {"class_type": "Any"}}, "not in API format"),
        ({"1": {"inputs": {}}}, "not in API format"),
        ({"1": 5}, "not in API format"),
        ({}, "has no %prompt%"),
        ({"1": {"class_type": "Any", "inputs": {"text": "a fox"}}}, "has no %prompt%"),
        (graph(image="%input_2%"), "none is %input_1%"),
        (graph(image="%image%"), "Nothing can fill %image%"),
        (graph(mask="%mask%"), "Nothing can fill %mask%"),
    ],
)
def test_what_is_no_workflow_is_a_sentence(given: object, complaint: str) -> None:
    with pytest.raises(InvalidInput, match=complaint) as refused:
        learned(given)
    assert refused.value.hint


def test_a_value_that_is_not_there_is_said_to_be_missing() -> None:
    with pytest.raises(InvalidInput, match="no value for %steps%"):
        filled({}, steps="%steps%")


def test_what_it_takes_is_learned_from_its_placeholders() -> None:
    """Any model will do, and nothing costs anything."""
    found = learned(TEXT_TO_IMAGE, "any.safetensors")
    assert (found.known, found.seed, found.system_prompt, found.mask) == (True, True, False, False)
    assert (found.min_inputs, found.max_inputs, found.max_count) == (0, 0, 4096)
    rules = found.parameters or {}
    assert {name: rule.required for name, rule in rules.items()} == {"workflow": False, "width": True, "height": True}
    assert found.upper_price(count=4, inputs=0, prompt_bytes=10) == 0
    assert (learned(with_inputs(2)).min_inputs, learned(with_inputs(2)).max_inputs) == (2, 2)


def test_without_placeholders_it_takes_neither_seed_nor_count_nor_inputs() -> None:
    found = learned(graph())
    assert (found.seed, found.max_count, found.max_inputs, found.system_prompt) == (False, 1, 0, False)
    assert learned(graph(system="%system_prompt%")).system_prompt


def test_a_place_for_the_model_needs_one() -> None:
    with pytest.raises(InvalidInput, match="has %model%, and no model is named"):
        learned(graph(name="%model%"))
    assert learned(graph(name="%model%"), "sd15.safetensors").known


def test_a_models_file_may_limit_parameters_and_set_a_price(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "models.toml").write_text(
        "[comfyui.models.rented]\nprice.per_image = 0.01\nparameters.steps = { minimum = 1, maximum = 50 }\n"
    )
    monkeypatch.setenv("PROMPTLAB_MODELS_FILE", str(tmp_path / "models.toml"))
    found = learned(graph(steps="%steps%"), "rented")
    assert found.upper_price(count=1, inputs=0, prompt_bytes=0) == 0.01
    rule = (found.parameters or {})["steps"]
    assert (rule.required, rule.maximum) == (True, 50)
