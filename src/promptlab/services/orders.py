"""Orders for images: from what a person typed, over a draft that costs nothing, to generations with an outcome."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from promptlab.adapters.ai.protocol import StillRunning
from promptlab.db import batches, generations, prompts
from promptlab.db.models import Generation, PromptVersion
from promptlab.db.states import GenerationState
from promptlab.errors import Conflict, InvalidInput, PromptlabError
from promptlab.services import planning, templates
from promptlab.services.batch_states import close_after
from promptlab.services.cases import Content
from promptlab.services.dispatch import Item, Progress, dispatch, work_of
from promptlab.services.drafting import Draft, Order, Terms, checked_limit, draft
from promptlab.services.draws import Draws
from promptlab.services.inputs import Loaded, check_mask, load_images
from promptlab.services.lab import Lab
from promptlab.services.recovery import ask_again_about
from promptlab.services.spool import SpoolUnavailable
from promptlab.services.workload import at_work

_AGAIN = (GenerationState.FAILED, GenerationState.REFUSED, GenerationState.UNKNOWN, GenerationState.CANCELLED)
_NOTHING_TO_DO = {
    GenerationState.SUCCEEDED: ("There are images already of generation {}.", "`promptlab generate` makes more."),
    GenerationState.SENDING: ("Being made right now: generation {}.", "Wait until that is done."),
}
"""In which states a generation is left alone: what is said of those, and what to do instead."""


@dataclass(frozen=True, kw_only=True)
class Placed:
    """What became of an order: `stopped_by` is what ended it before everything had an outcome.

    `left_alone` says which generations there was nothing to do for, and why; `draws` are those of a new order.
    """

    generation_ids: list[int]
    left_alone: list[str] = field(default_factory=list)
    batch_id: int | None = None
    draws: Draws | None = None
    stopped_by: PromptlabError | KeyboardInterrupt | None = None


@dataclass(frozen=True, kw_only=True)
class Request:
    """What `generate` was asked for, as it was typed: a REF, and paths or addresses of images."""

    reference: str
    inputs: Sequence[str] = ()
    mask: str | None = None
    variables: Mapping[str, Any] = field(default_factory=dict)
    terms: Terms = field(default_factory=Terms)


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A draft, and the images that go into it."""

    draft: Draft
    images: Sequence[Loaded] = ()


def prepare(lab: Lab, request: Request, *, for_sending: bool = True) -> Prepared:
    """Render, check, price and number a request; nothing is written. Without `for_sending` no key is needed.

    Raises:
        NotFound, Conflict: no such version, or a deleted one.
        InvalidInput: anything that could not be sent.
        NotConfigured: the provider's key is missing.
    """
    with lab.database.reading() as session:
        version = prompts.get_live(session, lab.project_id, request.reference)
    provider = lab.providers.open(version.provider, for_sending=for_sending)
    images = load_images(request.inputs, request.mask)
    templates.require_used(version.system_prompt, version.user_prompt, request.variables, raw=version.raw)
    content = Content(variables=request.variables, images=[image.facts for image in images])
    order = Order(version=version, content=content if images or request.variables else None, terms=request.terms)
    drafted = draft(order, provider.capabilities(version.model))
    check_mask(images)
    with lab.database.reading() as session:
        numbered = planning.numbered(session, lab, drafted)
    return Prepared(draft=numbered, images=images)


def place(lab: Lab, prepared: Prepared, progress: Progress) -> Placed:
    """Plan what was prepared and take it to its outcomes; what stopped it is returned, not raised."""
    require_room(lab)
    plan = planning.plan(lab, prepared.draft, [image.stored(lab) for image in prepared.images])
    items = [Item(id_, plan.batch_id) for id_ in plan.generation_ids]
    stopped_by = _run(lab, {prepared.draft.order.version.provider: items}, progress)
    close_after(lab, [plan.batch_id], stopped_by)
    return Placed(batch_id=plan.batch_id, generation_ids=plan.generation_ids, draws=plan.draws, stopped_by=stopped_by)


