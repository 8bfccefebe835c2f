"""Ratings out of a spreadsheet: all of its rows or none, and safe to repeat."""

import re
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path

from promptlab.db.opinions import Rating
from promptlab.errors import InvalidInput, nearest
from promptlab.services import review, views
from promptlab.services.lab import Lab
from promptlab.services.rows import first_repeated, in_row, read_csv
from promptlab.services.rubric import check
from promptlab.services.scores import parse_score
from promptlab.services.views import View
from promptlab.settings.rubric import Rubric

COLUMNS = ("generation", "score", "rater", "note", "tags")
_NEEDED = ("generation", "score")
_EXPECTED = "Expected is a CSV file in UTF-8 with the columns generation and score; rater, note and tags are optional."

_Row = tuple[int, int, review.Verdict]
"""The line of the file, the generation and what its rater says of it."""


def rate_from(lab: Lab, path: Path, *, rater: str, rubric: Rubric | None = None) -> View:
    """Record every row of a CSV file in one transaction; rows without a rater are `rater`'s.

    Criteria of the rubric may have columns of their own. A row that says what its rater has said already changes
    nothing. Returns the ratings and two counts.

    Raises:
        InvalidInput: the file or one of its rows, named by its number, cannot be used; nothing is recorded then.
        NotFound, Conflict: a row's generation does not exist or has no images; likewise.
    """
    with review.recording():
        rows = _rows(path, list(rubric.criteria) if rubric else [])
        recorded = _record(lab, [(number, *_verdict(number, row, rater, rubric)) for number, row in rows])
    return {
        "items": [views.rating(rating) for rating, _is_new in recorded],
        "next_cursor": None,
        "rated": sum(is_new for _rating, is_new in recorded),
        "unchanged": sum(not is_new for _rating, is_new in recorded),
    }


def _record(lab: Lab, rows: Sequence[_Row]) -> list[tuple[Rating, bool]]:
    _check_repetition(rows)
    recorded: list[tuple[Rating, bool]] = []
    with lab.database.transaction() as session:
        # In the order of their ids, so that two files at once cannot wait for each other.
        for number, generation_id, verdict in sorted(rows, key=lambda row: (row[1], row[0])):
            with in_row(number):
                recorded.append(review.record(session, lab.project_id, generation_id, verdict))
    return recorded


def _rows(path: Path, criteria: list[str]) -> Iterator[tuple[int, dict[str, str]]]:
    table = read_csv(path, expected=_EXPECTED)
    header = [name.lower() if name.lower() in COLUMNS else name for name in table.header]
    _check_columns(path, header, [*COLUMNS, *criteria])
    for number, cells in table.rows:
        known, more = cells[: len(header)], cells[len(header) :]
        if any(more):
            raise InvalidInput(f"Row {number} has more cells than the header: {','.join(more)!r}.")
        yield number, dict(zip_longest(header, map(str.strip, known), fillvalue=""))


def _check_repetition(rows: Sequence[_Row]) -> None:
    seen: dict[tuple[int, str], int] = {}
    for number, generation_id, verdict in rows:
        earlier = seen.setdefault((generation_id, verdict.rater), number)
        if earlier != number:
            raise InvalidInput(
                f"Row {number} rates generation {generation_id} for {verdict.rater} again, after row {earlier}.",
                hint="Keep one of them.",
            )


def _check_columns(path: Path, names: list[str], known: list[str]) -> None:
    missing = [name for name in _NEEDED if name not in names]
    if missing:
        raise InvalidInput(f"{path} has no column {missing[0]!r}.", hint=_EXPECTED)
    if repeated := first_repeated(names):
        raise InvalidInput(f"{path} has two columns {repeated!r}.", hint="Keep one of them.")
    for name in names:
        if name not in known:
            raise InvalidInput(f"{path} has an unknown column {name!r}.{nearest(name, known)}", hint=_EXPECTED)


def _verdict(number: int, row: dict[str, str], rater: str, rubric: Rubric | None) -> tuple[int, review.Verdict]:
    identity = row["generation"]
    if not (identity.isascii() and identity.isdigit() and len(identity) < 19):
        raise InvalidInput(f"Row {number}: {identity!r} is no id of a generation.")
    tags = row.get("tags", "").replace(";", " ").replace(",", " ").split()
    with in_row(number):
        score, criteria = _score(row["score"]), {name: _score(row[name]) for name in _criteria(row, rubric)}
        check(rubric, criteria=criteria, tags=tags)
    return int(identity), review.Verdict(
        rater=row.get("rater") or rater, score=score, note=row.get("note") or None, tags=tags, criteria=criteria
    )


def _criteria(row: dict[str, str], rubric: Rubric | None) -> list[str]:
    """Return the criteria that a row gives a score to."""
    return [name for name in rubric.criteria if row.get(name)] if rubric else []


def _score(cell: str) -> int:
    """Return the score in a cell; spreadsheets like to write 4 as 4.0."""
    return parse_score(re.sub(r"[.,]0+\Z", "", cell))
