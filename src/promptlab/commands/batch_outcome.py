"""Showing a batch, what to do next about it, and the exit code that says to scripts what became of it."""

from typing import TYPE_CHECKING, Any

from promptlab.commands.outcome import ASKED_WRONGLY, BROKEN, REFUSED
from promptlab.runtime import Runtime

if TYPE_CHECKING:
    from promptlab.services.views import View

_AGAIN = {
    "failed": "Once the cause is mended, send what failed again with: promptlab batch resume {id} --retry-failed",
    "refused": "Ask again for what was refused, up to N times, with: promptlab batch resume {id} --retry-refused N",
    "unknown": "Unknown: no answer says whether these were made and billed, so sending again may buy them twice.\n"
    "Send them again with: promptlab batch resume {id} --retry-unknown",
}
"""What to do about generations that ended without images, in this order."""

_ENDS = "That ends by itself; nothing more is sent."
_LEFT = "What no process waits for any more is settled by the next command."
_ANEW = "The same `promptlab batch run` again plans anew what was cancelled."
_ANEW_ONE_BY_ONE = "`promptlab generation retry ID...` plans anew and sends what was cancelled."
_ANOTHER_VERSION = (
    "The same requests would fail again. Another model or parameter needs another version:\n"
    "promptlab prompt create NAME --from NAME@N --model MODEL"
)


def show_batch(runtime: Runtime, view: "View", *, as_json: bool, has_ended: bool = False) -> None:
    """Show a batch, with `errors` (`batch_views.detail`) also why something failed, and say what goes on with it.

    With JSON that is left out, unless this command has run it: `has_ended`.
    """
    from promptlab.output.batches import batch_picture

    runtime.output.show(view, lambda console: batch_picture(console, view), as_json=as_json)
    if has_ended or not as_json:
        for sentence in _next_steps(view, has_ended=has_ended):
            runtime.output.note(sentence)


def exit_code(view: "View") -> int:
    """Return the exit code of a batch that ran to its end: something failed or is unknown, was refused, or neither."""
    if view["failed"] or view["unknown"]:
        return BROKEN
    return REFUSED if view["refused"] else 0


def _next_steps(view: "View", *, has_ended: bool) -> list[str]:
    errors: list[dict[str, Any]] = view.get("errors", [])
    steps = [f"All about one: promptlab generation show {errors[0]['example']['generation_id']}"] if errors else []
    goes_on = view["state"] == "running" and not has_ended
    if view["sending"] and not goes_on:
        steps.append(f"In flight: {view['sending']}. {_LEFT if has_ended else _ENDS}")
    if view["state"] == "cancelled":
        return [*steps, _ANEW if view["request"] else _ANEW_ONE_BY_ONE]
    again = {state: text for state, text in _AGAIN.items() if view[state]}
    kinds = {error["kind"] for error in errors if error["state"] == "failed"}
    if kinds and kinds <= ASKED_WRONGLY:
        again["failed"] = _ANOTHER_VERSION
    steps += [text.format(id=view["id"]) for text in again.values()]
    if view["planned"] and not goes_on:
        steps.append(f"Go on with: promptlab batch resume {view['id']}{_higher_limits(view)}")
    return steps


def _higher_limits(view: "View") -> str:
    """Return the flags that raise the limits which may have stopped a batch."""
    if view["state"] != "stopped":
        return ""
    images = view["max_images"] is not None and view["committed_images"] >= view["max_images"]
    return (" --max-cost USD" if view["max_cost_usd"] is not None else "") + (" --max-images N" if images else "")
