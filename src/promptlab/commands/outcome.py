"""Showing what became of generations, and the exit code that says it to scripts."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from promptlab.errors import LimitReached
from promptlab.runtime import Runtime

if TYPE_CHECKING:
    from promptlab.services.dispatch import Progress
    from promptlab.services.orders import Placed

BROKEN, REFUSED, INTERRUPTED = 5, 6, 130

_NEXT = {
    "refused": "Refused by the provider's content policy. Its reason: promptlab generation show {first}",
    "failed": "Failed. Once the cause is mended, send again with: promptlab generation retry {ids}",
    "unknown": "Unknown: no answer says whether this was made and billed, so sending again may buy it twice.\n"
    "What is known: promptlab generation show {first}\n"
    "Send again with: promptlab generation retry {ids}",
    "unfinished": "Not finished in time: the provider may still be making this. Ask for it, which buys nothing while "
    "the provider knows of it, with: promptlab generation retry {ids}",
    "planned": "Go on with: promptlab generation retry {ids}",
    "sending": "What was in flight or could not be stored is settled by the next command: generation {ids}.",
}
"""What to do next about generations that ended in each state, in this order; `unfinished` are jobs, see below."""

_UNFINISHED = {"still_running", "not_asked"}
"""Kinds of errors of a job that took longer than one waits: a retry asks about it before anything is sent again."""

ASKED_WRONGLY = {"not_found", "bad_request", "too_large", "bad_workflow"}
"""Kinds of errors that come from what was asked, so that sending the same again cannot help."""

_TO_CHECK = {"auth", "forbidden", "quota", "connection", "not_found"}
"""Kinds of errors that `provider check` meets as well, and explains."""

_ANOTHER_VERSION = (
    "{provider} does not know or take what {version} asks for. Another model or parameter needs another version:\n"
    "promptlab prompt create {prompt} --from {version} --model MODEL\n"
    "Models that are known: promptlab provider list --models --provider {provider}"
)

_ANOTHER_WORKFLOW = (
    "{provider} does not take the workflow of {version} as it is filled. Mend its file, or name another model:\n"
    "promptlab prompt create {prompt} --from {version} --param workflow=@FILE\n"
    "promptlab prompt create {prompt} --from {version} --model MODEL"
)


@contextmanager
def watched(runtime: Runtime, what: str, total: int) -> "Iterator[Progress]":
    """Show how far generations have come while the block runs."""
    from promptlab.services.dispatch import Progress

    with runtime.output.progress(what, total) as advance:
        yield Progress(finished=lambda _id: advance(), stopping=runtime.output.warn)


def show_generations(
    runtime: Runtime, placed: "Placed", *, as_json: bool, save: Path | None = None, preview: bool = False
) -> int:
    """Show the generations of an order and return the exit code; raises what stopped the order, after showing."""
    from promptlab.output.cells import counted
    from promptlab.output.generations import generation_table
    from promptlab.services import reading, saving

    items = reading.full_views(runtime.lab, placed.generation_ids)
    data: dict[str, Any] = {"items": items}
    data |= {"next_cursor": None} if placed.batch_id is None else {"batch_id": placed.batch_id}
    runtime.output.show(data, lambda console: generation_table(console, items, runtime.link), as_json=as_json)
    if preview and not as_json:
        runtime.output.show_pictures([item for item in items if item["outputs"]], runtime.storage.read)
    for warning in dict.fromkeys(text for item in items for text in item["warnings"]):
        runtime.output.warn(warning)
    _say_what_is_wrong(runtime, items)
    _say_what_is_left(runtime, placed, items)
    if not as_json:
        _say_where_images_are(runtime, items)
    if save is not None:
        paths = saving.save(runtime.lab, items, save)
        runtime.output.note(f"Wrote {counted(len(paths), 'image')} to {save}, and a sidecar for each generation.")
    if isinstance(placed.stopped_by, KeyboardInterrupt):
        return INTERRUPTED
    if placed.stopped_by is not None:
        raise placed.stopped_by
    return _exit_code(items)


def _say_what_is_left(runtime: Runtime, placed: "Placed", items: Sequence[dict[str, Any]]) -> None:
    """Say what to do next about everything that has no images."""
    from promptlab.services.id_ranges import as_ranges

    left = [item for item in items if not _is_wrong(item)]
    ids = {state: [item["id"] for item in left if _standing(item) == state] for state in _NEXT}
    for sentence in placed.left_alone:
        runtime.output.note(sentence)
    for state, sentence in _NEXT.items():
        if ids[state]:
            raised = " --max-cost USD" if isinstance(placed.stopped_by, LimitReached) and state == "planned" else ""
            runtime.output.note(sentence.format(ids=as_ranges(ids[state]), first=ids[state][0]) + raised)


def _say_what_is_wrong(runtime: Runtime, items: Sequence[dict[str, Any]]) -> None:
    """Point to what helps where sending the same again cannot: another version, or a look at the provider."""
    for item in {item["prompt_version_id"]: item for item in items if _is_wrong(item)}.values():
        version = f"{item['prompt']}@{item['version']}"
        told = _ANOTHER_WORKFLOW if item["error"]["kind"] == "bad_workflow" else _ANOTHER_VERSION
        runtime.output.note(told.format(prompt=item["prompt"], version=version, provider=item["provider"]))
    failed = [item for item in items if item["state"] == "failed"]
    for provider in dict.fromkeys(item["provider"] for item in failed if item["error"]["kind"] in _TO_CHECK):
        runtime.output.note(f"Are key and address right? promptlab provider check {provider}")


def _standing(item: dict[str, Any]) -> str:
    """Return the generation's state, or `unfinished` for a job whose provider can be asked about it again."""
    waited_for = item["state"] == "unknown" and item["error"]["kind"] in _UNFINISHED
    return "unfinished" if waited_for else str(item["state"])


def _is_wrong(item: dict[str, Any]) -> bool:
    """Say whether the same request would fail again, whatever is mended around it."""
    return item["state"] == "failed" and item["error"]["kind"] in ASKED_WRONGLY


def _say_where_images_are(runtime: Runtime, items: Sequence[dict[str, Any]]) -> None:
    """Say how to get at the images: not every terminal can follow the links in its table."""
    first = next((item["id"] for item in items if item["outputs"]), None)
    if first is not None:
        runtime.output.note_on_terminal(
            f"See images: `promptlab generation open {first}` opens them, `promptlab generation show {first}` has the "
            "whole address."
        )


def _exit_code(items: Sequence[dict[str, Any]]) -> int:
    states = {item["state"] for item in items}
    if states & {"failed", "unknown"}:
        return BROKEN
    return REFUSED if "refused" in states else 0
