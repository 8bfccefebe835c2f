"""A batch as Markdown, fit for a comment on a pull request or merge request and for the summary of a CI job.

It stays below 60,000 bytes, whatever the batch: a comment on GitHub may have 65,536 characters.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from promptlab.output.case_choice import CaseChoice, Shown
from promptlab.output.cells import counted, money
from promptlab.output.files import written_whole
from promptlab.output.markdown import code, picture, table

View = dict[str, Any]
LinkOf = Callable[[str], str]

MAX_CASES = 30
ROOM = 60_000  # bytes

_ROOM_OF_VERSIONS = 12_000
_ROOM_OF_ERRORS = 12_000
_ROOM_OF_THE_REST = 500
_MOST_COLUMNS = 12  # versions whose pictures stand beside each other
_COUNTS = ("succeeded", "refused", "failed", "unknown", "cancelled")
_WIDEST, _WIDE = 240, 720  # pixels: of a picture, and of all pictures in a row
_LONGEST = 300  # characters of an error's message

_STATES = {
    "stopped": "stopped by a limit",
    "paused": "paused",
    "cancelled": "cancelled",
    "planned": "not finished",
    "running": "not finished",
}


def write_summary(path: Path, batch: View, items: Iterable[View], link: LinkOf) -> None:
    """Write a batch's view, and pictures of its first cases by what `link` makes of their URLs.

    Raises:
        Unreachable: it cannot be written.
    """
    choice = CaseChoice(MAX_CASES)
    for item in items:
        choice.add(item)
    with written_whole(path) as file:
        file.write(_text(batch, choice, link))


def _text(batch: View, choice: CaseChoice, link: LinkOf) -> str:
    text = f"### {_verdict(batch)}\n\n{_totals(batch)}\n\n{_versions(batch)}"
    if batch["errors"]:
        text += f"\n#### Why there are no images\n\n{_errors(batch)}"
    if choice.has_images:
        room = ROOM - len(text.encode()) - _ROOM_OF_THE_REST
        text += f"\n#### Images\n\n{images(batch['versions'], choice, link, room)}"
    return text


def _verdict(batch: View) -> str:
    what = f"promptlab batch {batch['id']}: {batch['succeeded']} of {counted(batch['total'], 'generation')} succeeded"
    if batch["state"] != "done":
        return f"⏸️ {what}, {_STATES.get(batch['state'], batch['state'])}"
    if batch["failed"] or batch["unknown"]:
        return f"❌ {what}"
    return f"⚠️ {what}" if batch["refused"] else f"✅ {what}"


def _totals(batch: View) -> str:
    counts = [f"{batch[name]} {name}" for name in _COUNTS[1:] if batch[name]]
    left = [f"{_left(batch)} not made yet"] if _left(batch) else []
    return ", ".join([*counts, *left, _cost(batch), _duration(batch["elapsed_s"] or 0)])


def _versions(batch: View) -> str:
    names = [name for name in _COUNTS if name == "succeeded" or batch[name]]
    left = [">not made yet"] if _left(batch) else []
    rows = (
        [_version(each), *(str(each[name]) for name in names), *(str(_left(each)) for _ in left), _cost(each)]
        for each in batch["versions"]
    )
    headings = ["version", *(f">{name}" for name in names), *left, ">cost"]
    return table(headings, rows, room=_ROOM_OF_VERSIONS, left_out="… and {} more versions.")


def _errors(batch: View) -> str:
    rows = (
        [
            each["state"],
            code(each["kind"], _LONGEST),
            str(each["count"]),
            f"generation {each['example']['generation_id']}: {code(each['example']['message'], _LONGEST)}",
        ]
        for each in batch["errors"]
    )
    headings = ["outcome", "kind", ">how many", "for example"]
    return table(headings, rows, room=_ROOM_OF_ERRORS, left_out="… and {} more kinds.")


def images(shown: Sequence[View], choice: CaseChoice, link: LinkOf, room: int) -> str:
    """Return a row a case, its versions beside each other; a picture gets smaller the more there are in a row."""
    versions = {each["prompt_version_id"]: _version(each) for each in shown[:_MOST_COLUMNS]}
    width = min(_WIDEST, _WIDE // max(1, len(versions)))
    rows = (
        [code(case.label, 100), *(_cell(case.by_version.get(id_, []), link, width) for id_ in versions)]
        for case in choice.cases
    )
    made = table(["case", *versions.values()], rows, room=room, left_out="… and {} more of these.")
    more = (
        (choice.count - len(choice.cases), "more case"),
        (len(shown) - len(versions), "more version"),
    )
    return made + "".join(f"\n… and {counted(number, what)}.\n" for number, what in more if number)


def _cell(draws: list[Shown], link: LinkOf, width: int) -> str:
    return " ".join(part for shown in draws for part in _pieces(shown, link, width))


def _pieces(shown: Shown, link: LinkOf, width: int) -> Iterator[str]:
    for url in shown.urls:
        address = link(url)
        if address.startswith(("https://", "http://")):
            yield picture(address, f"generation {shown.generation_id}", width)
        else:
            yield code(_path(address), 200)
    if not shown.urls:
        yield f"{shown.state} {code(shown.kind, 60)}".strip()


def _path(address: str) -> str:
    """Return where a file is, seen from here if it is below; another address as it is."""
    from promptlab.adapters.storage.paths import path_of

    path = path_of(address)
    if path is None:
        return address
    here = Path.cwd()
    return os.fspath(path.relative_to(here) if path.is_relative_to(here) else path)


def _version(view: View) -> str:
    return code(f"{view['prompt']}@{view['version']}", 100)


def _left(view: View) -> int:
    return int(view["planned"] + view["sending"])


def _cost(view: View) -> str:
    if view["cost_usd"] is None:
        return "cost not known" if view.get("unpriced") else "$0"
    return money(view["cost_usd"]) + (" and what has no price" if view.get("unpriced") else "")


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{seconds:.1f} s"
