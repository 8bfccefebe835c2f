"""Amazon Bedrock on loopback, from botocore's description of it and Amazon's of the models; signatures are verified.

`python -m tests.vendors.bedrock` serves by hand: set AWS_ENDPOINT_URL_BEDROCK_RUNTIME to what it prints, AWS_REGION to
us-west-2, AWS_ACCESS_KEY_ID to AKIAIOSFODNN7EXAMPLE and AWS_SECRET_ACCESS_KEY to key-test-0123456789abcdef.
"""

import base64
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from PIL import UnidentifiedImageError
from tests.loopback import LoopbackService, Rejected, Reply, json_error, main, painted
from tests.openai_behaviour import Behaviour
from tests.openai_requests import Request
from tests.vendors import KEY, Vendor

from promptlab.adapters.ai.encoding import from_base64

ACCESS_KEY = "AKIAIOSFODNN7EXAMPLE"
REGION = "us-west-2"

ULTRA = "stability.stable-image-ultra-v1:1"
CORE = "stability.stable-image-core-v1:1"
DIFFUSION = "stability.sd3-5-large-v1:0"
STRUCTURE = "us.stability.stable-image-control-structure-v1:0"
TRANSFER = "us.stability.stable-style-transfer-v1:0"
NOVA = "amazon.nova-canvas-v1:0"

_ALL = {"prompt", "negative_prompt", "seed", "output_format"}
_FIELDS = {
    ULTRA: _ALL | {"aspect_ratio", "mode", "image", "strength"},
    CORE: _ALL | {"aspect_ratio"},
    DIFFUSION: _ALL | {"aspect_ratio", "mode", "image", "strength"},
    STRUCTURE: _ALL | {"image", "control_strength", "style_preset"},
    TRANSFER: _ALL | {"init_image", "style_image", "style_strength", "composition_fidelity", "change_strength"},
}
_NEEDED = {STRUCTURE: ("prompt", "image"), TRANSFER: ("init_image", "style_image")}
_SIZES = {"1:1": (1024, 1024), "3:2": (1216, 832), "2:3": (832, 1216), "16:9": (1344, 768)}
_SIGNED = re.compile(
    rf"AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/(\d{{8}})/{REGION}/bedrock/aws4_request, "
    r"SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})"
)


class BedrockService(LoopbackService):
    name = "bedrock"

    def kind(self, request: Request) -> str:
        return "images" if request.fields else "check"

    def answer(self, kind: str, request: Request, number: int) -> Reply:
        found = re.fullmatch(r"/model/([^/]+)/invoke", request.path)
        if request.method != "POST" or not found:
            raise exception(404, "UnknownOperationException", "")
        if request.headers.get("authorization") != f"Bearer {KEY}":
            self._require_signature(request)
        model = unquote(found[1])
        if model == NOVA:
            return Reply(body=_canvas(request.fields))
        if model not in _FIELDS:
            raise invalid("The provided model identifier is invalid.")
        return Reply(body=_stable(model, request.fields, number), headers={"x-amzn-requestid": f"request-{number}"})

    def _require_signature(self, request: Request) -> None:
        """Sign the request again as it came; what is done to it after it was signed makes another signature."""
        found = _SIGNED.fullmatch(request.headers.get("authorization", ""))
        if not found:
            raise exception(
                403, "UnrecognizedClientException", "The security token included in the request is invalid."
            )
        signed = {name: request.headers[name] for name in found[2].split(";")}
        url = f"{self.base_url}{request.path}"
        again = AWSRequest(request.method, url, headers=signed, data=request.body)
        again.context["timestamp"] = signed["x-amz-date"]
        signer = SigV4Auth(Credentials(ACCESS_KEY, KEY), "bedrock", REGION)
        wanted = signer.signature(signer.string_to_sign(again, signer.canonical_request(again)), again)
        if "content-type" not in signed or wanted != found[3]:
            raise exception(403, "InvalidSignatureException", "The request signature we calculated does not match.")


