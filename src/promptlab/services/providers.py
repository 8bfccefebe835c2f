"""What image providers look like from outside, and whether they answer."""

from contextlib import closing

from promptlab.adapters.ai.capabilities import Capabilities
from promptlab.adapters.ai.catalogue import read_catalogue
from promptlab.adapters.ai.protocol import ProviderError
from promptlab.adapters.ai.registry import (
    missing,
    open_provider,
    provider_packages,
    provider_spec,
    ready_providers,
)
from promptlab.errors import PromptlabError
from promptlab.services.views import View
from promptlab.settings import Settings
from promptlab.settings.installed import provider_names

_SIZES = ("size", "image_size", "aspect_ratio", "resolution")
"""The parameters by which services let one choose a size."""


def broken_plug_ins(settings: Settings) -> list[str]:
    """Return a sentence about each provider that another package brings and that cannot be loaded."""
    return [item["missing"] for item in provider_views(settings) if item["broken"]]


def provider_views(settings: Settings) -> list[View]:
    """Return each provider: whether it is ready, and what is missing where it is not."""
    return [_view(name, settings) for name in provider_names()]


def model_views(settings: Settings) -> list[View]:
    """Return each known model of the installed providers: what it takes, what an image costs at most, when it ends."""
    catalogue = read_catalogue(settings.models_file)
    return [
        _model_view(item["name"], model, open_provider(item["name"], settings, for_sending=False).capabilities(model))
        for item in provider_views(settings)
        if not item["broken"]
        for model in catalogue.models(item["name"])
    ]


def providers_to_check(settings: Settings, name: str | None) -> list[str]:
    """Return the provider of that name, without one all that are ready; raises InvalidInput for an unknown name."""
    return ready_providers(settings) if name is None else [provider_spec(name).name]


def check_provider(name: str, settings: Settings) -> View:
    """Ask one provider whether key and network work, and return what it said.

    Raises:
        NotConfigured: it cannot be asked, because a key or an address is missing.
    """
    with closing(open_provider(name, settings)) as provider:
        try:
            ok, message = True, provider.check()
        except ProviderError as error:
            ok, message = False, error.message
    return {"name": name, "ok": ok, "message": message}


def _model_view(provider: str, model: str, capabilities: Capabilities) -> View:
    return {
        "provider": provider,
        "model": model,
        "system_prompt": capabilities.system_prompt,
        "seed": capabilities.seed,
        "mask": capabilities.mask,
        "max_count": capabilities.max_count,
        "max_inputs": capabilities.max_inputs,
        "sizes": _sizes(capabilities),
        "max_price_usd": capabilities.upper_price(count=1, inputs=0, prompt_bytes=0),
        "retires": capabilities.retires,
    }


def _sizes(capabilities: Capabilities) -> list[str] | None:
    """Return the sizes that a model makes, or shapes where it counts in those; None where nothing is known of them."""
    rules = capabilities.parameters
    if rules is None:
        return None
    sizes = [str(choice) for name in _SIZES for choice in (rules[name].choices if name in rules else ())]
    free = {"width", "height"} <= rules.keys() or any(
        rules[name].pattern is not None for name in ("size", "image_size") if name in rules
    )
    return [*sizes, *(["WxH"] if free else [])]


def _view(name: str, settings: Settings) -> View:
    lacks = missing(name, settings)
    try:
        spec = provider_spec(name)
    except PromptlabError:  # a plug-in that is broken: `lacks` says how
        spec = None
    return {
        "name": name,
        "summary": spec.summary if spec else "",
        "ready": lacks is None,
        "missing": lacks,
        "default_model": spec.default_model if spec else None,
        "key_variable": spec.key_variable if spec else None,
        "package": ", ".join(provider_packages(name)),
        "broken": spec is None,
    }
