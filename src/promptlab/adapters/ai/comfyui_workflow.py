"""A workflow of ComfyUI with placeholders: what it takes, and the graph that is sent once they are filled."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from promptlab.adapters.ai.capabilities import Capabilities, ParameterRule
from promptlab.errors import InvalidInput

PARAMETER = "workflow"

_PLACEHOLDER = re.compile(r"%([A-Za-z]\w*)%")
_INPUT = re.compile(r"input_[1-9]\d?")
_FLAGGED = {"prompt", "system_prompt", "seed", "count", "model"}
_TAKEN = {PARAMETER, "n", "image", "mask", "stream", "partial_images"}
"""What no parameter can be called, since it has a flag or a meaning already."""

_OWN_PLACEHOLDERS = "filename_prefix"
"""The input in which ComfyUI fills placeholders of its own, %width% and %year% among them."""

_EXPORT = "In ComfyUI: Workflow > Export (API); then --param workflow=@FILE."
_KNOWN = "What has a flag: %prompt%, %system_prompt%, %seed%, %count%, %model%; images: %input_1%, %input_2%."


@dataclass(frozen=True)
class Workflow:
    """A graph in API format: nodes by their ids, each with a class and inputs, in which `%name%` is a placeholder."""

    nodes: Mapping[str, Any]

    @classmethod
    def of(cls, given: object) -> "Workflow":
        """Return the workflow that the parameter holds.

        Raises:
            InvalidInput: it is none in API format, or no request could be put into it.
        """
        if given is None:
            raise InvalidInput("comfyui runs a workflow, and none is given.", hint=_EXPORT)
        if not isinstance(given, Mapping):
            raise InvalidInput("The workflow is no JSON object.", hint=_EXPORT)
        if "nodes" in given and "links" in given:
            raise InvalidInput("The workflow is as ComfyUI saves it, not in its API format.", hint=_EXPORT)
        for name, node in given.items():
            if not (isinstance(node, Mapping) and "class_type" in node and isinstance(node.get("inputs"), Mapping)):
                raise InvalidInput(f"The workflow is not in API format: {name!r} is no node with inputs.", hint=_EXPORT)
        workflow = cls(given)
        workflow.require_usable()
        return workflow

    @cached_property
    def placeholders(self) -> list[str]:
        """The names of the placeholders, in the order in which they are found."""
        texts = (text for node in self.nodes.values() for text in _texts(_open_inputs(node)))
        return list(dict.fromkeys(name for text in texts for name in _PLACEHOLDER.findall(text)))

    @property
    def inputs(self) -> int:
        """How many input images it takes, no more and no fewer."""
        return sum(1 for name in self.placeholders if _INPUT.fullmatch(name))

    @property
    def parameters(self) -> list[str]:
        """The placeholders that parameters fill."""
        return [name for name in self.placeholders if name not in _FLAGGED and not _INPUT.fullmatch(name)]

    @property
    def separates_system_prompt(self) -> bool:
        """Whether it has a place for the system prompt."""
        return "system_prompt" in self.placeholders

    def require_usable(self) -> None:
        """Check that a prompt goes in and that all placeholders can be filled; raises InvalidInput."""
        if "prompt" not in self.placeholders:
            raise InvalidInput(
                "The workflow has no %prompt%.", hint="Write it where the prompt goes: the text of a CLIPTextEncode."
            )
        for number in range(1, self.inputs + 1):
            if f"input_{number}" not in self.placeholders:
                raise InvalidInput(f"The workflow counts its inputs wrongly: none is %input_{number}%.", hint=_KNOWN)
        for name in self.parameters:
            if name in _TAKEN:
                raise InvalidInput(f"Nothing can fill %{name}% in the workflow.", hint=_KNOWN)

    def filled(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the graph with each placeholder filled: one that is a whole text becomes the value, with its type.

        Raises:
            InvalidInput: there is no value for one.
        """
        for name in self.placeholders:
            if name not in values:
                raise InvalidInput(f"There is no value for %{name}% in the workflow.")
        return {
            name: {**node, "inputs": {**node["inputs"], **_each_text(_open_inputs(node), lambda t: _fill(t, values))}}
            for name, node in self.nodes.items()
        }


@dataclass(frozen=True, kw_only=True)
class WorkflowCapabilities(Capabilities):
    """What is known before the workflow is, from which `for_parameters` learns the rest.

    `model` is what fills %model%, None where nobody has named one; `any_workflow` is what holds for all of them.
    """

    model: str | None
    any_workflow: Capabilities

    def for_parameters(self, parameters: Mapping[str, Any]) -> Capabilities:
        workflow = Workflow.of(parameters.get(PARAMETER))
        names = workflow.placeholders
        if "model" in names and self.model is None:
            raise InvalidInput("The workflow has %model%, and no model is named.", hint="Name it with --model.")
        found = self if self.known else self.any_workflow
        rules = found.parameters or {}
        return replace(
            found,
            seed="seed" in names,
            system_prompt="system_prompt" in names,
            max_count=found.max_count if "count" in names else 1,
            min_inputs=workflow.inputs,
            max_inputs=workflow.inputs,
            parameters={
                PARAMETER: ParameterRule(),
                **{name: replace(rules.get(name, ParameterRule()), required=True) for name in workflow.parameters},
            },
            called=f"The workflow (with {', '.join(f'%{name}%' for name in names)})",
        )


def _open_inputs(node: Mapping[str, Any]) -> dict[str, Any]:
    """Return the inputs of a node in which placeholders are looked for."""
    return {name: value for name, value in node["inputs"].items() if name != _OWN_PLACEHOLDERS}


def _texts(value: object) -> Iterator[str]:
    """Yield each text within JSON data."""
    if isinstance(value, str):
        yield value
    for each in value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ():
        yield from _texts(each)


def _each_text(value: Any, change: Callable[[str], Any]) -> Any:
    """Return JSON data with each text changed."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {name: _each_text(each, change) for name, each in value.items()}
    return [_each_text(each, change) for each in value] if isinstance(value, list) else value


def _fill(text: str, values: Mapping[str, Any]) -> Any:
    whole = _PLACEHOLDER.fullmatch(text)
    return values[whole[1]] if whole else _PLACEHOLDER.sub(lambda found: _written(values[found[1]]), text)


def _written(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
