"""What a person wants to rate by key, and the command line that says it."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Walk:
    """One generation, or the queue: all of it, that of a version or that of a batch."""

    generation_id: int | None
    reference: str | None
    batch_id: int | None
    rater: str
    blind: bool
    preview: bool

    def command(self, root_flags: Mapping[str, str | None], *, default_rater: str) -> str:
        """Return the command that goes on where a session of this walk ended."""
        narrowed = {
            "prompt_version": self.reference,
            "batch": self.batch_id,
            "rater": None if self.rater == default_rater else self.rater,
        }
        return shlex.join([
            "promptlab",
            *_options(root_flags),
            "rate",
            *([] if self.generation_id is None else [str(self.generation_id)]),
            *_options(narrowed),
            *([] if self.blind else ["--open"]),
            *(["--preview"] if self.preview else []),
        ])  # fmt: skip


def _options(values: Mapping[str, object]) -> list[str]:
    given = {name: value for name, value in values.items() if value is not None}
    return [word for name, value in given.items() for word in (f"--{name.replace('_', '-')}", str(value))]
