"""The rows of a report: each case with what every version made of it, and what people say of that."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlmodel import Session

from promptlab.db import cases, reported
from promptlab.db.models import PromptVersion
from promptlab.db.states import GenerationState
from promptlab.services import views
from promptlab.services.evidence import Gathered
from promptlab.services.views import View

_MADE = GenerationState.SUCCEEDED.value


@dataclass(frozen=True, kw_only=True)
class Told:
    """For each candidate `win`, `tie` or `loss` in each block that tells; a block is a case, or a number."""

    by_number: bool = False
    of_candidates: Sequence[Mapping[int, str]] = ()

    def marks(self, block: int, *, is_number: bool) -> list[str | None]:
        """Return the mark of each candidate in a block, None where it tells nothing."""
        return [each.get(block) if is_number == self.by_number else None for each in self.of_candidates]


def shown_generations(session: Session, versions: Sequence[PromptVersion]) -> Iterator[View]:
    """Yield what a report shows of each generation of these versions, in the order of their ids."""
    places = {version.id or 0: place for place, version in enumerate(versions)}
    after = 0
    while rows := reported.page_of(session, list(places), after=after):
        after = rows[-1].id or 0
        remarks: dict[int, list[tuple[str | None, Sequence[str]]]] = {}
        for generation_id, note, tags in reported.remarks(session, [row.id or 0 for row in rows]):
            remarks.setdefault(generation_id, []).append((note, tags))
        for view in views.full_generations(session, rows):
            yield _shown(view, places[view["prompt_version_id"]], remarks.get(view["id"], []))


def told(session: Session, project_id: int, baseline: PromptVersion, candidates: Sequence[PromptVersion]) -> Told:
    """Return in which blocks each candidate wins, by the ratings that a comparison goes by."""
    gathered = Gathered(session, project_id, baseline, candidates)
    found = (gathered.ratings_of(version.id or 0).evidence.scores for version in candidates)
    marks = [dict(zip(each.blocks.tolist(), map(_mark, each.scores.tolist()), strict=True)) for each in found]
    return Told(by_number=gathered.by_number, of_candidates=marks)


def rows(session: Session, items: Iterable[View], versions: int, known: Told) -> list[View]:
    """Return a row for each case, in the order of the cases; what has no case is put side by side by number.

    Of each version it has `sides`, all that was made of the case, and of each candidate `marks`, None where no rater
    has rated both sides.
    """
    by_case: dict[int, list[View]] = {}
    numbered: list[View] = []
    for item in items:
        (numbered if item["case_id"] is None else by_case.setdefault(item["case_id"], [])).append(item)
    cases_of = _cases(session, sorted(by_case))
    found = [
        cases_of[id_] | _row(of_case, versions) | {"marks": known.marks(id_, is_number=False)}
        for id_, of_case in sorted(by_case.items())
    ]
    return found + [
        _number(number) | _row(of_number, versions) | {"marks": known.marks(number, is_number=True)}
        for number, of_number in _by_number(numbered)
    ]


def _shown(view: View, version: int, remarks: Sequence[tuple[str | None, Sequence[str]]]) -> View:
    kept = ("id", "state", "draw", "case_id", "inputs", "outputs", "error")
    return {
        **{name: view[name] for name in kept},
        "version": version,
        "rating": view["result_rating"],
        "raters": len(remarks),
        "remarks": [note for note, _tags in remarks if note],
        "tags": dict(Counter(tag for _note, tags in remarks for tag in tags).most_common()),
    }


def _mark(score: float) -> str:
    return "win" if score > 0.5 else "loss" if score < 0.5 else "tie"


def _cases(session: Session, ids: Sequence[int]) -> dict[int, View]:
    found: dict[int, View] = {}
    for start in range(0, len(ids), 500):
        for id_, case in cases.by_ids(session, ids[start : start + 500]).items():
            found[id_] = {"case_id": id_, "key": case.key, "number": None, "variables": case.variables}
    return found


def _number(number: int) -> View:
    return {"case_id": None, "key": None, "number": number, "variables": {}}


def _by_number(items: Sequence[View]) -> list[tuple[int, list[View]]]:
    """Return what has no case by number: the k-th success of each version together, and behind them all the rest."""
    found: dict[int, list[View]] = {}
    for made in (True, False):
        reached: Counter[int] = Counter()
        first = len(found)
        for item in items:
            if (item["state"] == _MADE) == made:
                reached[item["version"]] += 1
                found.setdefault(first + reached[item["version"]], []).append(item)
    return sorted(found.items())


def _row(items: Sequence[View], versions: int) -> View:
    sides: list[list[View]] = [[] for _ in range(versions)]
    for item in sorted(items, key=lambda item: (item["draw"], item["id"])):
        sides[item["version"]].append(item)
    inputs: list[View] = next((item["inputs"] for item in items if item["inputs"]), [])
    return {"inputs": inputs, "sides": sides}
