"""What is wrong with settings that are well formed, and what to do about a provider that does not answer well."""

from collections.abc import Iterator

from promptlab.adapters.ai.catalogue import read_catalogue
from promptlab.adapters.ai.registry import ProviderSpec, address_setting, key_advice, survey_provider
from promptlab.errors import InvalidInput, NotConfigured, PromptlabError, nearest
from promptlab.services.review import check_rater
from promptlab.settings import Settings
from promptlab.settings.installed import provider_names


def complaints(settings: Settings) -> Iterator[PromptlabError]:
    """Yield what is wrong with settings that are well formed: each names what there is not, or what fails later."""
    yield from _providers(settings)
    try:
        read_catalogue(settings.models_file)
    except NotConfigured as error:
        yield error
    try:
        check_rater(settings.rater)
    except InvalidInput as error:
        yield error


def remedy(kind: str | None, spec: ProviderSpec, settings: Settings) -> str:
    """Return what to do about an error of that kind that a provider ended a request with."""
    address = address_setting(spec, survey_provider(spec, settings)[1])
    return {
        "auth": key_advice(spec),
        "forbidden": f"Allow it in your account with {spec.name}, or use another key. {key_advice(spec)}",
        "connection": f"Is the server running, and are the network and {address} right?",
        "not_found": f"Correct {address}.",
        "bad_answer": f"See whether {address} is right.",
        "quota": f"See to the billing of your account with {spec.name}.",
        "blocked": f"Ask the support of {spec.name}.",
        "setup": "Correct that where it is set.",
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
            places = {f" of {each.place}" for each in settings.layers.providers[name].values()}
            message = f"[providers.{name}]{' and'.join(sorted(places))} names no provider.{nearest(name, names)}"
            yield NotConfigured(message, hint="`promptlab provider list` shows them.")
