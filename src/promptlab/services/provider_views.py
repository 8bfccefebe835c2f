"""What image providers look like from outside."""

from promptlab.adapters.ai.registry import missing, provider_names, provider_spec
from promptlab.errors import PromptlabError
from promptlab.services.views import View
from promptlab.settings import Settings


def provider_views(settings: Settings) -> list[View]:
    """Return each provider: whether it is ready, and what is missing where it is not."""
    return [_view(name, settings) for name in provider_names()]


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
    }
