"""What a person wants to rate by key, and the command line that says it."""

import shlex
from collections.abc import Mapping, Sequence
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
        words = ["rate", *([] if self.generation_id is None else [str(self.generation_id)])]
        flags = [*([] if self.blind else ["--open"]), *(["--preview"] if self.preview else [])]
        return command(root_flags, words, narrowed, flags)


def command(
    root_flags: Mapping[str, str | None], words: Sequence[str], options: Mapping[str, object], flags: Sequence[str]
) -> str:
    """Return a line that can be pasted; options that are None are left out."""
    return shlex.join(["promptlab", *_options(root_flags), *words, *_options(options), *flags])


def _options(values: Mapping[str, object]) -> list[str]:
    given = {name: value for name, value in values.items() if value is not None}
    return [word for name, value in given.items() for word in (f"--{name.replace('_', '-')}", str(value))]
