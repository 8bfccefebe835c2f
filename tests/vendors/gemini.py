"""Gemini on loopback, from the discovery document of generateContent and recorded answers: images, refusals, tokens.

It draws an eighth of the real size. `python -m tests.vendors.gemini` serves by hand: set GOOGLE_GEMINI_BASE_URL to what
it prints and GEMINI_API_KEY to any text; a prompt with the word "forbidden" is blocked.
"""

import base64
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from PIL import UnidentifiedImageError
from tests.loopback import LoopbackService, Rejected, Reply, json_error, main, painted
from tests.openai_behaviour import Behaviour
from tests.openai_requests import Request
from tests.vendors import KEY, Vendor

from promptlab.adapters.ai.encoding import from_base64

_MODELS = ("gemini-nano-banana-2.1", "gemini-3.1-flash-image", "gemini-3.1-flash-lite-image", "gemini-3-pro-image",
           "gemini-2.5-flash-image")  # fmt: skip
_FIELDS: Mapping[str, frozenset[str]] = {
    "": frozenset({
        "cachedContent", "contents", "generationConfig", "labels", "safetySettings", "systemInstruction", "toolConfig",
        "tools",
    }),
    "generationConfig": frozenset({
        "candidateCount", "frequencyPenalty", "imageConfig", "maxOutputTokens", "mediaResolution", "presencePenalty",
        "responseMimeType", "responseModalities", "seed", "stopSequences", "temperature", "thinkingConfig", "topK",
        "topP",
    }),
    "generationConfig.imageConfig": frozenset({"aspectRatio", "imageSize"}),
    "generationConfig.thinkingConfig": frozenset({"includeThoughts", "thinkingBudget", "thinkingLevel"}),
}  # fmt: skip
_RATIOS = {"1:1", "1:4", "1:8", "2:3", "3:2", "3:4", "4:1", "4:3", "4:5", "5:4", "8:1", "9:16", "16:9", "21:9"}
_LONG_SIDES = {"512": 64, "1K": 128, "2K": 256, "4K": 512}
PROMPT_TOKENS, THOUGHT_TOKENS, IMAGE_TOKENS = 16, 101, 1120


class GeminiService(LoopbackService):
    name = "gemini"

    def kind(self, request: Request) -> str:
        return "check" if request.method == "GET" else "images"

    def answer(self, kind: str, request: Request, number: int) -> Reply:
        if not request.headers.get("x-goog-api-key"):
            message = "Method doesn't allow unregistered callers (callers without established identity)."
            raise _rejected(403, "PERMISSION_DENIED", message)
        found = re.fullmatch(r"/v1(?:beta)?/models/([^/:]+)(:generateContent)?", request.path)
        if found is None or found[1] not in _MODELS or bool(found[2]) != (request.method == "POST"):
            raise _rejected(404, "NOT_FOUND", f"{request.path} is not found for API version v1beta.")
        if kind == "check":
            return Reply(body={"name": f"models/{found[1]}", "displayName": found[1]})
        fields = _camel(request.fields)
        _require_known(fields)
        return Reply(body=_answer(fields, found[1], number))


def _answer(fields: Mapping[str, Any], model: str, number: int) -> dict[str, Any]:
    config = fields.get("generationConfig", {})
    parts = [part for content in fields["contents"] for part in content["parts"]]
    prompt = _text(fields.get("systemInstruction", {}).get("parts", [])) + "\n" + _text(parts)
    if "forbidden" in prompt:
        return blocked(model)
    inputs = [_picture(part) for part in parts if "inlineData" in part]
    try:
        image = painted(prompt, size=_size(config), seed=config.get("seed", number), inputs=inputs)
    except UnidentifiedImageError:
        raise _rejected(400, "INVALID_ARGUMENT", "Unable to process input image.") from None
    drawn = [inline(image)]
    if config.get("thinkingConfig", {}).get("includeThoughts"):
        draft = painted("draft", size=(64, 64), seed=number)
        drawn = [{"text": "Thinking.", "thought": True}, inline(draft, thought=True), *drawn]
    if "TEXT" in config.get("responseModalities", ["TEXT", "IMAGE"]):
        drawn.append({"text": "Here you are."})
    drawn[-1]["thoughtSignature"] = "c2lnbmF0dXJl"
    return answer(parts=drawn, model=model, usage=usage(inputs=len(inputs)), response_id=f"r{number}")


