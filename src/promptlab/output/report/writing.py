"""Writing a report: measured first, then drawn as large as its size allows, and written whole or not at all."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from promptlab.output.cells import counted
from promptlab.output.files import written_whole
from promptlab.output.report import words
from promptlab.output.report.album import Album, Read
from promptlab.output.report.fitting import Fitted, Wanted, fill, images_of, rows_that_fit
from promptlab.output.report.links import Links
from promptlab.output.report.page import Page

View = dict[str, Any]


def number_of_images(view: View) -> int:
    """Return how many different images a report shows."""
    return len({image["sha256"] for image in images_of(view["cases"])})


def write_report(
    path: Path,
    view: View,
    wanted: Wanted,
    *,
    title: str | None,
    read: Read,
    sign: Callable[[str, int], str],
    expires: int,
    advance: Callable[[], None],
) -> Fitted:
    """Write a report and return what is in it; links to images that lie in no folder work for `expires` seconds.

    Raises:
        StorageUnavailable: the storage is away.
        Unreachable: it cannot be written.
    """
    until = datetime.now(UTC) + timedelta(seconds=expires)
    links = Links(path.parent, lambda url: sign(url, expires))
    page = Page(view, links, title=title)
    sizes = [page.size_of(row) for row in view["cases"]]
    room = None if wanted.most is None else wanted.most - page.size_of_frame()
    rows = rows_that_fit(view["cases"], sizes, room)
    fitted = Fitted(cases=rows, cases_left_out=len(sizes) - len(rows))
    with Album() as album:
        left = None if room is None else room - sum(sizes[: len(rows)])
        fill(album, fitted, wanted, room=left, read=read, advance=advance)
        with written_whole(path) as file:
            file.writelines(page.parts(fitted, album, notes=list(_notes(fitted, wanted, links, until))))
    return fitted


def _notes(fitted: Fitted, wanted: Wanted, links: Links, until: datetime) -> Iterator[str]:
    """Yield what must be known of the file itself."""
    if fitted.images_left_out and wanted.most is not None:
        left = f"{counted(fitted.images_left_out, 'image')} {'is' if fitted.images_left_out == 1 else 'are'} left out"
        yield f"{left}, so that this file is no larger than {words.size(wanted.most)}."
    if links.has_beside:
        yield "Links to full images lead to files beside this one, and work while those are there."
    if links.has_elsewhere:
        yield "Links to full images lead to files that only the machine has where this was written."
    if links.has_signed:
        yield f"Links to full images work until {words.day(until)}."
