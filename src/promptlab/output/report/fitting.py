"""What of a report fits into its size: rows from the top, and pictures as large as there is room for all of them."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from promptlab.output.report.album import Album, Read, as_it_is, drawn_at, in_full
from promptlab.output.report.thumbnails import SMALLEST_BYTES, STEPS, Step

View = dict[str, Any]

LEFT_OUT = "Left out for want of room."

_SAMPLE = 24
"""How many pictures tell how large all of them get: drawing each twice would take an eighth longer."""

_CAUTION = 0.93
"""How much of the room the sample may ask for, since others may be larger."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """How large a report may be, in bytes (None: as large as it gets), and whether it has images in full size."""

    most: int | None
    full: bool
    blind: bool


@dataclass(kw_only=True)
class Fitted:
    """What is in a report, and what had to stay out of it."""

    cases: Sequence[View]
    cases_left_out: int = 0
    images: int = 0
    images_left_out: int = 0
    missing: int = 0
    """Images that are gone or cannot be drawn."""


def rows_that_fit(cases: Sequence[View], sizes: Sequence[int], room: int | None) -> Sequence[View]:
    """Return the first cases whose text takes no more than half of the room, so that pictures have the other half."""
    if room is None:
        return cases
    taken = 0
    for number, size in enumerate(sizes):
        taken += size
        if taken > room // 2:
            return cases[:number]
    return cases


def images_of(cases: Sequence[View]) -> Iterator[View]:
    """Yield every image that rows show, in order; one that is shown twice comes twice."""
    for row in cases:
        yield from row["inputs"]
        for side in row["sides"]:
            for item in side:
                yield from item["outputs"]


def fill(
    album: Album, fitted: Fitted, wanted: Wanted, *, room: int | None, read: Read, advance: Callable[[], None]
) -> None:
    """Draw the images of the rows into `room` bytes: smaller until all fit, then the first of them only.

    Raises:
        StorageUnavailable: the storage is away.
    """
    shown = list(images_of(fitted.cases))
    unique = list({image["sha256"]: image for image in shown}.values())
    worth = unique if room is None else unique[: max(0, room) // SMALLEST_BYTES]
    times = Counter(image["sha256"] for image in shown)
    if wanted.full:
        album.fill(worth, read, advance, in_full if wanted.blind else as_it_is)
    else:
        _fill_small(album, worth, times, room, lambda images, step: album.fill(images, read, advance, drawn_at(step)))
    _leave_out(album, unique, times, room)
    fitted.images = sum(album.places[image["sha256"]].missing is None for image in shown)
    fitted.images_left_out = sum(album.places[image["sha256"]].missing == LEFT_OUT for image in shown)
    fitted.missing = len(shown) - fitted.images - fitted.images_left_out


def _fill_small(
    album: Album,
    images: Sequence[View],
    times: Counter[str],
    room: int | None,
    draw: Callable[[Sequence[View], Step], None],
) -> None:
    """Draw all pictures equally small, so that none looks worse than another; some of them tell how small."""
    sample = images[:: -(-len(images) // _SAMPLE) or 1]
    rest = [image for image in images if image not in sample]
    draw(sample, STEPS[0])
    step = 0
    if room is not None and sample:
        share = sum(times[image["sha256"]] for image in sample) / sum(times[image["sha256"]] for image in images)
        step = _shrunk(album, times, room * share * _CAUTION, step)
    draw(rest, STEPS[step])
    if room is not None:
        _shrunk(album, times, room, step)


def _shrunk(album: Album, times: Counter[str], room: float, step: int) -> int:
    """Make all pictures smaller until they fit into the room, from that step on, and return the step."""
    while step + 1 < len(STEPS) and (size := _size(album, times)) > room:
        # A picture's bytes grow a little less than its pixels: a step that is far too large is not even tried.
        step = next(
            (later for later in range(step + 1, len(STEPS)) if size * _share(step, later) <= room * 1.15),
            len(STEPS) - 1,
        )
        album.shrink(STEPS[step])
    return step


def _share(now: int, later: int) -> float:
    smaller, before = STEPS[later], STEPS[now]
    return float((smaller.edge / before.edge) ** 1.6 * smaller.quality / before.quality)


def _size(album: Album, times: Counter[str]) -> int:
    return sum(place.embedded_size * times[sha256] for sha256, place in album.places.items())


def _leave_out(album: Album, images: Sequence[View], times: Counter[str], room: int | None) -> None:
    taken, full = 0, False
    for image in images:
        sha256 = image["sha256"]
        place = album.places.get(sha256)
        if place is not None:
            taken += place.embedded_size * times[sha256]
            full = full or (room is not None and taken > room)
        if place is None or (full and place.missing is None):
            album.leave_out(sha256, LEFT_OUT)