def inline(image: bytes, **about: Any) -> dict[str, Any]:
    """Return an image as a part of an answer."""
    return {"inlineData": {"mimeType": "image/png", "data": base64.b64encode(image).decode()}, **about}


def answer(
    *,
    parts: Sequence[Mapping[str, Any]] = (),
    reason: str = "STOP",
    model: str = "gemini-3.1-flash-image",
    usage: Mapping[str, Any] | None = None,
    response_id: str = "r0",
    **candidate: Any,
) -> dict[str, Any]:
    """Return an answer with one candidate; without parts it has none at all, as recorded."""
    content = {"role": "model", **({"parts": list(parts)} if parts else {})}
    return {
        "candidates": [{"content": content, "finishReason": reason, "index": 0, **candidate}],
        **({"usageMetadata": usage} if usage else {}),
        "modelVersion": model,
        "responseId": response_id,
    }


def blocked(
    model: str = "gemini-3.1-flash-image", reason: str = "PROHIBITED_CONTENT", **feedback: Any
) -> dict[str, Any]:
    """Return the answer to a prompt that is blocked: no candidates, and tokens of the prompt alone."""
    counted = {"promptTokenCount": PROMPT_TOKENS, "totalTokenCount": PROMPT_TOKENS}
    return {"promptFeedback": {"blockReason": reason, **feedback}, "usageMetadata": counted, "modelVersion": model}


def usage(*, inputs: int = 0, images: int = 1) -> dict[str, Any]:
    """Return the tokens of an answer, thoughts among them."""
    read, drawn = inputs * IMAGE_TOKENS, images * IMAGE_TOKENS
    return {
        "promptTokenCount": PROMPT_TOKENS + read,
        "candidatesTokenCount": drawn,
        "thoughtsTokenCount": THOUGHT_TOKENS,
        "totalTokenCount": PROMPT_TOKENS + read + drawn + THOUGHT_TOKENS,
        "promptTokensDetails": [
            {"modality": "TEXT", "tokenCount": PROMPT_TOKENS},
            *([{"modality": "IMAGE", "tokenCount": read}] if read else []),
        ],
        **({"candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": drawn}]} if drawn else {}),
    }


def error(status: int, code: str, message: str, *details: Mapping[str, Any]) -> dict[str, Any]:
    """Return an error body; details are spelled as the service has them, with a short `@type`."""
    spelled = [{**each, "@type": f"type.googleapis.com/google.rpc.{each['@type']}"} for each in details]
    return {"error": {"code": status, "message": message, "status": code, **({"details": spelled} if spelled else {})}}


def exhausted(*quotas: str, retry: str | None = "34s", message: str = "You exceeded your current quota.") -> Behaviour:
    """Return the 429 of a request that goes over these quotas."""
    violations = [{"quotaMetric": "generate_content_requests", "quotaId": quota} for quota in quotas]
    details: list[Mapping[str, Any]] = [{"@type": "QuotaFailure", "violations": violations}] if quotas else []
    if retry is not None:
        details.append({"@type": "RetryInfo", "retryDelay": retry})
    return json_error(429, error(429, "RESOURCE_EXHAUSTED", message, *details))


def saying(body: object) -> Behaviour:
    """Return the answer of success with that body."""
    return Behaviour(body=json.dumps(body).encode())


def _rejected(status: int, code: str, message: str) -> Rejected:
    return Rejected(Reply(body=error(status, code, message), status=status))


