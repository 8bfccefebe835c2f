"""Times and durations as people write them: `1h`, `7d`, ISO 8601."""

import re
from datetime import UTC, datetime, timedelta

from promptlab.errors import InvalidInput

_UNITS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400, "w": 604_800}
_DURATION = re.compile(rf"(\d{{1,9}})\s*({'|'.join(_UNITS)})")


def parse_duration(text: str) -> int:
    """Return the seconds of `90s`, `30min`, `12h`, `7d` or `2w`; raises InvalidInput for anything else."""
    match = _DURATION.fullmatch(text.strip().lower())
    if match is None:
        raise InvalidInput(f"{text!r} is no duration.", hint="Write 90s, 30min, 12h, 7d or 2w.")
    return int(match[1]) * _UNITS[match[2]]


def parse_time(text: str) -> datetime:
    """Return the moment that ISO 8601 names (in this machine's zone unless it says one), or `7d` ago.

    Raises:
        InvalidInput: neither of these.
    """
    if _DURATION.fullmatch(text.strip().lower()):
        try:
            return datetime.now(UTC) - timedelta(seconds=parse_duration(text))
        except OverflowError as error:
            raise InvalidInput(f"{text!r} ago was before the calendar begins.") from error
    try:
        return datetime.fromisoformat(text.strip()).astimezone(UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise InvalidInput(
            f"{text!r} is no time.", hint="Write 2026-05-01, 2026-05-01T12:30Z or how long ago: 7d, 12h."
        ) from error