def _stable(model: str, fields: Mapping[str, Any], number: int) -> dict[str, Any]:
    for name in _NEEDED.get(model, ("prompt",)):
        if name not in fields:
            raise invalid(f"Malformed input request: #: required key [{name}] not found, please reformat your input.")
    for name in fields:
        if name not in _FIELDS[model]:
            raise invalid(f"Malformed input request: #: extraneous key [{name}] is not permitted.")
    if model == DIFFUSION and "image" in fields and not {"mode", "strength"} <= fields.keys():
        raise invalid("Malformed input request: mode and strength are required with an image.")
    if fields.get("aspect_ratio", "1:1") not in _SIZES or ("image" in fields and "aspect_ratio" in fields):
        raise invalid("Malformed input request: aspect_ratio is not valid.")
    seed = fields.get("seed") or number * 1000
    texts = [fields[name] for name in ("image", "init_image", "style_image") if name in fields]
    form = str(fields.get("output_format", "png")).upper()
    size = _SIZES[fields.get("aspect_ratio", "3:2" if texts else "1:1")]
    image = _painted(fields.get("prompt", ""), seed, size=size, texts=texts, form=form)
    return {"seeds": [seed], "finish_reasons": [None], "images": [image]}


def _canvas(fields: Mapping[str, Any]) -> dict[str, Any]:
    texts: list[str] = []
    if fields.get("taskType") == "IMAGE_VARIATION":
        params, texts = fields["imageVariationParams"], fields["imageVariationParams"]["images"]
    else:
        params = fields.get("textToImageParams", {})
    config = fields.get("imageGenerationConfig", {})
    if not params.get("text") or set(params) - {"text", "negativeText", "style", "images", "similarityStrength"}:
        raise invalid("Malformed input request, please reformat your input and try again.")
    size = config.get("width", 1024), config.get("height", 1024)
    seeds = [config.get("seed", 12) + offset for offset in range(config.get("numberOfImages", 1))]
    return {"images": [_painted(params["text"], seed, size=size, texts=texts) for seed in seeds]}


def _painted(prompt: str, seed: int, *, size: tuple[int, int], texts: list[str], form: str = "PNG") -> str:
    try:
        inputs = [from_base64(text) for text in texts]
        return base64.b64encode(painted(prompt, size=size, seed=seed, inputs=inputs, form=form)).decode()
    except (UnidentifiedImageError, ValueError):
        raise invalid("Invalid base64-encoded image.") from None


def exception(status: int, name: str, message: str) -> Rejected:
    headers = {"x-amzn-errortype": f"{name}:http://internal.amazon.com/coral/"}
    return Rejected(Reply(body={"message": message}, status=status, headers=headers))


def invalid(message: str) -> Rejected:
    return exception(400, "ValidationException", message)


def failing(status: int, name: str, message: str) -> Behaviour:
    return json_error(status, {"message": message}, x_amzn_errortype=name, x_amzn_requestid="request-1")


def filtered(reason: str, **beside: object) -> Behaviour:
    return json_error(200, {"finish_reasons": [reason], **beside})


VENDOR = Vendor(
    name="bedrock",
    service=BedrockService,
    environment=lambda url: {
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": url,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": KEY,
        "AWS_SESSION_TOKEN": KEY,
        "AWS_REGION": REGION,
    },
    model=ULTRA,
    parameters={"aspect_ratio": "3:2"},
    impossible={"size": "13x13"},
    size=(1216, 832),
    cost_usd=0.14,
    refusals={
        "prompt": lambda service: service.behave(filtered("Filter reason: prompt")),
        "input": lambda service: service.behave(filtered("Filter reason: input image", seeds=[], images=[])),
        "output": lambda service: service.behave(filtered("Filter reason: output image", seeds=[7], images=["AAAA"])),
        "canvas, before": lambda service: service.behave(
            failing(400, "ValidationException", "This request has been blocked by our content filters.")
        ),
    },
    throttled=failing(429, "ThrottlingException", "Too many requests from {key}, please wait before trying again."),
    key_refused=failing(403, "UnrecognizedClientException", "The security token {key} is invalid."),
    failing=failing(400, "ServiceQuotaExceededException", "{key} is over its quota."),
)

if __name__ == "__main__":
    main(BedrockService)