def _camel(value: Any) -> Any:
    """Return the fields in the service's own spelling; it takes the other one too."""
    if isinstance(value, list):
        return [_camel(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {re.sub(r"_([a-z])", lambda found: found[1].upper(), name): _camel(each) for name, each in value.items()}


def _require_known(fields: Mapping[str, Any]) -> None:
    for place, known in _FIELDS.items():
        for name in _at(fields, place):
            if name not in known:
                message = f"Invalid JSON payload received. Unknown name \"{name}\" at '{place}': Cannot find field."
                raise _rejected(400, "INVALID_ARGUMENT", message)
    if not fields.get("contents"):
        raise _rejected(400, "INVALID_ARGUMENT", "* GenerateContentRequest.contents: contents is not specified")
    config = fields.get("generationConfig", {})
    if config.get("candidateCount", 1) != 1:
        raise _rejected(400, "INVALID_ARGUMENT", "Multiple candidates is not enabled for this model")
    if not -(2**31) <= config.get("seed", 0) < 2**31:
        raise _rejected(400, "INVALID_ARGUMENT", "Invalid value at 'generation_config.seed' (TYPE_INT32)")


def _at(fields: Mapping[str, Any], place: str) -> Mapping[str, Any]:
    for name in filter(None, place.split(".")):
        fields = fields.get(name, {})
    return fields


def _size(config: Mapping[str, Any]) -> tuple[int, int]:
    image = config.get("imageConfig", {})
    ratio, size = image.get("aspectRatio", "1:1"), image.get("imageSize", "1K")
    if ratio not in _RATIOS or size not in _LONG_SIDES:
        raise _rejected(400, "INVALID_ARGUMENT", "Request contains an invalid argument.")
    width, height = map(int, ratio.split(":"))
    long = _LONG_SIDES[size]
    return long * width // max(width, height), long * height // max(width, height)


def _picture(part: Mapping[str, Any]) -> bytes:
    try:
        return from_base64(part["inlineData"]["data"])
    except ValueError:
        raise _rejected(400, "INVALID_ARGUMENT", "Invalid value at 'contents[0].parts[0].inline_data'") from None


def _text(parts: Sequence[Mapping[str, Any]]) -> str:
    return "\n".join(part["text"] for part in parts if "text" in part)


def _refusals() -> Iterator[tuple[str, object]]:
    yield "prompt", blocked(reason="IMAGE_SAFETY", blockReasonMessage="The prompt is unsafe.")
    yield "image", answer(reason="IMAGE_SAFETY", usage=usage(), finishMessage="Unable to show the generated image.")
    shown = inline(painted("x", size=(64, 64), seed=1))
    yield "shown", answer(parts=[shown], reason="IMAGE_SAFETY", usage=usage())


VENDOR = Vendor(
    name="gemini",
    service=GeminiService,
    environment=lambda url: {"GOOGLE_GEMINI_BASE_URL": url, "GEMINI_API_KEY": KEY},
    model="gemini-3.1-flash-image",
    parameters={"aspectRatio": "4:3"},
    impossible={"aspectRatio": "13:7"},
    reported={"modelVersion": "gemini-3.1-flash-image"},
    cost_usd=0.067511,  # 16 tokens of text in at 0.50 a million, 101 of thoughts at 3, 1,120 of an image at 60
    refusals={
        shape: lambda service, body=body: service.behave(saying(body))  # type: ignore[misc]
        for shape, body in _refusals()
    },
    categories=["IMAGE_SAFETY"],
    throttled=exhausted("GenerateRequestsPerMinutePerProjectPerModel"),
    throttled_seconds=34,
    key_refused=json_error(
        400,
        error(
            400,
            "INVALID_ARGUMENT",
            "API key not valid: {key}.",
            {"@type": "ErrorInfo", "reason": "API_KEY_INVALID", "domain": "googleapis.com"},
        ),
    ),
    failing=exhausted("GenerateRequestsPerDayPerProjectPerModel-FreeTier", message="Quota of {key} exceeded."),
)

if __name__ == "__main__":
    main(GeminiService)
