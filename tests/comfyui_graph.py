"""ComfyUI's judgement of a graph and its execution, word for word as a real server of version 0.3.64 was recorded."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.comfyui_nodes import Folders, NodeClass, node_classes

Graph = Mapping[str, Any]


class InvalidGraph(Exception):
    """The server takes the graph for none; `body` is what it says."""

    def __init__(self, kind: str, message: str, details: str = "", nodes: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        error = {"type": kind, "message": message, "details": details, "extra_info": {}}
        self.body = {"error": error, "node_errors": dict(nodes or {})}


def validated(graph: Graph, folders: Folders) -> tuple[list[str], dict[str, Any]]:
    """Return the outputs that can be made, and what is wrong with the nodes of the others; raises InvalidGraph."""
    classes = node_classes(folders)
    for name, node in graph.items():
        if "class_type" not in node:
            message = "Cannot execute because a node is missing the class_type property."
            raise InvalidGraph("invalid_prompt", message, f"Node ID '#{name}'")
        if node["class_type"] not in classes:
            message = f"Cannot execute because node {node['class_type']} does not exist."
            raise InvalidGraph("invalid_prompt", message, f"Node ID '#{name}'")
    outputs = [name for name, node in graph.items() if classes[node["class_type"]].is_output]
    if not outputs:
        raise InvalidGraph("prompt_no_outputs", "Prompt has no outputs")
    return _sorted_out(graph, outputs, _Judge(graph, classes, folders))


def _sorted_out(graph: Graph, outputs: list[str], judge: "_Judge") -> tuple[list[str], dict[str, Any]]:
    nodes: dict[str, Any] = {}
    good, said = [], []
    for output in outputs:
        found = judge.errors_before(output)
        for name, errors in found.items():
            about = {"errors": errors, "dependent_outputs": [], "class_type": graph[name]["class_type"]}
            nodes.setdefault(name, about)["dependent_outputs"].append(output)
        good += [] if found else [output]
        said += [f"{error['message']}: {error['details']}" for error in found.get(output, [])]
    if not good:
        raise InvalidGraph(
            "prompt_outputs_failed_validation", "Prompt outputs failed validation", "\n".join(said), nodes
        )
    return good, nodes


@dataclass(frozen=True)
class _Judge:
    graph: Graph
    classes: Mapping[str, NodeClass]
    folders: Folders

    def errors_before(self, output: str) -> dict[str, list[dict[str, Any]]]:
        """Return what is wrong with an output and all that goes into it, by node."""
        found: dict[str, list[dict[str, Any]]] = {}
        try:
            self._visit(output, found, set())
        except KeyError as error:  # a link to a node that is not there
            about = {"exception_type": "KeyError", "traceback": []}
            found = {
                output: [_error("exception_during_validation", "Exception when validating node", str(error), about)]
            }
        return found

    def _visit(self, name: str, found: dict[str, list[dict[str, Any]]], visited: set[str]) -> None:
        if name in visited:
            return
        visited.add(name)
        node = self.graph[name]
        for place, (kind, options) in self.classes[node["class_type"]].inputs.items():
            config = [kind, *([options] if options else [])]
            value = node["inputs"].get(place)
            for error in self._errors_of(value, place, config):
                found.setdefault(name, []).append(error)
            if _is_link(value) and self._made_by(value) == kind:
                self._visit(value[0], found, visited)

    def _made_by(self, link: list[Any]) -> object:
        """Return the type of what a link brings; raises KeyError where it comes from nowhere."""
        name, position = link
        return self.classes[self.graph[name]["class_type"]].makes[position]

    def _errors_of(self, value: Any, place: str, config: list[Any]) -> Iterator[dict[str, Any]]:
        about = {"input_name": place, "input_config": config}
        if value is None:
            yield _error("required_input_missing", "Required input is missing", place, {"input_name": place})
        elif not _is_link(value):
            yield from self._errors_of_value(value, place, about)
        elif (made := self._made_by(value)) != config[0]:
            details = f"{place}, received_type({made}) mismatch input_type({config[0]})"
            more = {**about, "received_type": made, "linked_node": value}
            yield _error("return_type_mismatch", "Return type mismatch between linked nodes", details, more)

    def _errors_of_value(self, value: Any, place: str, about: dict[str, Any]) -> Iterator[dict[str, Any]]:
        kind, *more = about["input_config"]
        options = more[0] if more else {}
        if isinstance(kind, list):
            if value not in kind:
                details = f"{place}: '{value}' not in {kind}"
                yield _error("value_not_in_list", "Value not in list", details, {**about, "received_value": value})
        elif kind in {"INT", "FLOAT"}:
            yield from _errors_of_number(value, place, {**about, "received_value": value}, options)
        elif kind == "FILE" and value not in self.folders.uploads:
            details = f"{place} - Invalid image file: {value}"
            yield _error(
                "custom_validation_failed", "Custom validation failed for node", details, {"input_name": place}
            )


def _errors_of_number(
    value: Any, place: str, about: dict[str, Any], options: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    kind = about["input_config"][0]
    try:
        number = {"INT": int, "FLOAT": float}[kind](value)
    except (TypeError, ValueError) as error:
        message = f"Failed to convert an input value to a {kind} value"
        details = f"{place}, {value}, {error}"
        yield _error("invalid_input_type", message, details, {**about, "exception_message": str(error)})
        return
    if "min" in options and number < options["min"]:
        yield _error("value_smaller_than_min", f"Value {value} smaller than min of {options['min']}", place, about)
    if "max" in options and number > options["max"]:
        yield _error("value_bigger_than_max", f"Value {value} bigger than max of {options['max']}", place, about)


def _error(kind: str, message: str, details: str, about: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": kind, "message": message, "details": details, "extra_info": dict(about)}


@dataclass
class Executor:
    """Runs graphs one after the other; what the last one made is not made again by the next."""

    folders: Folders
    files: dict[tuple[str, str, str], bytes] = field(default_factory=dict)
    """What was saved, by type, subfolder and name."""
    _cache: dict[str, Any] = field(default_factory=dict)
    _shown: dict[str, list[dict[str, str]]] = field(default_factory=dict)

    def run(self, graph: Graph, outputs: list[str]) -> dict[str, Any]:
        """Return outputs, status and meta as the history has them."""
        run = _Run(graph, node_classes(self.folders), self)
        cached = [name for name in graph if run.signature(name) in self._cache]
        messages: list[list[Any]] = [["execution_start", {}], ["execution_cached", {"nodes": cached}]]
        made: dict[str, Any] = {}
        try:
            for output in outputs:
                run.result(output)
                made[output] = {"images": self._shown[run.signature(output)]}
        except _NodeFailed as error:
            messages.append(["execution_error", error.told])
            return {"outputs": made, "status": _status("error", messages), "meta": {}}
        finally:
            self._cache = run.made
        messages.append(["execution_success", {}])
        meta = {
            name: {"node_id": name, "display_node": name, "parent_node": None, "real_node_id": name} for name in outputs
        }
        return {"outputs": made, "status": _status("success", messages), "meta": meta}

    def cached(self, signature: str) -> Any:
        """Return what a node of that signature made in the last run; raises KeyError."""
        return self._cache[signature]

    def save(self, signature: str, images: list[bytes], prefix: str | None) -> None:
        """Save images as an output, or without a prefix as previews, under the next free numbers."""
        kind = "output" if prefix else "temp"
        subfolder, _slash, name = (prefix or "ComfyUI_temp").rpartition("/")
        taken = sum(1 for found in self.files if found[:2] == (kind, subfolder) and found[2].startswith(f"{name}_"))
        shown = []
        for number, image in enumerate(images, start=taken + 1):
            filename = f"{name}_{number:05}_.png"
            self.files[kind, subfolder, filename] = image
            shown.append({"filename": filename, "subfolder": subfolder, "type": kind})
        self._shown[signature] = shown


class _NodeFailed(Exception):
    def __init__(self, told: Mapping[str, Any]) -> None:
        super().__init__(told["exception_message"])
        self.told = told


@dataclass
class _Run:
    graph: Graph
    classes: Mapping[str, NodeClass]
    executor: Executor
    made: dict[str, Any] = field(default_factory=dict)

    def signature(self, name: str) -> str:
        """Return what a node is made of, without the ids of the graph."""
        inputs = {
            place: self.signature(value[0]) + str(value[1]) if _is_link(value) else value
            for place, value in self.graph[name]["inputs"].items()
        }
        text = json.dumps([self.graph[name]["class_type"], inputs], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def result(self, name: str) -> Any:
        node, signature = self.graph[name], self.signature(name)
        if signature not in self.made:
            given = {
                place: self.result(value[0]) if _is_link(value) else self._converted(name, place, value)
                for place, value in node["inputs"].items()
            }
            try:
                self.made[signature] = self.executor.cached(signature)
            except KeyError:
                self.made[signature] = self._run(name, given)
                if self.classes[node["class_type"]].is_output:
                    self.executor.save(signature, self.made[signature], node["inputs"].get("filename_prefix"))
        return self.made[signature]

    def _converted(self, name: str, place: str, value: Any) -> Any:
        kind = self.classes[self.graph[name]["class_type"]].inputs[place][0]
        return int(value) if kind == "INT" else float(value) if kind == "FLOAT" else value

    def _run(self, name: str, given: Mapping[str, Any]) -> Any:
        kind = self.graph[name]["class_type"]
        try:
            return self.classes[kind].run(**given)
        except OSError as error:  # what Pillow raises
            about = {"node_id": name, "node_type": kind, "executed": [], "traceback": []}
            inputs = {place: [value] for place, value in given.items()}
            said = {"exception_message": f"{error}\n", "exception_type": f"PIL.{type(error).__name__}"}
            raise _NodeFailed(
                {**about, **said, "current_inputs": inputs, "current_outputs": list(self.graph)}
            ) from error


def _is_link(value: Any) -> bool:
    return isinstance(value, list)


def _status(text: str, messages: list[list[Any]]) -> dict[str, Any]:
    return {"status_str": text, "completed": text == "success", "messages": messages}
