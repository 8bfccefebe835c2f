"""The states of generations, attempts and batches. Light: command signatures import it."""

from enum import StrEnum


class GenerationState(StrEnum):
    """What became of one planned image request."""

    PLANNED = "planned"
    SENDING = "sending"
    SUCCEEDED = "succeeded"
    REFUSED = "refused"
    FAILED = "failed"
    UNKNOWN = "unknown"
    CANCELLED = "cancelled"


class AttemptOutcome(StrEnum):
    """How one request ended; an attempt without an outcome is in flight."""

    SUCCEEDED = "succeeded"
    REFUSED = "refused"
    FAILED = "failed"
    UNKNOWN = "unknown"
    RETRY = "retry"


class BatchState(StrEnum):
    """Where a batch stands; `stopped` means that a limit left the rest planned."""

    PLANNED = "planned"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"
    DONE = "done"
    CANCELLED = "cancelled"


class ImageRole(StrEnum):
    """What an input image is for."""

    INPUT = "input"
    MASK = "mask"


class VoteAnswer(StrEnum):
    """Which of two generations that stood side by side is better."""

    LEFT = "left"
    RIGHT = "right"
    TIE = "tie"
    BOTH_BAD = "both_bad"
