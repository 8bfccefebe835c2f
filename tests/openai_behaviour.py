"""The ways in which the test server can misbehave, as the real service and its neighbours do."""

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any


class Links(Enum):
    """Where an answer that names URLs instead of holding images says that they are."""

    ABSOLUTE = "absolute"
    RELATIVE = "relative"
    ELSEWHERE = "elsewhere"
    """A second server, at another port."""
    DATA = "data"


def _as_they_are(images: list[bytes]) -> list[bytes]:
    return images


def _base64(image: bytes) -> str:
    return base64.b64encode(image).decode()


@dataclass(frozen=True, kw_only=True)
class Behaviour:
    """What becomes of one request; without anything, it is served."""

    delay: float = 0.0
    """Seconds before the first byte."""
    reset: bool = False
    """The connection is reset once the request has been read."""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    """In the place of the service's answer; `{key}` in it and in the headers becomes the key that came."""
    raw: bytes | None = None
    """In the place of status, headers and body."""
    missing_bytes: int = 0
    """How many bytes at the end are announced and never sent."""
    trickle: float = 0.0
    """Seconds between one byte of the body and the next."""
    trickle_headers: bool = False
    """Trickle from the first byte of the headers on."""
    images: Callable[[list[bytes]], list[bytes]] = _as_they_are
    spelled: Callable[[bytes], str] = _base64
    links: Links | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Keys of the answer beside or in the place of the service's."""

    @staticmethod
    def error(status: int, message: str, headers: Mapping[str, str] | None = None, **about: Any) -> "Behaviour":
        body = {"error": {"message": message, "type": None, "param": None, "code": None, **about}}
        return Behaviour(status=status, headers=headers or {}, body=json.dumps(body).encode())

    @staticmethod
    def rate_limit(**headers: str) -> "Behaviour":
        """429, with headers such as `retry_after="2"` and `x_should_retry="false"`."""
        spelled = {name.replace("_", "-"): value for name, value in headers.items()}
        message = "Rate limit reached for images per minute: Limit 5, Used 5."
        return Behaviour.error(429, message, spelled, type="requests", code="rate_limit_exceeded")

    @staticmethod
    def quota() -> "Behaviour":
        message = "You exceeded your current quota, please check your plan and billing details."
        return Behaviour.error(429, message, type="insufficient_quota", code="insufficient_quota")

    @staticmethod
    def failing(status: int, **headers: str) -> "Behaviour":
        """Any status with an explanation that tells nothing."""
        spelled = {name.replace("_", "-"): value for name, value in headers.items()}
        message = "The server had an error while processing your request."
        return Behaviour.error(status, message, spelled, type="server_error")

    @staticmethod
    def refusal(*, stage: str = "input", categories: Sequence[str] = ("violence",)) -> "Behaviour":
        message = (
            "Your request was rejected by the safety system. If you believe this is an error, contact us and include "
            f"the request ID req_test. safety_violations=[{', '.join(categories)}]."
        )
        details = {"moderation_stage": stage, "categories": list(categories)}
        kind, code = "image_generation_user_error", "moderation_blocked"
        return Behaviour.error(400, message, type=kind, code=code, moderation_details=details)

    @staticmethod
    def azure_refusal(*, code: str = "contentFilter", inner: str = "inner_error") -> "Behaviour":
        """As Azure spells it, in more than one way."""
        filters = {"hate": {"filtered": False, "severity": "safe"}, "violence": {"filtered": True, "severity": "high"}}
        about = {inner: {"code": "ResponsibleAIPolicyViolation", "content_filter_results": filters}}
        return Behaviour.error(400, "Your task failed as a result of our safety system.", None, code=code, **about)

    @staticmethod
    def azure_block(status: int = 403) -> "Behaviour":
        message = (
            "Your resource has been temporarily blocked because we detected behavior that may violate our content "
            "policy. For more details, please visit https://aka.ms/aoaicodeofconduct"
        )
        return Behaviour.error(status, message, code="Forbidden")

    @staticmethod
    def unauthorized() -> "Behaviour":
        message = "Incorrect API key provided: {key}. You can find your API key at https://platform.openai.com."
        return Behaviour.error(401, message, type="invalid_request_error", code="invalid_api_key")

    @staticmethod
    def model_not_found() -> "Behaviour":
        message = "The model 'gpt-image-9' does not exist or you do not have access to it."
        return Behaviour.error(404, message, type="invalid_request_error", code="model_not_found")

    @staticmethod
    def echo_of_the_key(status: int = 400) -> "Behaviour":
        """The key in the message, the details and the headers."""
        said = Behaviour.error(status, "What is {key}?", type="t-{key}", code="c-{key}", param="{key}")
        return Behaviour(status=status, body=said.body, headers={"x-request-id": "req-{key}", "location": "/{key}"})

    @staticmethod
    def broken_headers_with_the_key() -> "Behaviour":
        return Behaviour(raw=b"HTTP/1.1 200 OK\r\n{key} is no header\r\n\r\n", body=b"")

    @staticmethod
    def no_json(body: bytes = b"<html><body>Bad   gateway</body></html>", status: int = 200) -> "Behaviour":
        return Behaviour(status=status, body=body, headers={"content-type": "text/html"})

    @staticmethod
    def json_body(answer: object, status: int = 200) -> "Behaviour":
        return Behaviour(status=status, body=json.dumps(answer).encode())

    @staticmethod
    def redirect(location: str, status: int = 307) -> "Behaviour":
        return Behaviour(status=status, headers={"location": location}, body=b"")

    @staticmethod
    def connection_reset() -> "Behaviour":
        return Behaviour(reset=True)

    @staticmethod
    def cut_off(status: int = 200) -> "Behaviour":
        """The last bytes of what is announced never come."""
        return replace(Behaviour.failing(status) if status != 200 else Behaviour(), missing_bytes=10)

    @staticmethod
    def slow(seconds: float) -> "Behaviour":
        return Behaviour(delay=seconds)

    @staticmethod
    def trickling(seconds: float, *, headers: bool = False) -> "Behaviour":
        return Behaviour(trickle=seconds, trickle_headers=headers)

    @staticmethod
    def no_images() -> "Behaviour":
        return Behaviour(images=lambda _images: [])

    @staticmethod
    def fewer_images() -> "Behaviour":
        return Behaviour(images=lambda images: images[:-1])

    @staticmethod
    def garbage() -> "Behaviour":
        """Valid base64 of what is no image."""
        return Behaviour(images=lambda images: [b"This is no image." for _image in images])

    @staticmethod
    def truncated_images() -> "Behaviour":
        return Behaviour(images=lambda images: [image[: len(image) // 2] for image in images])

    @staticmethod
    def no_base64() -> "Behaviour":
        return Behaviour(spelled=lambda _image: "*** no base64 ***")

    @staticmethod
    def linked(links: Links = Links.ABSOLUTE) -> "Behaviour":
        """URLs in the place of images."""
        return Behaviour(links=links)
