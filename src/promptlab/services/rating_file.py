"""Ratings out of a spreadsheet: all of its rows or none, and safe to repeat."""

import csv
from collections.abc import Iterator, Sequence
from io import StringIO
from pathlib import Path

from promptlab.db.models import Rating
from promptlab.errors import InvalidInput, PromptlabError, nearest
from promptlab.services import review, views
from promptlab.services.lab import Lab
from promptlab.services.scores import parse_score
from promptlab.services.views import View

COLUMNS = ("generation", "score", "rater", "note", "tags")
_NEEDED = ("generation", "score")
_EXPECTED = "Expected is a CSV file in UTF-8 with the columns generation and score; rater, note and tags are optional."

_Row = tuple[int, int, review.Verdict]
"""The line of the file, the generation and what its rater says of it."""


def rate_from(lab: Lab, path: Path, *, rater: str) -> View:
    """Record every row of a CSV file in one transaction; rows without a rater are `rater`'s.

    A row that says what its rater has said already changes nothing. Returns the ratings and two counts.

    Raises:
        InvalidInput: the file or one of its rows, named by its number, cannot be used; nothing is recorded then.
        NotFound, Conflict: a row's generation does not exist or has no images; likewise.
    """
    with review.recording():
        recorded = _record(lab, [(number, *_verdict(number, row, rater)) for number, row in _rows(path)])
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
            try:
                recorded.append(review.record(session, lab.project_id, generation_id, verdict))
            except PromptlabError as error:
                raise type(error)(f"Row {number}: {error.message}", hint=error.hint) from error
    return recorded


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    text = _read(path)
    # Spreadsheets write semicolons where the comma is the decimal sign.
    header = text.replace("\r", "\n").partition("\n")[0]
    separator = ";" if ";" in header and "," not in header else ","
    reader = csv.DictReader(StringIO(text, newline=""), restkey="", strict=True, delimiter=separator)
    try:
        _check_columns(path, [name.strip() for name in reader.fieldnames or []])
        for row in reader:
            yield reader.line_num, {(name or "").strip(): _cell(value) for name, value in row.items()}
    except csv.Error as error:
        line = reader.line_num + 1  # it counts what it has understood
        raise InvalidInput(
            f"{path} cannot be read as CSV: line {line} has quotation marks without a partner, or too long a cell.",
            hint=_EXPECTED,
        ) from error


def _read(path: Path) -> str:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path} is no CSV file: it is not text in UTF-8.", hint=_EXPECTED) from error
    except (OSError, ValueError) as error:
        raise InvalidInput(
            f"{path} cannot be read: {getattr(error, 'strerror', None) or error}.", hint=_EXPECTED
        ) from error
    if not text.strip():
        raise InvalidInput(f"{path} is empty.", hint=_EXPECTED)
    return text


def _check_repetition(rows: Sequence[_Row]) -> None:
    seen: dict[tuple[int, str], int] = {}
    for number, generation_id, verdict in rows:
        earlier = seen.setdefault((generation_id, verdict.rater), number)
        if earlier != number:
            raise InvalidInput(
                f"Row {number} rates generation {generation_id} for {verdict.rater} again, after row {earlier}.",
                hint="Keep one of them.",
            )


def _cell(value: str | list[str] | None) -> str:
    return value.strip() if isinstance(value, str) else ",".join(value or [])


def _check_columns(path: Path, names: list[str]) -> None:
    missing = [name for name in _NEEDED if name not in names]
    if missing:
        raise InvalidInput(f"{path} has no column {missing[0]!r}.", hint=_EXPECTED)
    for name in names:
        if name not in COLUMNS:
            raise InvalidInput(f"{path} has an unknown column {name!r}.{nearest(name, list(COLUMNS))}", hint=_EXPECTED)


def _verdict(number: int, row: dict[str, str], rater: str) -> tuple[int, review.Verdict]:
    if row.get(""):
        raise InvalidInput(f"Row {number} has more cells than the header: {row['']!r}.")
    identity = row["generation"]
    if not (identity.isascii() and identity.isdigit() and len(identity) < 19):
        raise InvalidInput(f"Row {number}: {identity!r} is no id of a generation.")
    try:
        score = parse_score(row["score"])
    except InvalidInput as error:
        raise InvalidInput(f"Row {number}: {error.message}", hint=error.hint) from error
    return int(identity), review.Verdict(
        rater=row.get("rater") or rater,
        score=score,
        note=row.get("note") or None,
        tags=row.get("tags", "").replace(";", " ").replace(",", " ").split(),
    )
