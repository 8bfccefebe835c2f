"""May a candidate replace the baseline? A gate with three answers, whose margin is fixed by the first look."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel import Session

from promptlab.db import comparisons, first_looks
from promptlab.db.models import PromptVersion
from promptlab.db.opinions import FirstLook
from promptlab.errors import InvalidInput
from promptlab.services import comparison, views
from promptlab.services.comparison import ALPHA, id_of, limits, rounded
from promptlab.services.evidence import Gathered
from promptlab.services.views import View
from promptlab.statistics import verdicts
from promptlab.statistics.verdicts import Comparison, GateVerdict

_LARGEST = 0.5
_MOST_CASES = 8
"""Cases whose images a summary shows."""


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What a gate asks for."""

    margin: float = 0.1
    min_blocks: int = 0

    def __post_init__(self) -> None:
        """Raises InvalidInput for terms that no gate can have."""
        if not 0 < self.margin < _LARGEST:
            raise InvalidInput(
                f"--margin {self.margin:g} is no margin: it lies between 0 and 0.5.",
                hint="0.1 lets a candidate pass that wins at least 40 of 100, ties split.",
            )
        if not 0 <= self.min_blocks <= 1_000_000:
            raise InvalidInput(f"--min-blocks {self.min_blocks} is outside 0..1000000.")


def first_look(session: Session, project_id: int, baseline: str, candidate: str, terms: Terms) -> FirstLook:
    """Return the first look at these two, which is this one with these terms if nobody has looked before.

    Raises:
        InvalidInput: the same version twice.
        NotFound: no such version.
    """
    first, second = comparison.distinct_versions(session, project_id, [baseline, candidate])
    return first_looks.get_or_keep(
        session,
        FirstLook(
            project_id=project_id,
            baseline_id=id_of(first),
            candidate_id=id_of(second),
            margin=terms.margin,
            alpha=ALPHA,
            min_blocks=terms.min_blocks,
        ),
    )


def gate(session: Session, project_id: int, looked: FirstLook, terms: Terms) -> View:
    """Return the verdict on the two versions of a first look (PRODUCT section 5).

    `changed` names those of the terms that are not those of the first look.
    """
    first, second = _versions(session, project_id, [looked.baseline_id, looked.candidate_id])
    gathered = Gathered(session, project_id, first, [second])
    said = gathered.ratings_of(id_of(second))
    found = verdicts.gate(said.evidence.scores, terms.margin, ALPHA, terms.min_blocks)
    [compared] = verdicts.compare([said.evidence.scores], ALPHA)
    view = {
        "baseline": _named(first),
        "candidate": _named(second),
        "verdict": found.verdict,
        "margin": terms.margin,
        **_numbers(found, compared),
        "alpha": ALPHA,
        "min_blocks": terms.min_blocks,
        **comparison.coverage_of(gathered, id_of(second), said, ALPHA),
        **_first(looked, terms),
    }
    undecided = found.verdict == "undecided"
    view["next"] = comparison.next_step(session, first, second, view) if undecided else None
    return view


def telling_cases(session: Session, project_id: int, view: View) -> list[View]:
    """Return the views of what both versions made in the blocks where they differ most, to be shown side by side."""
    ids = [view[side]["prompt_version_id"] for side in ("baseline", "candidate")]
    first, second = _versions(session, project_id, ids)
    gathered = Gathered(session, project_id, first, [second])
    scores = gathered.ratings_of(id_of(second)).evidence.scores
    order = abs(scores.scores - 0.5).argsort(kind="stable")[::-1]
    blocks: Sequence[int] = scores.blocks[order[:_MOST_CASES]].tolist()
    rows = comparisons.generations_on(session, ids, blocks, by_number=gathered.by_number)
    return views.full_generations(session, rows)


def warnings(view: View) -> list[str]:
    """Return what must be said of a gate whose terms are not those of the first look."""
    first = view["first_look"]
    changed = [f"--{name.replace('_', '-')} was {first[name]:g} and is {view[name]:g}" for name in view["changed"]]
    if not changed:
        return []
    since = f"Since the first look at these two, {' and '.join(changed)}."
    return [f"{since} Terms that are chosen after a look make a gate wrong more often than it promises."]


def _versions(session: Session, project_id: int, ids: Sequence[int]) -> list[PromptVersion]:
    return comparison.distinct_versions(session, project_id, [str(each) for each in ids])


def _named(version: PromptVersion) -> View:
    return {"prompt_version_id": version.id, "name": version.name, "version": version.version}


def _numbers(found: GateVerdict, compared: Comparison) -> View:
    told = comparison.numbers(compared)
    return {
        "theta": rounded(found.theta),
        "interval": limits(found.interval),
        "blocks": found.blocks,
        "log_e_pass": rounded(found.log_e_pass),
        "log_e_worse": rounded(found.log_e_worse),
        "more_blocks": limits(found.more_blocks),
        **{name: told[name] for name in ("raters", "wins", "ties", "losses", "star_difference", "star_interval")},
    }


def _first(looked: FirstLook, terms: Terms) -> View:
    then = {"margin": looked.margin, "min_blocks": looked.min_blocks or 0}
    return {
        "first_look": {**then, "alpha": looked.alpha, "at": views.time_text(looked.created_at)},
        "changed": [name for name, value in then.items() if value != getattr(terms, name)],
    }
