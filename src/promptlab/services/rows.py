"""Files of rows that people bring: read as text, and a mistake said with the number of its line."""

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from promptlab.errors import InvalidInput, PromptlabError

MAX_BYTES = 100_000_000
MAX_CELL = 131_072
"""Characters in one cell: the limit of Python's own reader of CSV."""


@dataclass(frozen=True)
class Table:
    """The rows of a CSV file, each with the line that it begins in; the names of the columns are trimmed."""

    header: list[str]
    rows: Iterator[tuple[int, list[str]]]


def read_text(path: Path, *, kind: str, expected: str) -> str:
    """Return the text of a file; `kind` is what it should be, `expected` the hint that goes with every mistake.

    Raises:
        InvalidInput: unreadable, too large, no UTF-8, empty, or with a NUL in it.
    """
    try:
        with path.expanduser().open("rb") as file:
            data = file.read(MAX_BYTES + 1)  # bounded for pipes and devices too, whose size nobody knows
    except (OSError, ValueError, RuntimeError) as error:  # RuntimeError: `~somebody`, who is not there
        raise InvalidInput(
            f"{path} cannot be read: {getattr(error, 'strerror', None) or error}.", hint=expected
        ) from error
    if len(data) > MAX_BYTES:
        raise InvalidInput(f"{path} holds more than {MAX_BYTES:,} bytes.", hint="Make several files of it.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path} is no {kind} file: it is not text in UTF-8.", hint=expected) from error
    if not text.strip():
        raise InvalidInput(f"{path} is empty.", hint=expected)
    before, nul, _rest = text.partition("\0")
    if nul:
        line = len(before.replace("\r\n", "\n").replace("\r", "\n").split("\n"))
        raise InvalidInput(f"{path} is no {kind} file: line {line} holds a NUL character.", hint=expected)
    return text


def read_csv(path: Path, *, expected: str) -> Table:
    """Return the rows of a CSV file, without those that hold nothing; raises what `read_text` raises.

    Raises:
        InvalidInput: also while rows are taken: quotation marks without a partner, too long a cell.
    """
    text = read_text(path, kind="CSV", expected=expected)
    # Spreadsheets write semicolons where the comma is the decimal sign.
    first = text.lstrip().replace("\r", "\n").partition("\n")[0]
    separator = ";" if ";" in first and "," not in first else ","
    rows = _rows(path, text, separator, expected)
    _number, header = next(rows, (0, []))
    return Table([name.strip() for name in header], rows)


@contextmanager
def in_row(number: int) -> Iterator[None]:
    """Let an error in the block say which row it is about."""
    try:
        yield
    except PromptlabError as error:
        raise type(error)(f"Row {number}: {error.message}", hint=error.hint) from error


def first_repeated(names: Sequence[str]) -> str | None:
    """Return the first name that was there before, None where all are different."""
    if len(set(names)) == len(names):
        return None
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None


def _rows(path: Path, text: str, separator: str, expected: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(StringIO(text, newline=""), strict=True, delimiter=separator)
    line = 1
    try:
        for cells in reader:
            if any(cells):
                yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        why = "has quotation marks without a partner"
        if "field limit" in str(error):  # what an open quotation mark ends in as well, in a long file
            why = f"has a cell of more than {MAX_CELL:,} characters, or quotation marks without a partner"
        raise InvalidInput(f"{path} cannot be read as CSV: line {line} {why}.", hint=expected) from error
