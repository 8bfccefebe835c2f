"""Planning generations: everything is rendered, checked, priced and committed before a provider hears of it."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

from sqlmodel import Session

from promptlab.adapters.ai.capabilities import Capabilities
from promptlab.adapters.ai.protocol import combined
from promptlab.db import batches, cases, generations, projects
from promptlab.db.models import Case, CaseImage, Generation, GenerationImageInput, PromptVersion
from promptlab.db.states import ImageRole
from promptlab.errors import InvalidInput, LimitReached
from promptlab.services import templates
from promptlab.services.checks import Asked, check, require_all_done
from promptlab.services.content import content_hash
from promptlab.services.draws import Draws, first_draws
from promptlab.services.images import ImageInfo
from promptlab.services.keeping import store_image
from promptlab.services.lab import Lab

MAX_LIMIT_USD = 10_000_000


@dataclass(frozen=True, kw_only=True)
class Request:
    """What `generate` was asked for, as it was typed: a REF, and paths or addresses of images."""

    reference: str
    inputs: Sequence[str] = ()
    mask: str | None = None
    variables: Mapping[str, Any] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    count: int = 1
    draws: int = 1
    seed: int | None = None
    strict: bool = False
    max_cost_usd: float | None = None
    allow_unpriced: bool = False


@dataclass(frozen=True, kw_only=True)
class Order:
    """A request with what it names: the version, and the images read and looked at."""

    version: PromptVersion
    request: Request
    inputs: Sequence[tuple[bytes, ImageInfo]] = ()
    mask: tuple[bytes, ImageInfo] | None = None


@dataclass(frozen=True, kw_only=True)
class Draft:
    """An order that has been rendered, checked and priced; nothing of it is written yet.

    `combined_prompt` is how system and user prompt are sent to a model that takes only one, None to others.
    `case_hash` is that of its variables and images, None without any. `max_price_usd` is the upper bound of the price
    of one generation, None where that is not known.
    """

    order: Order
    rendered: templates.Rendered
    combined_prompt: str | None
    parameters: dict[str, Any]
    case_hash: str | None
    draws: Draws
    max_price_usd: float | None
    warnings_of_checks: list[str]

    @property
    def warnings(self) -> list[str]:
        """What the model will not do as asked, and what else a person should know before it is sent."""
        return [*self.warnings_of_checks, *self.draws.warnings]

    @property
    def view(self) -> dict[str, Any]:
        """The draft as JSON data."""
        price = None if self.max_price_usd is None else round(self.max_price_usd * self.draws.number, 6)
        return {
            "dry_run": True,
            "prompt_version_id": self.order.version.id,
            "provider": self.order.version.provider,
            "model": self.order.version.model,
            "generations": self.draws.number,
            "count": self.order.request.count,
            "max_cost_usd": price,
            "parameters": self.parameters,
            "draws": [*self.draws.numbers],
            "seeds": self.draws.seeds,
            "inputs": len(self.order.inputs),
            "mask": self.order.mask is not None,
            "rendered_system_prompt": self.rendered.system,
            "rendered_user_prompt": self.rendered.user,
            "combined_prompt": self.combined_prompt,
            "warnings": self.warnings,
        }


def draft(order: Order, capabilities: Capabilities) -> Draft:
    """Render, check and price an order, as if it were the first of its kind: `numbered` says which draws it makes.

    Raises:
        InvalidInput: anything that could not be sent, or whose price cannot be limited as asked.
    """
    version = order.version
    rendered = templates.render(version.system_prompt, version.user_prompt, order.request.variables, raw=version.raw)
    parameters = {**version.parameters, **order.request.parameters}
    capabilities = capabilities.for_parameters(parameters)
    asked = _asked(order, rendered, parameters)
    warnings = check(asked, capabilities, strict=order.request.strict)
    _check_mask(order)
    prompt_bytes = len((rendered.user + (rendered.system or "")).encode())
    inputs = len(order.inputs)
    sendable = capabilities.sendable(parameters, inputs=inputs)
    price = capabilities.upper_price(
        count=order.request.count, inputs=inputs, prompt_bytes=prompt_bytes, parameters=sendable
    )
    _check_price(order, price)
    is_combined = bool(rendered.system) and not capabilities.system_prompt
    return Draft(
        order=order,
        rendered=rendered,
        combined_prompt=combined(rendered.system, rendered.user) if is_combined else None,
        parameters=parameters,
        case_hash=_case_hash(order),
        draws=first_draws(
            *(capabilities.who(version.model, within=True), capabilities),
            seed=order.request.seed,
            number=order.request.draws,
            count=order.request.count,
        ),
        max_price_usd=price,
        warnings_of_checks=warnings,
    )


def _asked(order: Order, rendered: templates.Rendered, parameters: dict[str, Any]) -> Asked:
    return Asked(
        provider=order.version.provider,
        model=order.version.model,
        system_prompt=rendered.system,
        user_prompt=rendered.user,
        input_types=[(info.media_type, len(data)) for data, info in order.inputs],
        has_mask=order.mask is not None,
        count=order.request.count,
        seed=order.request.seed,
        parameters=parameters,
    )


def numbered(session: Session, lab: Lab, drafted: Draft) -> Draft:
    """Return the draft with the draws that are free now.

    Raises:
        InvalidInput: their seeds are too high for the model; or draws share images, and the order is strict.
    """
    case = cases.find(session, lab.project_id, drafted.case_hash) if drafted.case_hash else None
    is_new_case = drafted.case_hash is not None and case is None
    return _starting_at(drafted, 1 if is_new_case else generations.next_draw(session, _request_key(drafted, case)))


def _starting_at(drafted: Draft, first: int) -> Draft:
    draws = drafted.draws.starting_at(first)
    require_all_done(draws.warnings, strict=drafted.order.request.strict)
    return replace(drafted, draws=draws)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What was committed: a batch and its planned generations."""

    batch_id: int
    generation_ids: list[int]
    draws: Draws


