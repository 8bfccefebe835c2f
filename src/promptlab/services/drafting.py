"""Drafts: what would be sent, rendered, checked and priced; nothing of it is written yet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from promptlab.adapters.ai.capabilities import Capabilities
from promptlab.adapters.ai.protocol import combined
from promptlab.db.models import PromptVersion
from promptlab.db.states import ImageRole
from promptlab.errors import InvalidInput, LimitReached
from promptlab.services import templates
from promptlab.services.cases import Content
from promptlab.services.checks import Asked, check, require_all_done
from promptlab.services.content import content_hash
from promptlab.services.draws import Draws, first_draws

MAX_LIMIT_USD = 10_000_000


class UnknownPrice(InvalidInput):
    """Nobody knows the price, so a limit cannot hold."""


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What is asked for besides prompt and case: the same for everything that a command makes."""

    parameters: Mapping[str, Any] = field(default_factory=dict)
    count: int = 1
    draws: int = 1
    seed: int | None = None
    strict: bool = False
    max_cost_usd: float | None = None
    allow_unpriced: bool = False
    assume_cost_usd: float | None = None
    """What a generation may cost whose price nobody knows."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """A version, the case that it is filled with (None without variables and images), and the terms."""

    version: PromptVersion
    content: Content | None
    terms: Terms

    def images(self, role: ImageRole) -> int:
        """Return how many images of that role there are."""
        return sum(image.role is role for image in self.content.images) if self.content else 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """An order that has been rendered, checked and priced.

    `combined_prompt` is how system and user prompt are sent to a model that takes only one, None to others.
    `max_price_usd` is the upper bound of the price of one generation, None where that is not known.
    """

    order: Order
    rendered: templates.Rendered
    combined_prompt: str | None
    parameters: dict[str, Any]
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
            "count": self.order.terms.count,
            "max_cost_usd": price,
            "parameters": self.parameters,
            "draws": [*self.draws.numbers],
            "seeds": self.draws.seeds,
            "inputs": self.order.images(ImageRole.INPUT),
            "mask": self.order.images(ImageRole.MASK) > 0,
            "rendered_system_prompt": self.rendered.system,
            "rendered_user_prompt": self.rendered.user,
            "combined_prompt": self.combined_prompt,
            "warnings": self.warnings,
        }

    def starting_at(self, first: int) -> "Draft":
        """Return the draft with its draws from another on; raises InvalidInput where that is not possible."""
        draws = self.draws.starting_at(first)
        require_all_done(draws.warnings, strict=self.order.terms.strict)
        return replace(self, draws=draws)

    def request_key(self, case_id: int | None) -> str:
        """Hash what makes two requests the same, draws apart (PRODUCT: identity)."""
        terms = self.order.terms
        return content_hash([self.order.version.id, case_id, self.parameters, terms.count, terms.seed])


def draft(order: Order, capabilities: Capabilities) -> Draft:
    """Render, check and price an order, as if it were the first of its kind: planning says which draws it makes.

    Raises:
        InvalidInput: anything that could not be sent, or whose price cannot be limited as asked.
        LimitReached: one generation alone may cost more than the limit.
    """
    version, terms = order.version, order.terms
    variables = order.content.variables if order.content else {}
    rendered = templates.render(version.system_prompt, version.user_prompt, variables, raw=version.raw)
    parameters = {**version.parameters, **terms.parameters}
    capabilities = capabilities.for_parameters(parameters)
    warnings = check(_asked(order, rendered, parameters), capabilities, strict=terms.strict)
    is_combined = bool(rendered.system) and not capabilities.system_prompt
    return Draft(
        order=order,
        rendered=rendered,
        combined_prompt=combined(rendered.system, rendered.user) if is_combined else None,
        parameters=parameters,
        draws=first_draws(
            *(capabilities.who(version.model, within=True), capabilities),
            seed=terms.seed,
            number=terms.draws,
            count=terms.count,
        ),
        max_price_usd=_price(order, rendered, parameters, capabilities),
        warnings_of_checks=warnings,
    )


def checked_limit(usd: float, *, flag: str = "--max-cost") -> float:
    """Return a cost limit if it is one; raises InvalidInput otherwise."""
    if not 0 <= usd < MAX_LIMIT_USD:
        raise InvalidInput(f"{flag} {usd} is not possible: a number of dollars from 0 to {MAX_LIMIT_USD:,}.")
    return round(usd, 6)


def _asked(order: Order, rendered: templates.Rendered, parameters: dict[str, Any]) -> Asked:
    images: Sequence[Any] = order.content.images if order.content else ()
    return Asked(
        provider=order.version.provider,
        model=order.version.model,
        system_prompt=rendered.system,
        user_prompt=rendered.user,
        input_types=[(image.media_type, image.bytes) for image in images if image.role is ImageRole.INPUT],
        has_mask=order.images(ImageRole.MASK) > 0,
        count=order.terms.count,
        seed=order.terms.seed,
        parameters=parameters,
    )


def _price(
    order: Order, rendered: templates.Rendered, parameters: dict[str, Any], capabilities: Capabilities
) -> float | None:
    """Return the most that one generation costs, None where nobody knows; raises what `draft` raises of prices."""
    terms, inputs = order.terms, order.images(ImageRole.INPUT)
    price = capabilities.upper_price(
        count=terms.count,
        inputs=inputs,
        prompt_bytes=len((rendered.user + (rendered.system or "")).encode()),
        parameters=capabilities.sendable(parameters, inputs=inputs),
    )
    price = terms.assume_cost_usd if price is None else price
    if terms.max_cost_usd is not None:
        _check_price(order.version, terms, price)
    return price


def _check_price(version: PromptVersion, terms: Terms, price: float | None) -> None:
    limit = checked_limit(terms.max_cost_usd or 0.0)
    if price is None and not terms.allow_unpriced:
        raise UnknownPrice(
            f"The price of {version.model} is not known, so --max-cost cannot hold.",
            hint="--allow-unpriced goes on without a limit for such models.",
        )
    if price is not None and price > limit:
        raise LimitReached(
            f"One generation may cost up to ${price:.4f}, more than --max-cost {limit:g} allows.",
            hint="Nothing was sent. Raise the limit, or ask for less: fewer images, a lower quality.",
        )