def retry(
    lab: Lab,
    generation_ids: Sequence[int],
    progress: Progress,
    *,
    max_cost_usd: float | None = None,
    allow_unpriced: bool = False,
) -> Placed:
    """Take generations that ended without images, or are still planned, to an outcome: same row, new attempt.

    One that is unknown is asked about first, where its provider can be asked, so that it is not bought twice; a job
    that still runs is waited for. Those that have their images, or are in flight, are left alone.
    `max_cost_usd` is a new limit for each of their batches, which counts what they have cost already.

    Raises:
        NotFound: one of them does not exist; nothing is sent then.
        Conflict: all of them have images already, or are in flight; or one is a job that its provider does not finish.
        InvalidInput: a limit that is none, or that cannot hold because a price is not known.
    """
    with lab.database.reading() as session:
        named = [generations.get(session, lab.project_id, id_) for id_ in sorted(set(generation_ids))]
    ids = [row.id or 0 for row in named]
    try:
        settled = [id_ for id_ in ids if _settled(lab, id_)]
    except KeyboardInterrupt as interrupted:  # nothing was sent
        return Placed(generation_ids=ids, stopped_by=interrupted)
    rows, left_alone = _retryable(lab, [id_ for id_ in ids if id_ not in settled]) if ids != settled else ([], [])
    _require_prices(rows, wanted=max_cost_usd is not None and not allow_unpriced)
    left = [row.id or 0 for row in rows]
    batch_ids = {row.batch_id for row in named if row.id in {*settled, *left}}
    by_provider = _by_provider(lab, rows)
    for name in by_provider:
        lab.providers.open(name)  # a missing key is said before a row is touched
    require_room(lab)
    _replan(lab, left, batch_ids, max_cost_usd)
    # Whoever asks for these asks in spite of a pause, of a cancelled batch, and of a deadline that has passed.
    stopped_by = _run(lab, by_provider, progress, in_spite=True)
    close_after(lab, batch_ids, stopped_by)
    return Placed(generation_ids=sorted([*settled, *left]), left_alone=left_alone, stopped_by=stopped_by)


def require_room(lab: Lab) -> None:
    """Check that what is about to be bought can be kept, before a row is written."""
    try:
        lab.spool.require_room()
    except SpoolUnavailable as error:
        raise SpoolUnavailable(error.message, hint=f"Nothing was bought. {error.hint}") from error
    lab.storage.upload(b"promptlab writes here\n", f"{lab.uid}/.writable", "text/plain")


def _run(
    lab: Lab, by_provider: Mapping[str, Sequence[Item]], progress: Progress, *, in_spite: bool = False
) -> PromptlabError | KeyboardInterrupt | None:
    """Take the generations of each provider to their outcomes; return what stopped that."""
    works = [work_of(lab, name, items, in_spite=in_spite) for name, items in by_provider.items()]
    try:
        with at_work(lab, [item.generation_id for items in by_provider.values() for item in items]):
            dispatch(works, progress)
    except (PromptlabError, KeyboardInterrupt) as stopped_by:
        return stopped_by
    return None


def _retryable(lab: Lab, generation_ids: Sequence[int]) -> tuple[list[Generation], list[str]]:
    """Return the generations that can be taken further, and sentences about the others; raises Conflict without any."""
    with lab.database.reading() as session:
        rows = [generations.get(session, lab.project_id, id_) for id_ in generation_ids]
    left_alone = [
        sentence.format(", ".join(ids))
        for state, (sentence, _hint) in _NOTHING_TO_DO.items()
        if (ids := [str(row.id) for row in rows if row.state is state])
    ]
    found = [row for row in rows if row.state not in _NOTHING_TO_DO]
    if not found:
        raise Conflict(" ".join(left_alone), hint=_NOTHING_TO_DO[rows[0].state][1])
    return found, left_alone


def _by_provider(lab: Lab, rows: Sequence[Generation]) -> dict[str, list[Item]]:
    """Return the generations by the provider of their version."""
    found: dict[str, list[Item]] = defaultdict(list)
    with lab.database.reading() as session:
        for row in rows:
            version = session.get_one(PromptVersion, row.prompt_version_id)
            found[version.provider].append(Item(row.id or 0, row.batch_id))
    return found


def _replan(lab: Lab, generation_ids: Sequence[int], batch_ids: set[int], max_cost_usd: float | None) -> None:
    """Plan the generations again, and set the new limit of their batches if there is one."""
    with lab.database.transaction() as session:
        for id_ in generation_ids:
            generations.replan(session, id_, _AGAIN)
        if max_cost_usd is not None:
            for batch_id in batch_ids:
                batches.change(session, batch_id, max_cost_usd=checked_limit(max_cost_usd))


def _require_prices(rows: Sequence[Generation], *, wanted: bool) -> None:
    for row in rows:
        if wanted and row.max_price_usd is None:
            raise InvalidInput(
                f"The price of generation {row.id} is not known, so --max-cost cannot hold.",
                hint="--allow-unpriced goes on without a limit for such models.",
            )


def _settled(lab: Lab, generation_id: int) -> bool:
    """Ask what became of the generation where somebody can be asked, and say whether that settled it.

    Raises:
        Conflict: its provider still works on it.
    """
    try:
        return ask_again_about(lab, generation_id)
    except StillRunning as error:
        raise Conflict(
            f"Generation {generation_id} is still being made: {error.message}",
            hint="Run the same command again later; nothing is bought by that.",
        ) from error
