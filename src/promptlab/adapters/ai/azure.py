"""Azure OpenAI: the same Images API at an address of one's own, where the model is the name of a deployment.

Two surfaces: the newer one at ENDPOINT/openai/v1, as OpenAI's own, and the older one at
ENDPOINT/openai/deployments/NAME, which wants a dated `api-version` (openai 3.54.0, lib/azure.py).
"""

import os
from collections.abc import Callable
from urllib.parse import parse_qsl, urlsplit

from promptlab.adapters.ai.capabilities import Capabilities
from promptlab.adapters.ai.openai_images import OpenAIImages
from promptlab.adapters.ai.openai_service import Service
from promptlab.adapters.ai.protocol import ImageProvider
from promptlab.adapters.ai.registry import ProviderSpec
from promptlab.settings import ProviderSettings

NAME = "azure"
VERSION_VARIABLE = "OPENAI_API_VERSION"

_VERSION = "api-version"
_VERSIONS_OF_V1 = frozenset({"v1", "preview", "latest"})  # what is not one of these is a date: the older surface


def service_at(endpoint: str, *, key: str, version: str | None = None) -> Service:
    """Return the service at an endpoint, in any of the forms in which Azure's portal shows it.

    A path that says `/openai/v1` is the newer surface, whatever the version. Otherwise a dated version is the older
    one; the version that stands in the endpoint outranks the one given. What the portal's «Target URI» has below
    `/openai/deployments` is left out: it holds the name of one deployment, and the model names that.
    """
    parts = urlsplit(endpoint)
    own = dict(parse_qsl(parts.query)).get(_VERSION)
    segments = [segment for segment in parts.path.split("/") if segment]
    place = segments.index("openai") if "openai" in segments else len(segments)
    root = "/".join([f"{parts.scheme}://{parts.netloc}", *segments[:place], "openai"])
    says_v1 = segments[place + 1 : place + 2] == ["v1"]
    version = own if says_v1 else own or version
    older = not says_v1 and version is not None and version not in _VERSIONS_OF_V1
    return Service(
        name=NAME,
        base_url=root if older else f"{root}/v1",
        secret_headers={"api-key": key},
        deployments=older,
        query={_VERSION: version} if version else {},
    )


def _build(settings: ProviderSettings, lookup: Callable[[str], Capabilities]) -> ImageProvider:
    key = settings.key
    service = service_at(settings.base_url or "", key=key, version=os.environ.get(VERSION_VARIABLE) or None)
    return OpenAIImages(service, settings, lookup)


PROVIDER = ProviderSpec(
    name=NAME,
    summary="Azure OpenAI: the model is the name of your deployment",
    key_variable="AZURE_OPENAI_API_KEY",
    keys="https://portal.azure.com (your resource, Keys and Endpoint)",
    base_url_variable="AZURE_OPENAI_ENDPOINT",
    base_url_example="https://my-resource.openai.azure.com",
    base_url_query=(_VERSION,),
    build=_build,
)
