"""Is a version better? What people say of candidates beside a baseline, with limits that hold at every look."""

import math
from collections.abc import Sequence
from typing import Any

from sqlmodel import Session

from promptlab.db import comparisons, prompts
from promptlab.db.models import PromptVersion
from promptlab.errors import InvalidInput
from promptlab.services.evidence import Gathered, Said
from promptlab.services.views import View
from promptlab.statistics import betting, verdicts
from promptlab.statistics.ladder import ladder
from promptlab.statistics.verdicts import Comparison

ALPHA = 0.05
"""How probable it may be that any verdict of a comparison is ever false."""

_LOOKS = 6
"""How many earlier intervals are told of, each at twice as many blocks as the one before."""


def compare(
    session: Session, project_id: int, baseline: str, candidates: Sequence[str], *, by_votes: bool = False
) -> View:
    """Return how each candidate stands to the baseline, by ratings or by votes (PRODUCT section 5).

    By ratings, `votes` of a candidate is what votes say, None without any.

    Raises:
        InvalidInput: the same version twice.
        NotFound: no such version.
    """
    first, *others = distinct_versions(session, project_id, [baseline, *candidates])
    gathered = Gathered(session, project_id, first, others)
    said = [gathered.votes_of(id_of(each)) if by_votes else gathered.ratings_of(id_of(each)) for each in others]
    compared = verdicts.compare([each.evidence.scores for each in said], ALPHA)
    views = [
        _candidate(gathered, version, each, comparison)
        for version, each, comparison in zip(others, said, compared, strict=True)
    ]
    for view, version in zip(views, others, strict=True):
        view["next"] = _next(session, first, version, view, by_votes=by_votes)
    if not by_votes:
        _put_votes_beside(gathered, others, views)
    return {
        "baseline": first.id,
        "name": first.name,
        "version": first.version,
        "alpha": ALPHA,
        "source": "votes" if by_votes else "ratings",
        "deleted": deleted_of([first, *others]),
        "candidates": views,
        "ladder": _ladder(gathered, [first, *others]) if len(others) > 1 and gathered.vote_rows else None,
    }


def distinct_versions(session: Session, project_id: int, references: Sequence[str]) -> list[PromptVersion]:
    """Return the versions that are named; raises InvalidInput where two names mean the same, NotFound without one."""
    found: dict[int | None, PromptVersion] = {}
    for reference in references:
        version = prompts.get(session, project_id, reference)
        if version.id in found:
            raise InvalidInput(
                f"{label(version)} is named twice.", hint="Name each version once: the baseline, then its candidates."
            )
        found[version.id] = version
    return list(found.values())


def label(version: PromptVersion) -> str:
    """Return what people call a version."""
    return f"{version.name}@{version.version}"


def deleted_of(versions: Sequence[PromptVersion]) -> list[str]:
    """Return what people call those of the versions that are deleted."""
    return [label(version) for version in versions if version.deleted_at is not None]


def id_of(version: PromptVersion) -> int:
    """Return the id of a version that is in the database."""
    return version.id or 0


def numbers(comparison: Comparison) -> View:
    """Return what is known about a candidate, in the order of the contract and rounded."""
    return {
        "blocks": comparison.blocks,
        "raters": comparison.raters,
        "wins": comparison.wins,
        "ties": comparison.ties,
        "losses": comparison.losses,
        "theta": rounded(comparison.theta),
        "interval": limits(comparison.interval),
        "star_difference": rounded(comparison.star_difference),
        "star_interval": limits(comparison.star_interval),
        "verdict": comparison.verdict,
        "log_e_better": rounded(comparison.log_e_better),
        "log_e_worse": rounded(comparison.log_e_worse),
        "more_blocks": limits(comparison.more_blocks),
        "alpha": comparison.alpha,
    }


def rounded(number: float | None) -> float | None:
    """Return a number to four places; None where there is none."""
    return None if number is None or math.isnan(number) else round(number, 4)


def limits(interval: tuple[float, float] | None) -> list[float | None] | None:
    """Return an interval as JSON has it."""
    return None if interval is None else [rounded(limit) for limit in interval]


def coverage_of(gathered: Gathered, candidate: int, said: Said, alpha: float) -> View:
    """Return how far rating has come, and the interval that no rating of what both versions share can leave."""
    coverage, blocks = gathered.coverage, len(said.evidence.scores.blocks)
    shared = coverage.shared(gathered.baseline, candidate)
    voted = None if said.both_bad is None or not shared else round(blocks / shared, 4)
    return {
        "completion": {
            side: coverage.completion(version_id) if said.both_bad is None else voted
            for side, version_id in (("baseline", gathered.baseline), ("candidate", candidate))
        },
        "bounds": limits(verdicts.bounds(said.evidence.scores, max(0, shared - blocks), alpha)),
        "paired_by": coverage.paired_by(gathered.baseline, candidate),
        "shared_blocks": shared,
        "generations": {
            side: {"succeeded": coverage.succeeded[version_id], "rated": coverage.rated[version_id]}
            for side, version_id in (("baseline", gathered.baseline), ("candidate", candidate))
        },
    }


