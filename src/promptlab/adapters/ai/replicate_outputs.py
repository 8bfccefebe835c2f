"""What a prediction that has ended says: where its images are, and with which parameters they were made."""

import re
from collections.abc import Mapping
from typing import Any

_SEED = re.compile(r"\bseed\b\s*[:=]?\s*(\d{1,20})\b", re.IGNORECASE)
_LONGEST_TOLD = 500
"""Characters; a longer text is no setting."""


def picture_urls(output: object) -> list[str]:
    """Return the addresses in an output, which is one, a list of them, or an object that has them somewhere."""
    if isinstance(output, str):
        return [output] if re.match(r"(https?|data):", output) else []
    inner = output.values() if isinstance(output, dict) else output if isinstance(output, list) else ()
    return [url for each in inner for url in picture_urls(each)]


def told(end: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters that a prediction reports; a seed that the model chose itself is in its log only."""
    given = end.get("input")
    given = given if isinstance(given, dict) else {}
    effective = {name: value for name, value in given.items() if name != "prompt" and _is_setting(value)}
    if "seed" not in effective and (seed := _SEED.search(str(end.get("logs") or ""))):
        effective["seed"] = int(seed[1])
    version = end.get("version")
    if isinstance(version, str) and version not in {"", "hidden"}:
        effective["version"] = version
    return effective


def usage_of(end: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is measured: seconds, and whatever else the service counts."""
    metrics = end.get("metrics")
    return {
        name: value
        for name, value in (metrics if isinstance(metrics, dict) else {}).items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }


def _is_setting(value: object) -> bool:
    if isinstance(value, str):
        return len(value) <= _LONGEST_TOLD and not picture_urls(value)
    return isinstance(value, int | float)
