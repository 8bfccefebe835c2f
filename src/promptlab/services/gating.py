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

_ENDS = 2 * ALPHA
"""Of the intervals: each end is held as the verdict is, at ALPHA."""

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
                f"--margin {self.margin:g} is no margin: it lies above 0 and below 0.5.",
                hint="0.1 lets a candidate pass that wins at least 40 of 100, ties split.",
            )
        if not 0 <= self.min_blocks <= 1_000_000:
            raise InvalidInput(f"--min-blocks {self.min_blocks} is outside 0..1000000.")


def gate(session: Session, project_id: int, baseline: str, candidate: str, terms: Terms) -> View:
    """Return the verdict on two versions (PRODUCT section 5); it may be shown once its terms are `fixed`.

    Each end of its intervals is held as the verdict is, one-sided at alpha.

    Raises:
        InvalidInput: the same version twice.
        NotFound: no such version.
    """
    first, second = comparison.distinct_versions(session, project_id, [baseline, candidate])
    gathered = Gathered(session, project_id, first, [second])
    said = gathered.ratings_of(id_of(second))
    found = verdicts.gate(said.evidence.scores, terms.margin, ALPHA, terms.min_blocks)
    [compared] = verdicts.compare([said.evidence.scores], _ENDS)
    view = {
        "baseline": _named(first),
        "candidate": _named(second),
        "deleted": comparison.deleted_of([first, second]),
        "verdict": found.verdict,
        "margin": terms.margin,
        **_numbers(found, compared),
        "alpha": ALPHA,
        "min_blocks": terms.min_blocks,
        **comparison.coverage_of(gathered, id_of(second), said, _ENDS),
    }
    undecided = found.verdict == "undecided"
    view["next"] = comparison.next_step(session, first, second, view) if undecided else None
    return view


def fixed(session: Session, project_id: int, view: View, terms: Terms) -> View:
    """Return the first look at the versions of a gate's view, and which of the terms have `changed` since.

    That is this one if there was none. Where no block is rated nothing can be seen, so that is no look.
    """
    look = FirstLook(
        project_id=project_id,
        baseline_id=view["baseline"]["prompt_version_id"],
        candidate_id=view["candidate"]["prompt_version_id"],
        margin=terms.margin,
        alpha=ALPHA,
        min_blocks=terms.min_blocks or None,
    )
    looked = first_looks.get_or_keep(session, look) if view["blocks"] else first_looks.find(session, look)
    return _first(looked, terms) if looked else {"first_look": None, "changed": []}


def telling_cases(session: Session, project_id: int, view: View) -> list[View]:
    """Return the views of what both versions made in the blocks where they differ most, to be shown side by side."""
    ids = [view[side]["prompt_version_id"] for side in ("baseline", "candidate")]
    first, second = comparison.distinct_versions(session, project_id, [str(each) for each in ids])
    gathered = Gathered(session, project_id, first, [second])
    scores = gathered.ratings_of(id_of(second)).evidence.scores
    order = abs(scores.scores - 0.5).argsort(kind="stable")[::-1]
    blocks: Sequence[int] = scores.blocks[order[:_MOST_CASES]].tolist()
    rows = comparisons.generations_on(session, ids, blocks, by_number=gathered.by_number)
    return views.full_generations(session, rows)


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