def plan(lab: Lab, drafted: Draft) -> Plan:
    """Store the inputs and commit the rows as planned, with the draws that are free now; raises as `numbered` does."""
    order = drafted.order
    images = [_store_input(lab, image, ImageRole.INPUT, position) for position, image in enumerate(order.inputs)]
    if order.mask is not None:
        images.append(_store_input(lab, order.mask, ImageRole.MASK, 0))
    with lab.database.transaction() as session:
        projects.lock(session, lab.project_id)
        case = _case(session, lab, drafted, images)
        drafted = _starting_at(drafted, generations.next_draw(session, _request_key(drafted, case)))
        batch = batches.add(
            session, lab.project_id, order_seed=random.getrandbits(31), max_cost_usd=order.request.max_cost_usd
        )
        rows = _rows(session, lab, drafted, case, batch.id or 0)
        for row in rows:
            batches.add_item(session, lab.project_id, batch.id or 0, row.id or 0)
            session.add_all(_input_rows(row, images))
    return Plan(batch_id=batch.id or 0, generation_ids=[row.id or 0 for row in rows], draws=drafted.draws)


def _rows(session: Session, lab: Lab, drafted: Draft, case: Case | None, batch_id: int) -> list[Generation]:
    order = drafted.order
    key = _request_key(drafted, case)
    rows = [
        Generation(
            project_id=lab.project_id,
            prompt_version_id=order.version.id or 0,
            case_id=case.id if case else None,
            batch_id=batch_id,
            request_key=key,
            draw=draw,
            image_count=order.request.count,
            base_seed=order.request.seed,
            seed=seed,
            parameters=drafted.parameters,
            rendered_system_prompt=drafted.rendered.system,
            rendered_user_prompt=drafted.rendered.user,
            max_price_usd=drafted.max_price_usd,
            warnings=drafted.warnings,
        )
        for draw, seed in zip(drafted.draws.numbers, drafted.draws.seeds, strict=True)
    ]
    session.add_all(rows)
    session.flush()
    return rows


def _request_key(drafted: Draft, case: Case | None) -> str:
    """Hash what makes two requests the same, draws apart (PRODUCT: identity)."""
    order = drafted.order
    case_id = case.id if case else None
    return content_hash([order.version.id, case_id, drafted.parameters, order.request.count, order.request.seed])


def _case_hash(order: Order) -> str | None:
    """Hash what an order fills its prompt with: variables, inputs, mask."""
    masks = [] if order.mask is None else [(ImageRole.MASK, 0, order.mask)]
    inputs = [(ImageRole.INPUT, position, image) for position, image in enumerate(order.inputs)]
    images = [[role.value, position, sha256(data).hexdigest()] for role, position, (data, _) in [*inputs, *masks]]
    return content_hash([order.request.variables, images]) if order.request.variables or images else None


def _case(session: Session, lab: Lab, drafted: Draft, images: Sequence[CaseImage]) -> Case | None:
    digest, variables = drafted.case_hash, drafted.order.request.variables
    if digest is None:
        return None
    found = cases.find(session, lab.project_id, digest)
    return found or cases.add(session, lab.project_id, content_hash=digest, variables=dict(variables), images=images)


def _store_input(lab: Lab, image: tuple[bytes, ImageInfo], role: ImageRole, position: int) -> CaseImage:
    return CaseImage(project_id=lab.project_id, case_id=0, role=role, **store_image(lab, *image, position=position))


def _input_rows(row: Generation, images: Sequence[CaseImage]) -> list[GenerationImageInput]:
    return [
        GenerationImageInput(**image.model_dump(exclude={"id", "case_id"}), generation_id=row.id or 0)
        for image in images
    ]


def _check_mask(order: Order) -> None:
    if order.mask is None:
        return
    _data, info = order.mask
    if not info.transparent:
        raise InvalidInput(
            "The mask has no transparency.", hint="Make transparent what is to be redone, and save a PNG."
        )
    first = order.inputs[0][1]
    if (info.width, info.height) != (first.width, first.height):
        raise InvalidInput(
            f"The mask is {info.width}x{info.height} and the first input {first.width}x{first.height}; "
            "they must have the same size."
        )


def checked_limit(usd: float) -> float:
    """Return a cost limit if it is one; raises InvalidInput otherwise."""
    if not 0 <= usd < MAX_LIMIT_USD:
        raise InvalidInput(f"--max-cost {usd} is not possible: a number of dollars from 0 to {MAX_LIMIT_USD:,}.")
    return usd


def _check_price(order: Order, price: float | None) -> None:
    if order.request.max_cost_usd is None:
        return
    checked_limit(order.request.max_cost_usd)
    if price is None and not order.request.allow_unpriced:
        raise InvalidInput(
            f"The price of {order.version.model} is not known, so --max-cost cannot hold.",
            hint="--allow-unpriced goes on without a limit for such models.",
        )
    if price is not None and price > order.request.max_cost_usd:
        raise LimitReached(
            f"One generation may cost up to ${price:.4f}, more than --max-cost {order.request.max_cost_usd:g} allows.",
            hint="Nothing was sent. Raise the limit, or ask for less: fewer images, a lower quality.",
        )
