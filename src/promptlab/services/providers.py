"""What image providers look like from outside, and whether they answer."""

from contextlib import closing

from promptlab.adapters.ai.capabilities import Capabilities
from promptlab.adapters.ai.catalogue import read_catalogue
from promptlab.adapters.ai.protocol import ProviderError
from promptlab.adapters.ai.registry import (
    is_wanted,
    missing,
    open_provider,
    provider_packages,
    provider_spec,
    unknown_provider,
)
from promptlab.errors import PromptlabError, Unreachable
from promptlab.services.checks import retirement
from promptlab.services.remedies import remedy
from promptlab.services.views import View
from promptlab.settings import Settings
from promptlab.settings.installed import provider_names

_SIZES = ("size", "image_size", "aspect_ratio", "resolution")
"""The parameters by which services let one choose a size."""


def broken_plug_ins(settings: Settings) -> list[str]:
    """Return a sentence about each provider that another package brings and that cannot be loaded."""
    return [item["missing"] for item in provider_views(settings) if item["broken"]]


def provider_views(settings: Settings, name: str | None = None) -> list[View]:
    """Return each provider, or one: whether it is ready, and what is missing where it is not.

    Raises:
        InvalidInput: there is none of that name.
    """
    names = provider_names()
    if name is not None and name not in names:
        raise unknown_provider(name)
    return [_view(each, settings) for each in names if name in {None, each}]


def model_views(settings: Settings, name: str | None = None) -> list[View]:
    """Return each known model of the providers, or of one: what it takes, what an image costs at most, when it ends."""
    catalogue = read_catalogue(settings.models_file)
    return [
        _model_view(item["name"], model, open_provider(item["name"], settings, for_sending=False).capabilities(model))
        for item in provider_views(settings, name)
        if not item["broken"]
        for model in catalogue.models(item["name"])
    ]


def providers_to_check(settings: Settings, name: str | None) -> list[str]:
    """Return the provider of that name, without one all in use; raises InvalidInput for an unknown name."""
    if name is not None:
        return [provider_spec(name).name]
    return [each for each in provider_names() if _in_use(each, settings)]


def ask_provider(name: str, settings: Settings) -> str:
    """Ask one provider whether key and network work, and return a sentence about what that proves.

    Raises:
        NotConfigured: it cannot be asked, because a key or an address is missing.
        Unreachable: it answers otherwise than it should, or not at all; the hint says what to do about that.
    """
    with closing(open_provider(name, settings)) as provider:
        try:
            return provider.check()
        except ProviderError as error:
            hint = remedy(error.kind, provider_spec(name), settings)
            raise Unreachable(error.message, hint=hint) from error


def check_provider(name: str, settings: Settings) -> View:
    """Return what one provider says when it is asked; raises NotConfigured where it cannot be."""
    try:
        return {"name": name, "ok": True, "message": ask_provider(name, settings), "hint": None}
    except Unreachable as error:
        return {"name": name, "ok": False, "message": error.message, "hint": settings.advice(error.hint)}


def survey_provider(name: str, settings: Settings) -> View:
    """Return the same as `check_provider`, and for one that cannot be asked what keeps it from that."""
    try:
        return check_provider(name, settings)
    except PromptlabError as error:
        return {"name": name, "ok": False, "message": error.message, "hint": settings.advice(error.hint)}


def _in_use(name: str, settings: Settings) -> bool:
    """Say whether a provider is ready, or somebody has set something for it, though wrongly."""
    try:
        return missing(name, settings) is None or is_wanted(provider_spec(name), settings)
    except PromptlabError:  # a plug-in that cannot be loaded, or a setting that cannot be
        return True


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
        "max_price_usd": capabilities.upper_price(count=1, inputs=capabilities.min_inputs, prompt_bytes=0),
        "retires": capabilities.retires,
        "retirement": retirement(capabilities),
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
