"""What people say of candidates beside a baseline: gathered from the database and paired in blocks."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter
from typing import Any, Literal

from sqlmodel import Session

from promptlab.db import comparisons
from promptlab.db.models import PromptVersion
from promptlab.db.states import VoteAnswer
from promptlab.statistics import pairing
from promptlab.statistics.agreement import Agreement, agreement, counted_agreement
from promptlab.statistics.pairing import Evidence, Ratings, Votes

PairedBy = Literal["case", "number"]

_SCORES = (1, 2, 3, 4, 5)
_OF_LEFT = {VoteAnswer.LEFT: 1.0, VoteAnswer.RIGHT: 0.0, VoteAnswer.TIE: 0.5, VoteAnswer.BOTH_BAD: 0.5}
"""What each answer says of the left one."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Said:
    """What people say of a candidate beside the baseline, by their ratings or by their votes."""

    evidence: Evidence
    both_bad: int | None = None
    """Of the votes, which count as ties; None for ratings."""


class Coverage:
    """How far some versions have come: on which cases, how many generations, and how many of these are rated."""

    def __init__(self, session: Session, version_ids: Sequence[int]) -> None:
        self.succeeded: Counter[int] = Counter()
        self.rated: Counter[int] = Counter()
        self._cases: dict[int, set[int]] = {version_id: set() for version_id in version_ids}
        for version_id, case_id, succeeded, rated in comparisons.covered(session, version_ids):
            self.succeeded[version_id] += succeeded
            self.rated[version_id] += rated
            if case_id is not None:
                self._cases[version_id].add(case_id)

    def has_cases(self, version_id: int) -> bool:
        """Say whether the version was given any case."""
        return bool(self._cases[version_id])

    def shared(self, first: int, second: int) -> int:
        """Return how many blocks both versions have come to."""
        if self._are_numbered(first, second):
            return min(self.succeeded[first], self.succeeded[second])
        return len(self._cases[first] & self._cases[second])

    def paired_by(self, first: int, second: int) -> PairedBy | None:
        """Return what makes a block of two versions, None where they share none."""
        if not self.shared(first, second):
            return None
        return "number" if self._are_numbered(first, second) else "case"

    def completion(self, version_id: int) -> float | None:
        """Return the share of the version's generations that is rated."""
        made = self.succeeded[version_id]
        return round(self.rated[version_id] / made, 4) if made else None

    def _are_numbered(self, first: int, second: int) -> bool:
        return not (self.has_cases(first) or self.has_cases(second))


class Gathered:
    """A baseline and its candidates, with whatever people say of them."""

    def __init__(
        self, session: Session, project_id: int, baseline: PromptVersion, candidates: Sequence[PromptVersion]
    ) -> None:
        self._session, self._project_id = session, project_id
        self.baseline = baseline.id or 0
        self.ids = [self.baseline, *(version.id or 0 for version in candidates)]
        self.coverage = Coverage(session, self.ids)
        self.by_number = not self.coverage.has_cases(self.baseline)

    def ratings_of(self, candidate: int) -> Said:
        """Return what ratings say of a candidate."""
        return Said(evidence=pairing.from_ratings(self._ratings, self.baseline, candidate))

    def votes_of(self, candidate: int) -> Said:
        """Return what votes say of a candidate."""
        bad = sum(row[5] == VoteAnswer.BOTH_BAD for row in self._votes_on(candidate))
        return Said(evidence=pairing.from_votes(self.votes, self.baseline, candidate), both_bad=bad)

    def agreement_of_ratings(self, candidate: int) -> Agreement:
        """Return how far people agree in their ratings of single generations of either version."""
        rows = [row for row in self._patterns if row[0] in {self.baseline, candidate}]
        return counted_agreement(_SCORES, [row[1:6] for row in rows], [row[6] for row in rows])

    def agreement_of_votes(self, candidate: int) -> Agreement:
        """Return how far people agree in their votes on single pairs."""
        rows = self._votes_on(candidate)
        return agreement(
            [row[3] for row in rows], [row[4] for row in rows], [_score_of(candidate, row) for row in rows]
        )  # fmt: skip

    @cached_property
    def vote_rows(self) -> Sequence[Any]:
        """Left and right version, block, pair, rater and answer of every vote between two of the versions."""
        if not comparisons.has_votes(self._session, self._project_id):
            return []
        return comparisons.votes(self._session, self.ids)

    def _votes_on(self, candidate: int) -> list[Any]:
        return [row for row in self.vote_rows if {row[0], row[1]} == {self.baseline, candidate}]

    @cached_property
    def votes(self) -> Votes:
        left, right, block, _pair, rater, answer = _columns(self.vote_rows, 6)
        return pairing.votes(left, right, block, rater, [_OF_LEFT[each] for each in answer])

    @cached_property
    def _ratings(self) -> Ratings:
        paired = [each for each in self.ids[1:] if self.coverage.paired_by(self.baseline, each)]
        rows = comparisons.cells(self._session, [self.baseline, *paired], by_number=self.by_number) if paired else []
        version, block, rater, total, number, arrival = _columns(rows, 6)
        return pairing.ratings(version, block, rater, total=total, number=number, arrival=arrival)

    @cached_property
    def _patterns(self) -> Sequence[Any]:
        return comparisons.patterns(self._session, self.ids)


def _score_of(version_id: int, vote: Sequence[Any]) -> float:
    score = _OF_LEFT[vote[5]]
    return score if vote[0] == version_id else 1 - score


def _columns(rows: Sequence[Any], number: int) -> list[list[Any]]:
    return [list(map(itemgetter(place), rows)) for place in range(number)]
