"""The draws that a request makes next, and the seed of each (PRODUCT section 3: draw k uses seed + k - 1)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from promptlab.adapters.ai.capabilities import Capabilities
from promptlab.errors import InvalidInput

MAX_DRAWS = 10_000
"""At once; a typing error buys no more than that."""

_MAX_SEED = 2**63 - 2**32
"""What databases take, less room for the draws that come later."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Draws:
    """Draws in a row, `number` of them from `first` on; `seed` is what draw 1 is sent, None where none is sent.

    A set of several images uses up `seeds_in_each`: more than one where the service numbers them on from the set's.
    """

    model: str
    seed: int | None
    highest_seed: int
    number: int
    seeds_in_each: int = 1
    first: int = 1

    def starting_at(self, first: int) -> "Draws":
        """Return as many draws from another on; raises InvalidInput where their seeds are too high for the model."""
        moved = replace(self, first=first)
        if self.seed is not None and moved._seeds[-1] > self.highest_seed:
            said = moved.said_of_seeds.removesuffix(".")
            takes = f"{self.model} takes none above {self.highest_seed}"
            raise InvalidInput(f"{said}; {takes}.", hint="Use a lower --seed.")
        return moved

    @property
    def numbers(self) -> range:
        """The draws, from 1 on."""
        return range(self.first, self.first + self.number)

    @property
    def seeds(self) -> list[int | None]:
        """The seed of each draw."""
        return [*self._seeds] or [None] * self.number

    @property
    def said_of_seeds(self) -> str:
        """A sentence where the seeds do not start with `--seed`, because the request was made before; else empty."""
        if self.seed is None or self.first == 1:
            return ""
        are, draws, seeds = ("this is", "draw", "seed") if self.number == 1 else ("these are", "draws", "seeds")
        return (
            f"Seed {self.seed} was used before with this request: {are} {draws} {in_short(self.numbers)}, "
            f"with {seeds} {in_short(self._seeds)}."
        )

    @property
    def warnings(self) -> list[str]:
        """A warning where the sets of several draws have a seed in common, and so an image."""
        draw = max(self.first, 2)
        if self.seed is None or self.seeds_in_each == 1 or draw not in self.numbers:
            return []
        shared = f"image 2 of draw {draw - 1} and image 1 of draw {draw} both have seed {self.seed + draw - 1}"
        apart = f"a run of its own for each set, with --seed {self.seed}, {self.seed + self.seeds_in_each} and so on"
        why = "The images of a set have seeds in a row here, so draws share some"
        return [f"{why}: {shared}. Use --draws without --count, or {apart}."]

    @property
    def _seeds(self) -> range:
        start = (self.seed or 0) + self.first - 1
        return range(start, start if self.seed is None else start + self.number)


def require_draws(number: int) -> None:
    """Check how many draws are asked for; raises InvalidInput for too few or too many."""
    if not 1 <= number <= MAX_DRAWS:
        raise InvalidInput(f"--draws {number} is not possible: at least one, at most {MAX_DRAWS:,}.")


def first_draws(model: str, capabilities: Capabilities, *, seed: int | None, number: int, count: int) -> Draws:
    """Return the draws of a request that was never made before.

    Raises:
        InvalidInput: too many of them, or a seed that the model does not take, for the first draw or the last.
    """
    require_draws(number)
    sent = seed if capabilities.seed else None
    lowest, highest = capabilities.min_seed, _MAX_SEED if capabilities.max_seed is None else capabilities.max_seed
    if sent is not None and not lowest <= sent <= highest - number + 1:
        upwards = f"up to about {_MAX_SEED:.0e}" if capabilities.max_seed is None else f"to {highest}"
        each = ", and each draw one more" if number > 1 else ""
        at_random = f"It would draw at random for {sent}; leave --seed out for that." if 0 <= sent < lowest else None
        raise InvalidInput(
            f"--seed {sent} is not possible: {model} takes whole numbers from {lowest} {upwards}{each}.",
            hint=at_random,
        )
    in_each = count if capabilities.seed_per_image else 1
    return Draws(model=model, seed=sent, highest_seed=highest, number=number, seeds_in_each=in_each)


def in_short(numbers: Sequence[int]) -> str:
    """Return numbers in a row as `7`, or `7 to 9`; nothing for none."""
    return " to ".join(str(number) for number in dict.fromkeys([*numbers[:1], *numbers[-1:]]))
