"""The vendors whose services are played on loopback: what the contract suite needs to know of each."""

import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.loopback import LoopbackService
from tests.openai_behaviour import Behaviour

KEY = "key-test-0123456789abcdef"


@dataclass(frozen=True, kw_only=True)
class Vendor:
    """One vendor; its module in this package has it as `VENDOR`, and its service.

    `environment` maps a service's base URL to the variables with which promptlab uses it. `refusals` are the shapes in
    which it refuses, each a function that makes the next request be refused; `categories` is what every refusal keeps
    in `details["categories"]`. `throttled` is its 429, with `throttled_seconds` as its own hint.
    `reported` are effective parameters that each answer names; `cost_usd` is what one image is reported to cost,
    or costs by the table of models where no answer says it.
    """

    name: str
    service: type[LoopbackService]
    environment: Callable[[str], Mapping[str, str]]
    model: str
    any_model: bool = False
    """Whether its models have names of their owner's, so that none is unknown."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    impossible: Mapping[str, Any]
    """Parameters that the service rejects."""
    with_inputs: Callable[[int], Mapping[str, Any]] = lambda _count: {}
    """Other parameters, where a request with so many input images needs them."""
    size: tuple[int, int] = (128, 96)
    media_type: str = "image/png"
    reported: Mapping[str, Any] = field(default_factory=dict)
    cost_usd: float | None
    refusals: Mapping[str, Callable[[Any], None]] = field(default_factory=dict)
    categories: Sequence[str] = ()
    throttled: Behaviour | None
    throttled_seconds: float | None = None
    key_refused: Behaviour | None
    failing: Behaviour
    """A terminal error."""
    cancels: bool = False
    """Whether its jobs can be cancelled."""


def vendors() -> dict[str, Vendor]:
    """Return every vendor by name."""
    modules = [importlib.import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__)]
    return {module.VENDOR.name: module.VENDOR for module in modules}
