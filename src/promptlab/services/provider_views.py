"""What image providers look like from outside."""

from promptlab.adapters.ai.registry import missing, provider_names, provider_spec
from promptlab.services.views import View
from promptlab.settings import Settings


def provider_views(settings: Settings) -> list[View]:
    """Return each provider: whether it is ready, and what is missing where it is not."""
    return [_view(name, settings) for name in provider_names()]


def _view(name: str, settings: Settings) -> View:
    spec, lacks = provider_spec(name), missing(name, settings)
    return {
        "name": name,
        "summary": spec.summary,
        "ready": lacks is None,
        "missing": lacks,
        "default_model": spec.default_model,
        "key_variable": spec.key_variable,
    }
