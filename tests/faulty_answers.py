"""What the faulty provider answers: which request meets what fault, and images that tell which request they are of."""

import base64
import hashlib
import json
import math
import random
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from io import BytesIO

from PIL import Image
from tests.openai_behaviour import Behaviour


class Fault(StrEnum):
    """What becomes of one request."""

    NONE = "none"
    RATE_LIMIT = "rate_limit"
    """429 without a word of when to come back."""
    RATE_LIMIT_HINT = "rate_limit_hint"
    """429 that says when."""
    SERVER_ERROR = "server_error"
    RESET = "reset"
    """The connection is reset before an answer."""
    CUT_OFF = "cut_off"
    """The second half of an answer never comes."""
    REFUSAL = "refusal"


SPOKEN = {
    Fault.RATE_LIMIT: Behaviour.rate_limit(),
    Fault.RATE_LIMIT_HINT: Behaviour.rate_limit(retry_after="1", retry_after_ms="100"),
    Fault.SERVER_ERROR: Behaviour.failing(500),
    Fault.REFUSAL: Behaviour.refusal(),
}
"""Faults that are whole answers."""


@dataclass(frozen=True, kw_only=True)
class Weather:
    """How often each fault comes, as shares of all requests; the rest goes well. The same seed is the same weather."""

    seed: int = 0
    shares: Mapping[Fault, float]

    def fault(self, number: int) -> Fault:
        """Return what becomes of the request of that number."""
        chance = random.Random(f"{self.seed}:{number}").random()
        for fault, share in self.shares.items():
            if (chance := chance - share) < 0:
                return fault
        return Fault.NONE


class Paper:
    """Makes images of about `size` bytes: the same noise, and a note in each that makes it unlike any other.

    All but the note is encoded once, so that an answer of a megabyte costs next to nothing.
    """

    def __init__(self, size: int) -> None:
        side = max(8, math.isqrt(size))
        out = BytesIO()
        Image.effect_noise((side, side), 60).save(out, "PNG")
        png = out.getvalue()
        start, self._end = png[:-12], png[-12:]
        # Base64 of two parts is the base64 of both only where the first ends with a group of three bytes.
        self._start = start + _chunk(b"tEXt", b"fill\0" + b"." * (-(len(start) + 17) % 3))
        self._hash = hashlib.sha256(self._start)
        self._encoded = base64.b64encode(self._start)

    def answer(self, note: str) -> tuple[list[bytes], str]:
        """Return the body of an answer with one image, in parts, and the image's sha256."""
        rest = _chunk(b"tEXt", b"note\0" + note.encode("latin-1", "replace")) + self._end
        digest = self._hash.copy()
        digest.update(rest)
        parts = [b'{"created": 1, "data": [{"b64_json": "', self._encoded, base64.b64encode(rest), _USAGE]
        return parts, digest.hexdigest()


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


_TOKENS = {
    "input_tokens": 10,
    "input_tokens_details": {"text_tokens": 10, "image_tokens": 0},
    "output_tokens": 1056,
    "output_tokens_details": {"image_tokens": 1056, "text_tokens": 0},
    "total_tokens": 1066,
}
_USAGE = f'"}}], "usage": {json.dumps(_TOKENS)}}}'.encode()
