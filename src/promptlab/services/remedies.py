"""What is wrong with settings that are well formed, and what to do about a provider that does not answer well."""

import os
from collections.abc import Iterator

from promptlab.adapters.ai.catalogue import read_catalogue
from promptlab.adapters.ai.registry import ProviderSpec, base_url_variables, key_advice, provider_names
from promptlab.errors import InvalidInput, NotConfigured, PromptlabError, nearest
from promptlab.services.review import check_rater
from promptlab.settings import ProviderSettings, Settings
from promptlab.settings.model import GENERAL, PREFIX
from promptlab.settings.provider import provider_prefix

_TESTS = "PROMPTLAB_TEST_"


def complaints(settings: Settings) -> Iterator[PromptlabError]:
    """Yield what is wrong with settings that are well formed: each names what there is not, or what fails later."""
    yield from _providers(settings)
    yield from _variables()
    try:
        read_catalogue(settings.models_file)
    except NotConfigured as error:
        yield error
    try:
        check_rater(settings.rater)
    except InvalidInput as error:
        yield error


def remedy(kind: str | None, spec: ProviderSpec) -> str:
    """Return what to do about an error of that kind that a provider ended a request with."""
    address = base_url_variables(spec)
    return {
        "auth": key_advice(spec),
        "forbidden": f"Allow it in your account with {spec.name}, or use another key. {key_advice(spec)}",
        "connection": f"Is the server running, and are the network and {address} right?",
        "not_found": f"Correct {address}.",
        "quota": f"See to the billing of your account with {spec.name}.",
        "blocked": f"Ask the support of {spec.name}.",
        "rate_limit": "Wait a minute and ask again.",
    }.get(kind or "", f"Ask again later; if it stays, see whether {address} is right.")


def _providers(settings: Settings) -> Iterator[PromptlabError]:
    names = provider_names()
    chosen = settings.layers.general.get("provider")
    if chosen is not None and settings.provider not in names:
        message = f"{chosen.called} is {chosen.shown}, and there is no such provider."
        near = nearest(str(settings.provider), names)
        yield NotConfigured(message + near, hint="`promptlab provider list` shows them.")
    for name in settings.layers.providers:
        if name not in names:
            message = f"[providers.{name}] names no provider.{nearest(name, names)}"
            yield NotConfigured(message, hint="`promptlab provider list` shows them.")


def _variables() -> Iterator[PromptlabError]:
    """Yield a complaint about each variable that looks like a setting and is none."""
    known = {f"{PREFIX}{name}".upper() for name in GENERAL}
    for provider in provider_names():
        known |= {f"{provider_prefix(provider)}{name}".upper() for name in ProviderSettings.model_fields}
    for name in os.environ:
        if name.startswith(PREFIX) and name not in known and not name.startswith(_TESTS):
            near = nearest(name, sorted(known))
            yield NotConfigured(f"{name} is no setting.{near}", hint=f"Correct its name, or unset {name}.")
