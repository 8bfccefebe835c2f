"""Views of a batch and its generations as the writers get them, with what a test wants to be different."""

from collections.abc import Sequence
from typing import Any

View = dict[str, Any]

ERROR = {"kind": "server_error", "message": "It broke.", "http_status": 500, "request_id": "req_1", "details": None}
_COUNTS = ("planned", "sending", "succeeded", "refused", "failed", "unknown", "cancelled")


def generation(number: int, state: str = "succeeded", **different: Any) -> View:
    """A generation of `banner@3`, one for each case."""
    made = state == "succeeded"
    return {
        "id": number,
        "prompt_version_id": 3,
        "prompt": "banner",
        "version": 3,
        "state": state,
        "draw": 1,
        "case": f"fox-{number}",
        "case_id": number,
        "rendered_user_prompt": "a poster of a fox",
        "outputs": [image(f"{number}")] if made else [],
        "warnings": [],
        "execution_time": 1234 if made else None,
        "cost_usd": 0.04 if made else None,
        "error": ERROR if state in {"refused", "failed", "unknown"} else None,
    } | different


def image(name: str) -> View:
    return {"url": f"s3://bucket/{name}.png", "media_type": "image/png", "width": 64, "height": 64}


def batch(items: Sequence[View], state: str = "done", **different: Any) -> View:
    """The batch that these generations are."""
    versions = {item["prompt_version_id"]: item for item in items}
    return {
        "id": 7,
        "state": state,
        **_counts(items),
        "elapsed_s": 192.4,
        "versions": [
            {"prompt_version_id": id_, "prompt": item["prompt"], "version": item["version"]}
            | _counts([each for each in items if each["prompt_version_id"] == id_])
            for id_, item in versions.items()
        ],
        "errors": [
            {
                "state": item["state"],
                "kind": item["error"]["kind"],
                "count": 1,
                "example": {"generation_id": item["id"], **{k: item["error"][k] for k in ("message", "http_status")}},
            }
            for item in items
            if item["error"]
        ],
    } | different


def _counts(items: Sequence[View]) -> View:
    states = [item["state"] for item in items]
    costs = [item["cost_usd"] for item in items if item["cost_usd"] is not None]
    return {
        "total": len(items),
        **{state: states.count(state) for state in _COUNTS},
        "cost_usd": round(sum(costs), 6) if costs else None,
        "unpriced": 0,
    }
