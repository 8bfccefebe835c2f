"""Links that open images: made on demand, and expiring where the storage can let them."""

from datetime import UTC, datetime, timedelta

from promptlab.db import generations
from promptlab.errors import Conflict, InvalidInput
from promptlab.services.lab import Lab
from promptlab.services.views import View, time_text
from promptlab.settings.durations import parse_duration


def links(lab: Lab, generation_id: int, expires: str) -> list[View]:
    """Return a link for each image of a generation; `expires_at` is None where links do not expire.

    Raises:
        NotFound: no such generation.
        Conflict: it has no images.
        ObjectMissing: an image's file is gone.
        InvalidInput: a duration that is none, or images that are kept elsewhere.
    """
    seconds = parse_duration(expires)
    until = _until(seconds, expires)
    with lab.database.reading() as session:
        row = generations.get(session, lab.project_id, generation_id)
        outputs = generations.outputs(session, [generation_id])
    if not outputs:
        raise Conflict(f"Generation {generation_id} is {row.state.value} and has no images.")
    return [
        {
            "position": output.position,
            "url": output.url,
            "link": lab.storage.signed_url(output.url, seconds),
            "expires_at": None if output.url.startswith("file:") else until,
        }
        for output in outputs
    ]


def _until(seconds: int, expires: str) -> str | None:
    try:
        return time_text(datetime.now(UTC) + timedelta(seconds=seconds))
    except OverflowError as error:
        raise InvalidInput(f"{expires!r} from now is after the calendar ends.", hint="Write 1h or 7d.") from error
