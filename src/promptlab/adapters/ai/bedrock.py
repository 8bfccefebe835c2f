"""Amazon Bedrock: Stability's models and Nova Canvas, in an account of AWS with AWS's own credentials."""

import json
from collections.abc import Callable
from dataclasses import replace

from promptlab.adapters.ai.bedrock_bodies import Body, family_of
from promptlab.adapters.ai.bedrock_errors import INVALID
from promptlab.adapters.ai.bedrock_runtime import Runtime, request_id_of
from promptlab.adapters.ai.capabilities import Capabilities
from promptlab.adapters.ai.catalogue import read_catalogue
from promptlab.adapters.ai.http_errors import Answer
from promptlab.adapters.ai.protocol import (
    ImageRequest,
    ImageResult,
    OutcomeUnknown,
    ProviderError,
    ProviderFailed,
)
from promptlab.adapters.ai.registry import ProviderSpec
from promptlab.errors import NotConfigured
from promptlab.settings import ProviderSettings
from promptlab.settings.aws import has_aws_credentials, has_aws_region

NAME = "bedrock"

_DEFAULT_MODEL = read_catalogue().default_model(NAME)
_KEY_VARIABLE = "AWS_BEARER_TOKEN_BEDROCK"
_CREDENTIALS = (
    f"Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or {_KEY_VARIABLE} to a Bedrock API key;"
    " or sign in again."
)


class BedrockProvider:
    """Invokes a model and waits for its answer, which holds the images."""

    name = NAME

    def __init__(self, settings: ProviderSettings, lookup: Callable[[str], Capabilities]) -> None:
        self._runtime = Runtime(NAME, settings)
        self._lookup = lookup

    def capabilities(self, model: str) -> Capabilities:
        """Say what the model takes; none knows a system prompt, and none is sent a mask."""
        found = self._lookup(model)
        most = found.max_count or family_of(model).max_count
        return replace(found, system_prompt=False, mask=False, max_count=most)

    def generate(self, request: ImageRequest, *, accepted: Callable[[str], None]) -> ImageResult:  # noqa: ARG002
        """Ask, and wait; there is nothing to ask for again, so `accepted` is never called."""
        if not self._lookup(request.model).seed:
            request = replace(request, seed=None)
        body = family_of(request.model).body(request)
        answer = self._runtime.invoke(request.model, json.dumps(body.fields).encode())
        try:
            return self._result(request, body, answer)
        except ProviderError as error:
            error.http_status, error.request_id = answer.status, self._runtime.clean(request_id_of(answer))
            error.may_be_billed = True  # also what was filtered: nobody publishes that it costs nothing
            raise

    def resume(self, handle: str, *, seconds: float | None = None) -> ImageResult:  # noqa: ARG002 - nothing runs
        raise OutcomeUnknown("Bedrock keeps no images that could be asked for again.", kind="no_handle")

    def cancel(self, handle: str) -> None:
        """Do nothing: there are no jobs."""

    def check(self) -> str:
        """Invoke a model with nothing at all, which it turns down before it works, so that it costs nothing."""
        model = _DEFAULT_MODEL or ""
        try:
            self._runtime.invoke(model, b"{}")
        except ProviderFailed as error:
            if error.details.get("exception") != INVALID:
                raise
            return (
                f"{self._runtime.host} knows these credentials: it turned down an empty request, which costs nothing."
            )
        return f"{self._runtime.host} answers, though not as Bedrock: that proves the network, not the credentials."

    def close(self) -> None:
        self._runtime.close()

    def _result(self, request: ImageRequest, body: Body, answer: Answer) -> ImageResult:
        made = family_of(request.model).read(self._runtime.clean(answer.decoded()))
        return ImageResult(
            images=made.images,
            effective_parameters={**body.effective, **request.note_of_combining, **made.effective},
            request_id=self._runtime.clean(request_id_of(answer)),
            http_status=answer.status,
            warnings=made.warnings,
        )


def _check_credentials(settings: ProviderSettings) -> None:
    """Look for credentials and a region without asking anybody; what they are worth is found when something is sent."""
    if settings.api_key:
        raise NotConfigured(f"{NAME} takes no api_key: its credentials are those of AWS.", hint=_CREDENTIALS)
    if not has_aws_credentials(_KEY_VARIABLE):
        raise NotConfigured(f"There are no AWS credentials, which {NAME} needs.", hint=_CREDENTIALS)
    if not has_aws_region():
        raise NotConfigured(
            f"AWS_REGION is not set, and {NAME} needs a region.", hint="Set it to one that has your model: us-west-2."
        )


PROVIDER = ProviderSpec(
    name=NAME,
    summary="Amazon Bedrock: Stability's models, in an account of AWS",
    default_model=_DEFAULT_MODEL,
    base_url_variable="AWS_ENDPOINT_URL_BEDROCK_RUNTIME",
    key_needed=False,
    check_credentials=_check_credentials,
    credentials_advice=_CREDENTIALS,
    build=BedrockProvider,
)