def next_step(session: Session, baseline: PromptVersion, candidate: PromptVersion, view: View) -> str | None:
    """Return the command that brings more blocks: ratings of what is there if these may tell, else more images."""
    both = f"--prompt-version {label(baseline)} --prompt-version {label(candidate)}"
    if (left := view["shared_blocks"] - view["blocks"]) and left >= _missing(view):
        return "promptlab rate"
    if view["paired_by"] == "number":
        return f"promptlab batch run {both} --draws {2 * view['shared_blocks']}"
    cases = None if view["paired_by"] else comparisons.case_set_of(session, [id_of(baseline), id_of(candidate)])
    return f"promptlab batch run {both} --cases {cases or 'FILE'}"


def _missing(view: View) -> int:
    """Return how many more blocks it takes at the least, as far as that is known."""
    least: int = view.get("min_blocks", 0) - view["blocks"]
    return max(least, int(view["more_blocks"][0])) if view["more_blocks"] else least


def _candidate(gathered: Gathered, version: PromptVersion, said: Said, comparison: Comparison) -> View:
    return {
        "prompt_version_id": version.id,
        "name": version.name,
        "version": version.version,
        **numbers(comparison),
        **coverage_of(gathered, id_of(version), said, comparison.alpha),
        "agreement": _agreement(gathered, id_of(version), said),
        "both_bad": said.both_bad,
        "history": _history(said, comparison.alpha),
    }


def _agreement(gathered: Gathered, candidate: int, said: Said) -> View:
    by_votes = said.both_bad is not None
    found = gathered.agreement_of_votes(candidate) if by_votes else gathered.agreement_of_ratings(candidate)
    return {"alpha": rounded(found.alpha), "interval": limits(found.interval)}


def _history(said: Said, alpha: float) -> list[View]:
    """Return the interval as it was at earlier looks, and as it is."""
    scores = said.evidence.in_order
    looks = sorted({len(scores) >> halved for halved in range(_LOOKS)} - {0})
    intervals = betting.running_interval(scores, alpha, looks)
    return [
        {"blocks": blocks, "theta": rounded(float(scores[:blocks].mean())), "interval": limits(interval)}
        for blocks, interval in zip(looks, intervals, strict=True)
    ]


def _next(
    session: Session, baseline: PromptVersion, candidate: PromptVersion, view: View, *, by_votes: bool
) -> str | None:
    if view["verdict"] != "undecided":
        return None
    step = next_step(session, baseline, candidate, view)
    return f"promptlab vote {label(baseline)} {label(candidate)}" if by_votes and step == "promptlab rate" else step


def _put_votes_beside(gathered: Gathered, others: Sequence[PromptVersion], views: Sequence[View]) -> None:
    said = [gathered.votes_of(id_of(each)) for each in others] if gathered.vote_rows else []
    compared = verdicts.compare([each.evidence.scores for each in said], ALPHA)
    for view in views:
        view["votes"] = None
    for view, each, comparison in zip(views, said, compared, strict=False):
        if comparison.blocks:
            view["votes"] = numbers(comparison) | {"both_bad": each.both_bad}


def _ladder(gathered: Gathered, versions: Sequence[PromptVersion]) -> View:
    """Return how strong each version is beside the baseline, in log odds, the strongest first."""
    votes = gathered.votes
    found = ladder(votes.left, votes.right, votes.score, votes.rater, votes.block)
    of = dict(zip(found.versions.tolist(), range(len(found.versions)), strict=True))
    placed = [version for version in versions if version.id in of]
    without = {"without_votes": [label(version) for version in versions if version.id not in of]}
    if gathered.baseline not in of:
        return {"connected": False, "versions": [], **without}
    strengths, errors = found.relative_to(gathered.baseline)
    steps: list[dict[str, Any]] = [
        {
            "prompt_version_id": version.id,
            "name": version.name,
            "version": version.version,
            "strength": rounded(float(strengths[of[id_of(version)]])),
            "standard_error": rounded(float(errors[of[id_of(version)]])),
        }
        for version in placed
    ]
    return {"connected": found.connected, "versions": sorted(steps, key=lambda step: -step["strength"]), **without}
