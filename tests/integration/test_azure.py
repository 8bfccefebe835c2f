"""Azure OpenAI: the same images over both of its surfaces, and the ways in which it says no."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import openai
import pytest
from tests.fixtures.command_line import Promptlab
from tests.fixtures.openai import AZURE_VERSION, KEY
from tests.integration.test_openai_adapter import outcome
from tests.integration.test_openai_wire import ask as ask_openai
from tests.openai_behaviour import Behaviour
from tests.openai_server import OpenAIServer
from tests.pictures import hole, picture

from promptlab.adapters.ai.protocol import ImageProvider, ImageResult, ProviderFailed, ProviderUnavailable, Refused
from promptlab.adapters.ai.registry import open_provider
from promptlab.settings import load

SURFACES = {
    None: ("/openai/v1/images/{action}", {}),
    AZURE_VERSION: ("/openai/deployments/pictures/images/{action}", {"api-version": AZURE_VERSION}),
}


def ask(provider: ImageProvider, **about: Any) -> ImageResult:
    return ask_openai(provider, **{"model": "pictures", **about})


@pytest.fixture(params=SURFACES, ids=["v1", "deployments"])
def version(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str | None:
    """The version of the older surface in OPENAI_API_VERSION, or none."""
    found: str | None = request.param
    if found is not None:
        monkeypatch.setenv("OPENAI_API_VERSION", found)
    return found


@pytest.fixture
def provider(azure_environment: OpenAIServer, version: str | None) -> Iterator[ImageProvider]:
    with closing(open_provider("azure", load())) as opened:
        yield opened


def test_images_are_made_over_both_surfaces(
    provider: ImageProvider, azure_environment: OpenAIServer, version: str | None
) -> None:
    """The key goes into a header of its own, and the model is the deployment, in the body too."""
    assert ask(provider).images[0].startswith(b"\x89PNG")
    (asked,) = azure_environment.requests
    path, query = SURFACES[version]
    assert (asked.path, asked.query) == (path.format(action="generations"), query)
    assert asked.headers["api-key"] == KEY
    assert "authorization" not in asked.headers
    assert asked.fields["model"] == "pictures"


def test_inputs_and_a_mask_go_in_over_both_surfaces(
    provider: ImageProvider, azure_environment: OpenAIServer, version: str | None
) -> None:
    assert len(ask(provider, inputs=(picture(),), mask=hole()).images) == 1
    assert azure_environment.requests[0].path == SURFACES[version][0].format(action="edits")


def test_a_deployment_s_name_is_one_part_of_the_path(
    azure_environment: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever letters are in it."""
    monkeypatch.setenv("OPENAI_API_VERSION", AZURE_VERSION)
    with closing(open_provider("azure", load())) as provider:
        assert len(ask(provider, model="pictures / mini").images) == 1


def test_a_deployment_that_does_not_exist_is_a_failure(
    provider: ImageProvider, azure_environment: OpenAIServer
) -> None:
    with pytest.raises(ProviderFailed, match="deployment for this resource does not exist") as caught:
        ask(provider, model="elsewhere", inputs=(picture(),))
    assert caught.value.kind == "not_found"
    assert "/images/edits" not in caught.value.message


def test_a_deployment_is_used_as_it_is_at_an_unknown_price(azure_provider: ImageProvider) -> None:
    assert not azure_provider.capabilities("pictures").known
    assert not azure_provider.capabilities("pictures").system_prompt
    assert ask(azure_provider, system_prompt="Only woodcuts.").cost_usd is None


def test_a_deployment_that_is_like_a_known_model_has_its_price(
    azure_environment: OpenAIServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "models.toml"
    file.write_text('[azure.models.pictures]\nlike = "openai/gpt-image-2"\n')
    monkeypatch.setenv("PROMPTLAB_MODELS_FILE", str(file))
    with closing(open_provider("azure", load())) as provider:
        result = ask(provider)
    assert result.usage is not None
    assert result.cost_usd == pytest.approx((2 * 5 + result.usage["output_tokens"] * 30) / 1_000_000)


@pytest.mark.parametrize("inner", ["inner_error", "innererror"])
@pytest.mark.parametrize("code", ["contentFilter", "content_policy_violation", "moderation_blocked", "content_filter"])
def test_the_content_policy_is_a_refusal_with_its_categories(
    azure_provider: ImageProvider, azure_environment: OpenAIServer, code: str, inner: str
) -> None:
    error = outcome(azure_provider, azure_environment, Behaviour.azure_refusal(code=code, inner=inner))
    assert isinstance(error, Refused)
    assert error.details["categories"] == ["violence"]


@pytest.mark.parametrize("status", [403, 429, 500])
def test_a_blocked_resource_ends_it_and_says_what_is_blocked(
    azure_provider: ImageProvider, azure_environment: OpenAIServer, status: int
) -> None:
    """It is no refusal of this prompt, and sending again would not help; whatever status a gateway makes of it."""
    error = outcome(azure_provider, azure_environment, Behaviour.azure_block(status))
    assert isinstance(error, ProviderFailed)
    assert error.kind == "blocked"
    assert "temporarily blocked" in error.message
    assert "the whole Azure resource, not this prompt" in error.message


def test_too_many_requests_may_be_sent_again_when_azure_says(
    azure_provider: ImageProvider, azure_environment: OpenAIServer
) -> None:
    said = Behaviour.error(429, "Requests have exceeded call rate limit.", {"retry-after": "6"}, code="429")
    error = outcome(azure_provider, azure_environment, said)
    assert isinstance(error, ProviderUnavailable)
    assert error.retry_after == 6.0


def test_azure_s_own_request_id_is_kept_where_there_is_no_other(
    azure_provider: ImageProvider, azure_environment: OpenAIServer
) -> None:
    azure_environment.behave(Behaviour(headers={"x-request-id": "", "apim-request-id": "apim-1"}))
    assert ask(azure_provider).request_id == "apim-1"


def test_no_error_of_azure_holds_the_key(azure_provider: ImageProvider, azure_environment: OpenAIServer) -> None:
    error = outcome(azure_provider, azure_environment, Behaviour.echo_of_the_key())
    assert KEY not in error.message + str(error.details) + str(error.request_id)
    assert KEY not in repr(azure_provider)


def test_a_prompt_is_run_on_a_deployment_from_the_command_line(
    promptlab: Promptlab, azure_environment: OpenAIServer
) -> None:
    """There is no default model: a deployment must be named."""
    create = ("prompt", "create", "fox", "--user", "a fox", "--provider", "azure")
    assert "has no default model" in promptlab(*create, code=2).err
    promptlab(*create, "--model", "pictures")
    made = promptlab("generate", "--prompt-version", "fox", "--param", "size=64x64", "--json")
    assert made.json["items"][0]["state"] == "succeeded"


def test_the_test_server_understands_azure_s_own_client(azure_environment: OpenAIServer) -> None:
    with openai.AzureOpenAI(
        azure_endpoint=azure_environment.base_url, api_version=AZURE_VERSION, max_retries=0
    ) as client:
        assert client.images.generate(model="pictures", prompt="a fox").data
        assert client.images.edit(model="pictures", prompt="a fox", image=("a.png", picture().data)).data
        assert [model.id for model in client.models.list()]
    generation, edit, listing = azure_environment.requests
    assert generation.path == "/openai/deployments/pictures/images/generations"
    assert edit.path == "/openai/deployments/pictures/images/edits"
    assert listing.path == "/openai/models"
