"""What ComfyUI answers: the queue, how a job ended, and what is wrong with a workflow, in sentences."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

_LONGEST = 2000
_FROM_CACHE = (
    "ComfyUI answered from its cache: these are the images of an earlier job with the same workflow and seed, "
    "no new sample."
)


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a job ended: the images that it names, or why there are none.

    `failure` is a sentence, None after a success; `details` are the service's own words for it.
    """

    images: list[Mapping[str, Any]]
    warnings: tuple[str, ...] = ()
    failure: str | None = None
    interrupted: bool = False
    details: Mapping[str, Any]


def queued(queue: object, *, kinds: Iterable[str] = ("queue_running", "queue_pending")) -> set[str]:
    """Return the names of the jobs in an answer of /queue."""
    entries = [entry for kind in kinds for entry in _list(_object(queue).get(kind))]
    return {str(entry[1]) for entry in entries if isinstance(entry, list) and len(entry) > 1}


def is_queue(body: object) -> bool:
    """Say whether an answer is one of /queue."""
    return isinstance(body, Mapping) and "queue_running" in body


def history_entry(body: object, name: str) -> Mapping[str, Any] | None:
    """Return the job's entry in an answer of /history, None where there is none (yet)."""
    entry = body.get(name) if isinstance(body, Mapping) else None
    return entry if isinstance(entry, Mapping) else None


def ended(entry: Mapping[str, Any]) -> Ended:
    """Return how the job of a history entry ended."""
    status = _object(entry.get("status"))
    messages = {str(each[0]): _object(each[1]) for each in _list(status.get("messages")) if len(_list(each)) == 2}
    if status.get("status_str") != "error":
        return _success(_object(entry.get("outputs")), _list(messages.get("execution_cached", {}).get("nodes")))
    told = messages.get("execution_error", messages.get("execution_interrupted", {}))
    details = {name: told[name] for name in ("node_id", "node_type", "exception_type") if told.get(name)}
    return Ended(images=[], failure=_failure(told), interrupted="execution_interrupted" in messages, details=details)


def complaints(body: Mapping[str, Any]) -> str:
    """Return what is wrong with a graph as a sentence that names nodes and inputs, empty where nothing is said."""
    nodes = _object(body.get("node_errors"))
    found = [
        _complaint(name, _object(node), _object(error))
        for name, node in nodes.items()
        for error in _list(_object(node).get("errors"))
    ]
    error = body.get("error")
    if not found and isinstance(error, Mapping):
        found = [" ".join(dict.fromkeys(str(error[part]) for part in ("message", "details") if error.get(part)))]
    return ("; ".join(found) or (error if isinstance(error, str) else ""))[:_LONGEST]


def categories(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the service's own words for what is wrong with a graph: the error's type, and those at each node."""
    nodes = {
        name: [_object(error).get("type") for error in _list(_object(node).get("errors"))]
        for name, node in _object(body.get("node_errors")).items()
    }
    kind = _object(body.get("error")).get("type")
    return {**({"type": kind} if kind else {}), **({"node_errors": nodes} if nodes else {})}


def _success(outputs: Mapping[str, Any], cached: Iterable[object]) -> Ended:
    """Return the images that were saved, else the previews; nodes that were all in the cache have made nothing new."""
    every = [
        (node, image)
        for node, output in outputs.items()
        for image in _list(_object(output).get("images"))
        if isinstance(image, Mapping) and isinstance(image.get("filename"), str)
    ]
    saved = [(node, image) for node, image in every if image.get("type") == "output"] or every
    fresh = {node for node, _image in saved} - {str(node) for node in cached}
    return Ended(
        images=[image for _node, image in saved], warnings=(_FROM_CACHE,) if saved and not fresh else (), details={}
    )


def _failure(told: Mapping[str, Any]) -> str:
    node = f"Node {told.get('node_id')} ({told.get('node_type')})" if told.get("node_id") else "A node"
    if "exception_message" not in told:
        return f"{node} was interrupted." if told else "The job ended with the status 'error'."
    why = " ".join(str(told["exception_message"]).split())[:_LONGEST]
    return f"{node} failed with {told.get('exception_type')}: {why}"


def _complaint(name: str, node: Mapping[str, Any], error: Mapping[str, Any]) -> str:
    """Return `Node 4 (Loader), input ckpt_name: Value not in list (ckpt_name: 'x' not in [])`."""
    place = _object(error.get("extra_info")).get("input_name")
    where = f"Node {name} ({node.get('class_type')})" + (f", input {place}" if place else "")
    more = error.get("details")
    return f"{where}: {error.get('message')}" + (f" ({more})" if more and more != place else "")


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
