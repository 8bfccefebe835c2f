"""The content policy, in the dialects of OpenAI, Azure and those who stand before them."""

import pytest
from tests.integration.test_openai_adapter import outcome
from tests.openai_behaviour import Behaviour
from tests.openai_server import OpenAIServer

from promptlab.adapters.ai.protocol import ImageProvider, ProviderFailed, Refused

REFUSALS = [
    Behaviour.error(400, "No.", code="moderation_blocked"),
    Behaviour.error(400, "No.", code="content_policy_violation", param="prompt"),
    Behaviour.error(400, "No.", code="contentFilter"),
    Behaviour.error(400, "No.", code="content_safety_violation"),
    Behaviour.error(400, "No.", code="400", type="image_generation_user_error"),  # LiteLLM's code is the status
    Behaviour.error(500, "No.", code="x", innererror={"code": "ResponsibleAIPolicyViolation"}),
    Behaviour.error(400, "litellm.BadRequestError: content_policy_violation", code="400", type="None"),
    Behaviour.json_body({"detail": "This prompt was rejected by the safety system."}, 400),
    Behaviour.json_body({"error": {"code": "moderation_blocked", "message": "No."}}, 200),
]


@pytest.mark.parametrize("behaviour", REFUSALS)
def test_the_content_policy_is_a_refusal_in_every_dialect(
    openai_provider: ImageProvider, openai_environment: OpenAIServer, behaviour: Behaviour
) -> None:
    error = outcome(openai_provider, openai_environment, behaviour)
    assert isinstance(error, Refused)
    assert error.kind == "content_policy"
    assert error.http_status == behaviour.status


@pytest.mark.parametrize("stage", ["input", "output"])
def test_a_refusal_keeps_what_the_service_tells_of_it(
    openai_provider: ImageProvider, openai_environment: OpenAIServer, stage: str
) -> None:
    error = outcome(
        openai_provider, openai_environment, Behaviour.refusal(stage=stage, categories=["violence", "self-harm"])
    )
    assert isinstance(error, Refused)
    assert error.details["moderation_details"]["moderation_stage"] == stage
    assert error.details["categories"] == ["self-harm", "violence"]
    assert error.details["code"] == "moderation_blocked"


def test_the_filters_of_azure_are_categories(openai_provider: ImageProvider, openai_environment: OpenAIServer) -> None:
    results = {"hate": {"filtered": False}, "violence": {"filtered": True, "severity": "high"}, "odd": None}
    inner = {"code": "ResponsibleAIPolicyViolation", "content_filter_results": results}
    error = outcome(
        openai_provider, openai_environment, Behaviour.error(400, "No.", code="contentFilter", inner_error=inner)
    )
    assert error.details["categories"] == ["violence"]


@pytest.mark.parametrize(
    "behaviour",
    [
        Behaviour.error(400, "Bad size.", type="image_generation_user_error", code="invalid_value", param="size"),
        Behaviour.error(400, "Bad size.", type="image_generation_user_error", code="invalid_size"),
        Behaviour.error(400, "Bad size.", type="image_generation_user_error", param="size"),
        Behaviour.error(403, "This resource is blocked: it violates our content policy."),
    ],
)
def test_a_wrong_parameter_and_a_blocked_account_are_no_refusals(
    openai_provider: ImageProvider, openai_environment: OpenAIServer, behaviour: Behaviour
) -> None:
    """A refusal counts against the prompt, so only the content policy itself is one."""
    assert isinstance(outcome(openai_provider, openai_environment, behaviour), ProviderFailed)
