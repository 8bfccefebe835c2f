"""What `batch run` was asked for: versions x cases x draws, rendered, checked and priced before a row is written."""

import random
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Any

from sqlmodel import Session

from promptlab.adapters.ai.capabilities import Capabilities
from promptlab.db import cases, projects, prompts
from promptlab.db.models import PromptVersion
from promptlab.db.staging import Staged, staged
from promptlab.db.states import GenerationState
from promptlab.errors import InvalidInput, PromptlabError
from promptlab.services import case_sets
from promptlab.services.case_sets import CaseList
from promptlab.services.cases import Content
from promptlab.services.content import content_hash
from promptlab.services.drafting import Draft, Order, Terms, UnknownPrice, draft
from promptlab.services.draws import require_draws
from promptlab.services.lab import Lab
from promptlab.services.planning import columns, shuffled
from promptlab.services.templates import MissingVariable
from promptlab.services.views import View

MAX_GENERATIONS = 250_000
"""In one batch; a typing error buys no more than that, and all of them are planned in memory."""

_SHARED = ("parameters", "draws", "warnings_of_checks")
"""What of a draft is mostly the same for every case."""

WITHOUT_PRICE = "--assume-cost USD says what one may cost, --allow-unpriced goes on without a limit for such models."


@dataclass(frozen=True, kw_only=True)
class Request:
    """What was typed: REFs of versions, the name of a case set or a file of cases, and the terms."""

    references: Sequence[str]
    cases: str | None = None
    terms: Terms = field(default_factory=Terms)


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A request with what it names; `drafts` are for each version those of all cases, in their order."""

    request: Request
    versions: Sequence[PromptVersion]
    cases: CaseList | None
    drafts: Sequence[Draft]

    @property
    def warnings(self) -> list[str]:
        """What is not done as asked, each sentence once."""
        said = [*(self.cases.warnings if self.cases else ()), *(text for each in self.drafts for text in each.warnings)]
        return list(dict.fromkeys(said))

    @property
    def key(self) -> str:
        """The hash of what makes two requests the same batch."""
        terms = self.request.terms
        contents = sorted(each.hash for each in self.cases.contents) if self.cases else None
        versions = sorted(version.id or 0 for version in self.versions)
        return content_hash([versions, contents, terms.parameters, terms.seed, terms.draws])

    @property
    def record(self) -> dict[str, Any]:
        """The request as its batch keeps it."""
        terms = self.request.terms
        return {
            "prompt_versions": [version.id for version in self.versions],
            "cases": self.cases.label if self.cases else None,
            "case_count": len(self.cases.contents) if self.cases else None,
            "draws": terms.draws,
            "seed": terms.seed,
            "parameters": dict(terms.parameters),
        }


def prepare(lab: Lab, request: Request, *, for_sending: bool = True) -> Prepared:
    """Render, check and price everything; nothing is written. Without `for_sending` no key is needed.

    Raises:
        NotFound, Conflict: no such version or case set, or a deleted version.
        InvalidInput: anything that could not be sent; the case is named.
        NotConfigured: a provider's key is missing.
        LimitReached: one generation alone may cost more than the limit.
    """
    require_draws(request.terms.draws)
    with lab.database.reading() as session:
        found = [prompts.get_live(session, lab.project_id, reference) for reference in request.references]
    versions = list({version.id: version for version in found}.values())
    chosen = case_sets.choose(lab, request.cases) if request.cases is not None else None
    _require_size(len(versions) * (len(chosen.contents) if chosen else 1) * request.terms.draws)
    drafts: list[Draft] = []
    for version in versions:
        capabilities = lab.providers.open(version.provider, for_sending=for_sending).capabilities(version.model)
        drafts += _drafts(version, chosen, request.terms, capabilities)
    return Prepared(request=request, versions=versions, cases=chosen, drafts=drafts)


def look(lab: Lab, prepared: Prepared) -> View:
    """Return what a run would do, as JSON data: how much there is already, what it would send and may cost."""
    with lab.database.reading() as session:
        ids = _known_case_ids(session, lab, prepared)
        with stage(session, lab, prepared, ids, order_seed=0) as generations:
            there, to_send = generations.states(), generations.to_send()
    total = len(prepared.drafts) * prepared.request.terms.draws
    return {
        "dry_run": True,
        **prepared.record,
        "generations": total,
        "existing": {state.value: there.get(state, 0) for state in GenerationState},
        "missing": total - sum(there.values()),
        "to_send": to_send.count,
        "max_cost_usd": to_send.max_cost_usd if not to_send.unpriced else None,
        "unpriced": to_send.unpriced,
        "warnings": prepared.warnings,
    }


def stage(
    session: Session, lab: Lab, prepared: Prepared, case_ids: Sequence[int | None], *, order_seed: int
) -> AbstractContextManager[Staged]:
    """Stage what was prepared, in the order of that seed; `case_ids` are those of its cases, [None] without any."""
    count, review_seed = len(case_ids), projects.order_seed(session, lab.project_id)
    drafts = (columns(each, case_ids[place % count], review_seed) for place, each in enumerate(prepared.drafts))
    return staged(session, lab.project_id, drafts, shuffled(prepared.drafts, order_seed))


def new_order_seed() -> int:
    """Return a seed that nobody can guess for the order of a batch."""
    return random.SystemRandom().getrandbits(31)


def _known_case_ids(session: Session, lab: Lab, prepared: Prepared) -> list[int | None]:
    """Return the ids of the cases; one that is not there yet gets one that nothing has."""
    if prepared.cases is None:
        return [None]
    hashes = [content.hash for content in prepared.cases.contents]
    known = cases.by_hash(session, lab.project_id, hashes)
    return [known[digest].id if digest in known else -place for place, digest in enumerate(hashes, start=1)]


def _drafts(
    version: PromptVersion, chosen: CaseList | None, terms: Terms, capabilities: Capabilities
) -> Iterator[Draft]:
    contents: Sequence[Content | None] = chosen.contents if chosen else [None]
    before = None
    for place, content in enumerate(contents, start=1):
        try:
            drafted = draft(Order(version=version, content=content, terms=terms), capabilities)
        except PromptlabError as error:
            raise _about_case(error, version, place, content) from error
        before = _sharing(drafted, before) if before else drafted
        yield before


def _sharing(drafted: Draft, before: Draft) -> Draft:
    """Return the draft with what the one before it has as well, so that of many this is in memory only once."""
    same = {name: value for name in _SHARED if (value := getattr(before, name)) == getattr(drafted, name)}
    return replace(drafted, **same)


def _about_case(error: PromptlabError, version: PromptVersion, place: int, content: Content | None) -> PromptlabError:
    """Return the error with the version and the case that it is about."""
    where = f"{version.name}@{version.version}"
    hint = error.hint
    if content is not None:
        where += f", case {place}" + (f" ({content.key})" if content.key else "")
    if isinstance(error, MissingVariable):
        names = ", ".join(error.names)
        a_column = f"a column {names}" if len(error.names) == 1 else f"the columns {names}"
        hint = f"Give the cases {a_column}." if content is not None else f"Name cases with {a_column}: --cases FILE."
    if isinstance(error, UnknownPrice):
        hint = WITHOUT_PRICE
    kind = InvalidInput if isinstance(error, InvalidInput) else type(error)
    return kind(f"{where}: {error.message}", hint=hint)


def _require_size(count: int) -> None:
    if count > MAX_GENERATIONS:
        raise InvalidInput(
            f"That would be {count:,} generations; a batch has at most {MAX_GENERATIONS:,}.",
            hint="Split it: fewer versions, cases or draws at once.",
        )
    if count == 0:
        raise InvalidInput("There is nothing to do: no case.", hint="Name cases with --cases NAME or FILE.")
