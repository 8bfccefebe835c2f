"""Cases out of a file: CSV, whose columns are variables, or JSONL, one object a line."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from promptlab.errors import InvalidInput
from promptlab.services.case_values import check_value, parse_object
from promptlab.services.rows import first_repeated, in_row, read_csv, read_text

MAX_ROWS = 200_000
LONGEST_KEY = 200
EXPECTED = (
    "Expected is a CSV file with a header, or a JSONL file with one object a line, in UTF-8. Columns are variables; "
    "`input` is an image, `inputs` are several, `key` is what the case is called."
)
_ROLES = ("key", "input", "inputs")
_NAMES_SHOWN = 5

Row = tuple[int, Mapping[str, Any]]
"""The line of the file, and the values by their names: the roles in small letters, variables as they are written."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CaseRow:
    """What a row says: `number` is its line in the file, `sources` are paths and URLs as `load_input` takes them."""

    number: int
    key: str | None
    variables: Mapping[str, Any]
    sources: Sequence[str]


@dataclass
class CaseRows:
    """All rows of a file, and the names in it that no variable can have."""

    rows: list[CaseRow] = field(default_factory=list)
    left_out: dict[str, None] = field(default_factory=dict)

    @property
    def warnings(self) -> list[str]:
        """What a person should know of the file."""
        if not self.left_out:
            return []
        names = ", ".join(map(repr, list(self.left_out)[:_NAMES_SHOWN]))
        more = f" and {len(self.left_out) - _NAMES_SHOWN:,} more" if len(self.left_out) > _NAMES_SHOWN else ""
        rule = "A name has letters, digits and _, and begins with no digit."
        return [f"Left out, because no variable can have such a name: {names}{more}. {rule}"]


def is_file(name: str) -> bool:
    """Say whether a word means a file of cases, and not a case set."""
    return "/" in name or "\\" in name or name.lower().endswith((".csv", ".jsonl"))


def read(path: Path) -> CaseRows:
    """Read a file of cases; no image is looked at yet.

    Raises:
        InvalidInput: the file or one of its rows, named by its number, cannot be used.
    """
    found = CaseRows()
    keys: dict[str, int] = {}
    for number, values in _reader(path)(path, found):
        if len(found.rows) == MAX_ROWS:
            raise InvalidInput(f"{path} holds more than {MAX_ROWS:,} cases.", hint="Make several files of it.")
        with in_row(number):
            row = _case(number, values, path.expanduser().parent)
            _require_unique(row, keys)
        found.rows.append(row)
    if not found.rows:
        raise InvalidInput(f"{path} holds no cases.", hint=EXPECTED)
    return found


def _reader(path: Path) -> Callable[[Path, CaseRows], Iterator[Row]]:
    readers = {".csv": _csv_rows, ".jsonl": _jsonl_rows}
    if path.suffix.lower() not in readers:
        raise InvalidInput(f"{path} is neither .csv nor .jsonl.", hint=EXPECTED)
    return readers[path.suffix.lower()]


def _csv_rows(path: Path, found: CaseRows) -> Iterator[Row]:
    table = read_csv(path, expected=EXPECTED)
    names = [_name(name, found) for name in table.header]
    if not any(names):
        raise InvalidInput(f"{path} has no column that can be used.", hint=EXPECTED)
    _require_distinct([name for name in names if name], f"The header of {path}")
    for number, cells in table.rows:
        if len(cells) != len(names):
            raise InvalidInput(
                f"Row {number} has {len(cells)} cells, and the header has {len(names)}.",
                hint="A cell with a comma, a quotation mark or a line end in it stands in quotation marks.",
            )
        yield number, {name: _cell(name, cell) for name, cell in zip(names, cells, strict=True) if name}


def _jsonl_rows(path: Path, found: CaseRows) -> Iterator[Row]:
    text = read_text(path, kind="JSONL", expected=EXPECTED)
    for number, line in enumerate(text.split("\n"), start=1):  # splitlines would also split inside of texts
        if not line.strip(" \t\r"):
            continue
        with in_row(number):
            values = [(_name(name, found), value) for name, value in parse_object(line).items()]
            _require_distinct([name for name, _value in values if name], "The object")
        yield number, {name: value for name, value in values if name and value is not None}


def _cell(name: str, cell: str) -> Any:
    """Return what a cell says in a column of that name: of a variable it is the text as it stands."""
    if name not in _ROLES:
        return cell
    if name != "inputs":
        return cell.strip() or None
    parts = cell.replace("\r", ";").replace("\n", ";").split(";")
    return [part.strip() for part in parts if part.strip()]


def _name(name: str, found: CaseRows) -> str | None:
    """Return what a column is to a case, None where it is nothing."""
    if name.lower() in _ROLES:
        return name.lower()
    if name.isidentifier():
        return name
    found.left_out[name] = None
    return None


def _require_distinct(names: Sequence[str], what: str) -> None:
    twice = first_repeated(names)
    if twice is not None:
        raise InvalidInput(f"{what} has {twice!r} twice.", hint="Keep one of them.")
    if {"input", "inputs"} <= set(names):
        raise InvalidInput(f"{what} has both 'input' and 'inputs'.", hint="Keep one of them.")


def _case(number: int, values: Mapping[str, Any], folder: Path) -> CaseRow:
    variables = {name: value for name, value in values.items() if name not in _ROLES}
    for name, value in variables.items():
        check_value(name, value)
    sources = [_source(source, folder) for source in _sources(values)]
    return CaseRow(number=number, key=_key(values.get("key")), variables=variables, sources=sources)


def _key(value: object) -> str | None:
    key = value.strip() if isinstance(value, str) else value
    if key is None or key == "":
        return None
    if not isinstance(key, str) or not key.isprintable() or len(key) > LONGEST_KEY:
        raise InvalidInput(f"A key is a text of 1 to {LONGEST_KEY} printable characters.")
    return key


def _sources(values: Mapping[str, Any]) -> list[str]:
    """Return the images that a row names, as it names them."""
    one, several = values.get("input"), values.get("inputs", [])
    found = [*([] if one is None else [one]), *(several if isinstance(several, list) else [None])]
    if not all(isinstance(source, str) for source in found):
        raise InvalidInput("`input` is a text, a path or URL, and `inputs` a list of such texts.")
    return [source.strip() for source in found]


def _source(source: str, folder: Path) -> str:
    """Return the path or URL as `load_input` takes it: a path that is not absolute is seen from the file's folder."""
    check_value("input", source)
    if not source:
        raise InvalidInput("An input is empty.", hint="Give a path or URL.")
    return source if "://" in source or source.startswith("~/") else str(folder / source)


def _require_unique(row: CaseRow, keys: dict[str, int]) -> None:
    if row.key is None:
        return
    earlier = keys.setdefault(row.key, row.number)
    if earlier != row.number:
        raise InvalidInput(f"The key {row.key!r} is that of row {earlier}.", hint="Keys are given once in a file.")
