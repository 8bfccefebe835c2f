"""Votes: two versions side by side on the same case, which of them is where and which pair is next left to chance.

Chance is a function of the project's stored seed: the order of pairs is the same for everybody, so that what several
people have voted on overlaps; the sides differ by rater. Whoever knows the seed can check both.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from promptlab.db import generations, projects, prompts, ratings, votes
from promptlab.db.models import PromptVersion
from promptlab.db.opinions import Vote
from promptlab.db.states import VoteAnswer
from promptlab.errors import Conflict, InvalidInput
from promptlab.services import views
from promptlab.services.lab import Lab
from promptlab.services.review import check_rater
from promptlab.services.views import View

_Cases = Mapping[int | None, Sequence[int]]


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two generations as they stand side by side."""

    left: int
    right: int


@dataclass(frozen=True, kw_only=True)
class Ballot:
    """What a rater has still to vote on, in its order; `by_number` where there are no cases to pair by."""

    pairs: Sequence[Pair]
    by_number: bool


def ballot(lab: Lab, first: str, second: str, *, rater: str) -> Ballot:
    """Return the pairs of two versions that a rater has not voted on: of each case the k-th draw with the k-th.

    Raises:
        NotFound: no such version.
        InvalidInput: both are the same, or the rater has no usable name.
        Conflict: there are no two images of the same case.
    """
    check_rater(rater)
    with lab.database.reading() as session:
        one, other = (prompts.get(session, lab.project_id, reference) for reference in (first, second))
        if one.id == other.id:
            raise InvalidInput(f"{_called(one)} cannot be compared with itself.", hint="Name two versions.")
        mine, theirs = (votes.with_images(session, lab.project_id, version.id or 0) for version in (one, other))
        done = votes.pairs_of(session, lab.project_id, rater)
        seed = projects.order_seed(session, lab.project_id)
    pairs, by_number = list(_pairs(mine, theirs)), set(mine) == set(theirs) == {None}
    if not pairs:
        raise _nothing_shared(one, other, mine, theirs)
    ordered = sorted(pairs, key=lambda pair: _chance(seed, f"pair {min(pair)} {max(pair)}"))
    placed = [_placed(seed, rater, pair) for pair in ordered]
    return Ballot(pairs=[pair for pair in placed if (pair.left, pair.right) not in done], by_number=by_number)


def blind_pairs(lab: Lab, pairs: Sequence[Pair]) -> list[tuple[Pair, View, View]]:
    """Return each pair with what may be seen of its left and its right; a pair is left out when one is gone."""
    wanted = {generation_id for pair in pairs for generation_id in (pair.left, pair.right)}
    with lab.database.reading() as session:
        found = views.blind_generations(session, generations.by_ids(session, sorted(wanted)))
    by_id = {view["id"]: view for view in found}
    return [(pair, by_id[pair.left], by_id[pair.right]) for pair in pairs if pair.left in by_id and pair.right in by_id]


def vote(lab: Lab, pair: Pair, *, rater: str, answer: VoteAnswer, duration_ms: int | None = None) -> Vote:
    """Record a vote; it is committed when this returns. Raises NotFound where an image of the pair is gone."""
    with lab.database.transaction() as session:
        for generation_id in sorted((pair.left, pair.right)):  # so that two at once cannot wait for each other
            ratings.lock_generation(session, lab.project_id, generation_id)
        given = Vote(
            project_id=lab.project_id,
            rater=rater,
            left_generation_id=pair.left,
            right_generation_id=pair.right,
            answer=answer,
            duration_ms=duration_ms,
        )
        return votes.put(session, given)


def undo(lab: Lab, given: Vote) -> None:
    """Take a vote back; raises NotFound where it is gone, or its rater has voted on the pair anew since."""
    with lab.database.transaction() as session:
        votes.take_back(session, given)


def _pairs(mine: _Cases, theirs: _Cases) -> Iterator[tuple[int, int]]:
    cases = (mine.keys() & theirs.keys()) - {None}
    shared: set[int | None] = {*cases} if cases or mine.keys() - {None} or theirs.keys() - {None} else {None}
    for case in shared:
        yield from zip(mine.get(case, ()), theirs.get(case, ()), strict=False)


def _placed(seed: int, rater: str, pair: tuple[int, int]) -> Pair:
    low, high = sorted(pair)
    turned = _chance(seed, f"side {low} {high} {rater}") % 2
    return Pair(left=high, right=low) if turned else Pair(left=low, right=high)


def _chance(seed: int, text: str) -> int:
    key = seed.to_bytes(8, "big")
    return int.from_bytes(hashlib.blake2b(text.encode(), key=key, digest_size=8).digest(), "big")


def _nothing_shared(one: PromptVersion, other: PromptVersion, mine: _Cases, theirs: _Cases) -> Conflict:
    both = f"`promptlab batch run --prompt-version {_called(one)} --prompt-version {_called(other)} --cases NAME`"
    hint = f"{both} makes them."
    for version, found in ((one, mine), (other, theirs)):
        if not found:
            return Conflict(f"{_called(version)} has no images yet.", hint=hint)
    return Conflict(f"{_called(one)} and {_called(other)} have no images of the same case.", hint=hint)


def _called(version: PromptVersion) -> str:
    return f"{version.name}@{version.version}"
