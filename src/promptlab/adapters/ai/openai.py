"""OpenAI's own service, and every server that can stand in for it: LiteLLM, LocalAI, SGLang, vLLM-Omni, Ollama."""

from collections.abc import Callable

from promptlab.adapters.ai.capabilities import Capabilities
from promptlab.adapters.ai.catalogue import read_catalogue
from promptlab.adapters.ai.openai_images import OpenAIImages
from promptlab.adapters.ai.openai_service import Service
from promptlab.adapters.ai.protocol import ImageProvider
from promptlab.adapters.ai.registry import ProviderSpec
from promptlab.settings import ProviderSettings

NAME = "openai"
BASE_URL = "https://api.openai.com/v1"

_DEFAULT_MODEL = read_catalogue().default_model(NAME)


def _build(settings: ProviderSettings, lookup: Callable[[str], Capabilities]) -> ImageProvider:
    key = settings.key
    service = Service(
        name=NAME,
        base_url=settings.base_url or BASE_URL,
        secret_headers={"authorization": f"Bearer {key}"},
        default_model=_DEFAULT_MODEL,
    )
    return OpenAIImages(service, settings, lookup)


PROVIDER = ProviderSpec(
    name=NAME,
    summary="OpenAI's image models, and any server that speaks its Images API",
    default_model=_DEFAULT_MODEL,
    key_variable="OPENAI_API_KEY",
    keys="https://platform.openai.com/api-keys",
    base_url_variable="OPENAI_BASE_URL",
    build=_build,
)
