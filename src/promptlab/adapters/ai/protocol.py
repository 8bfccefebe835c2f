"""The contract between promptlab and an image service."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from promptlab.adapters.ai.capabilities import Capabilities


@dataclass(frozen=True, kw_only=True)
class InputImage:
    """An image that goes into a request: its bytes and what they are."""

    data: bytes
    media_type: str


_NOTE_OF_COMBINING = {"system_prompt": "rendered into the prompt"}


def combined(system_prompt: str | None, user_prompt: str) -> str:
    """Return both prompts as one text."""
    return "\n\n".join(text for text in (system_prompt, user_prompt) if text)


def says_combined(effective_parameters: Mapping[str, Any]) -> bool:
    """Say whether the effective parameters of an answer have the note that both prompts were sent as one text."""
    return _NOTE_OF_COMBINING.items() <= effective_parameters.items()


@dataclass(frozen=True, kw_only=True)
class ImageRequest:
    """Everything a provider needs to make `count` images."""

    model: str
    user_prompt: str
    system_prompt: str | None = None
    inputs: tuple[InputImage, ...] = ()
    mask: InputImage | None = None
    count: int = 1
    seed: int | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @property
    def combined_prompt(self) -> str:
        """The system and user prompt as one text, for services that know no system prompt."""
        return combined(self.system_prompt, self.user_prompt)

    @property
    def note_of_combining(self) -> dict[str, str]:
        """What the effective parameters say where `combined_prompt` was sent."""
        return dict(_NOTE_OF_COMBINING) if self.system_prompt else {}


@dataclass(frozen=True, kw_only=True)
class ImageResult:
    """What a provider answered. Image bytes are as received: nobody has looked at them yet.

    `cost_usd` is what the answer says it cost (from reported tokens or credits), None if it says nothing.
    `warnings` are sentences about what the provider did not do as asked.
    `metadata` is the provider's answer without the image data.
    """

    images: tuple[bytes, ...]
    effective_parameters: Mapping[str, Any] = field(default_factory=dict)
    usage: Mapping[str, Any] | None = None
    cost_usd: float | None = None
    request_id: str | None = None
    http_status: int | None = None
    warnings: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)


class ProviderError(Exception):
    """A request for images did not end in images.

    `kind` is a short stable word for grouping (rate_limit, quota, content_policy, timeout, ...).
    `details` holds the provider's own categories, as JSON data. No field ever holds a key. `may_be_billed` says that
    a complete answer of success came, though nothing in it can be used: its price is then not known to be zero.
    `cost_usd` is what that answer says it cost (from reported tokens or credits), None if it says nothing.
    """

    def __init__(
        self,
        message: str,
        *,
        kind: str,
        http_status: int | None = None,
        request_id: str | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.kind = kind
        self.http_status = http_status
        self.request_id = request_id
        self.details = dict(details or {})
        self.may_be_billed = False
        self.cost_usd: float | None = None


class Refused(ProviderError):
    """The provider's content policy said no."""


class ProviderFailed(ProviderError):
    """It broke, and asking again would not help."""


class OutcomeUnknown(ProviderError):
    """The request went out and nobody knows what became of it: it may have been billed."""


STILL_RUNNING = "still_running"
"""The kind of `StillRunning` where the service says so; with another kind nobody could be asked about the job."""


CANCELLED = "cancelled"
"""The kind of `ProviderFailed` of a job that somebody has stopped before it had ended."""


class StillRunning(OutcomeUnknown):
    """The service works on the job: what becomes of it can be asked again by its handle."""


class ProviderUnavailable(ProviderError):
    """Not now: no image was bought, and the same request may be sent again.

    `retry_after` is the provider's own hint in seconds, None where it gave none.
    """

    def __init__(self, message: str, *, retry_after: float | None = None, **about: Any) -> None:
        super().__init__(message, **about)
        self.retry_after = retry_after


class ImageProvider(Protocol):
    """An image service. Safe to call from several threads at once."""

    name: str

    def generate(self, request: ImageRequest, *, accepted: Callable[[str], None]) -> ImageResult:
        """Ask for images and wait for them.

        Calls `accepted(handle)` as soon as the service names something that can be asked for again
        after a crash (a job, the address of a finished image).

        Raises:
            Refused: the service's content policy.
            ProviderUnavailable: no image was bought; may be sent again.
            ProviderFailed: a terminal error, or a complete answer without a usable image.
            OutcomeUnknown: sent, but the answer never came or broke off.
        """
        ...

    def resume(self, handle: str, *, seconds: float | None = None) -> ImageResult:
        """Fetch the outcome of an earlier request by the handle that `accepted` was given.

        Waits for a job that still runs as long as `generate` would; with `seconds` no longer than that, and with 0 it
        looks once.

        Raises what `generate` raises; StillRunning where the job has not ended by then, OutcomeUnknown where the
        handle cannot be asked any more.
        """
        ...

    def cancel(self, handle: str) -> None:
        """Ask the service to stop the job of that handle; does nothing where it cannot.

        What became of it is found by whoever waits for it in `generate` or `resume`: ProviderFailed of kind
        `cancelled`, or images that were finished before.

        Raises:
            ProviderError: the service could not be asked.
        """
        ...

    def capabilities(self, model: str) -> Capabilities:
        """Say what `model` takes and costs; an unknown model gets permissive capabilities with `known=False`."""
        ...

    def check(self) -> str:
        """Make the cheapest call that proves key and network, and return a sentence about what was proved.

        It costs nothing and makes no image that is paid for.

        Raises:
            ProviderError: what is wrong; of kind `auth` where the key is refused, `connection` where nobody answers.
        """
        ...

    def close(self) -> None:
        """Give connections back; nothing is asked of it afterwards. Closing again is fine."""
        ...
