"""Planning: what was drafted is committed as planned generations before a provider hears of it."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlmodel import Session

from promptlab.db import batches, cases, generations, projects, review_order
from promptlab.db.staging import staged
from promptlab.services.cases import ImageFacts, ensure
from promptlab.services.drafting import Draft
from promptlab.services.draws import Draws
from promptlab.services.lab import Lab


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What was committed: a batch and its planned generations."""

    batch_id: int
    generation_ids: list[int]
    draws: Draws


def numbered(session: Session, lab: Lab, drafted: Draft) -> Draft:
    """Return the draft with the draws that are free now.

    Raises:
        InvalidInput: their seeds are too high for the model; or draws share images, and the order is strict.
    """
    content = drafted.order.content
    case = cases.find(session, lab.project_id, content.hash) if content else None
    is_new_case = content is not None and case is None
    case_id = case.id if case else None
    return drafted.starting_at(1 if is_new_case else generations.next_draw(session, drafted.request_key(case_id)))


def plan(lab: Lab, drafted: Draft, images: Sequence[ImageFacts]) -> Plan:
    """Commit the generations as planned, with the draws that are free now; raises as `numbered` does.

    `images` are those of its case, stored.
    """
    content = drafted.order.content
    with lab.database.transaction() as session:
        projects.lock(session, lab.project_id)
        case_id = ensure(session, lab.project_id, [replace(content, images=images)])[0] if content else None
        drafted = drafted.starting_at(generations.next_draw(session, drafted.request_key(case_id)))
        order_seed, limit = random.getrandbits(31), drafted.order.terms.max_cost_usd
        batch_id = batches.add(session, lab.project_id, order_seed=order_seed, max_cost_usd=limit).id or 0
        rows = [(0, draw) for draw in drafted.draws.numbers]
        draft = columns(drafted, case_id, projects.order_seed(session, lab.project_id))
        with staged(session, lab.project_id, [draft], rows) as generations_:
            generations_.add(batch_id)
            ids = generations_.ids()
    return Plan(batch_id=batch_id, generation_ids=ids, draws=drafted.draws)


def columns(drafted: Draft, case_id: int | None, order_seed: int) -> dict[str, Any]:
    """Return the draft as it is staged; `order_seed` is the project's, for the order of review."""
    version, content = drafted.order.version, drafted.order.content
    seeds, first = drafted.draws.seeds, drafted.draws.first
    request_key = drafted.request_key(case_id)
    case_hash = content.hash if content else None
    return {
        "prompt_version_id": version.id,
        "case_id": case_id,
        "request_key": request_key,
        "image_count": drafted.order.terms.count,
        "base_seed": drafted.order.terms.seed,
        "first_seed": None if seeds[0] is None else seeds[0] - first + 1,
        "parameters": drafted.parameters,
        "rendered_system_prompt": drafted.rendered.system,
        "rendered_user_prompt": drafted.rendered.user,
        "max_price_usd": drafted.max_price_usd,
        "warnings": drafted.warnings,
        **review_order.bases(order_seed, case_hash=case_hash, prompt=version.name, request_key=request_key),
    }


def shuffled(drafts: Sequence[Draft], order_seed: int) -> list[tuple[int, int]]:
    """Return the draws of drafts in an order that tells nothing, the same for the same seed.

    Each is the place of its draft and the draw.
    """
    rows = [(place, draw) for place, drafted in enumerate(drafts) for draw in drafted.draws.numbers]
    random.Random(order_seed).shuffle(rows)  # noqa: S311 - an order, no secret
    return rows
