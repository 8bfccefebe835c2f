"""Settings: flag > environment > promptlab.toml > user config file > default.

Secrets never come from a file that lies in a project: keys are read from the variables that each vendor's own tools
use, from a secrets folder (`PROMPTLAB_SECRETS_DIR`, one file a name), or from one JSON secret in AWS Secrets Manager
(`PROMPTLAB_AWS_SECRET`).
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from promptlab.settings.model import Settings, load, survey
    from promptlab.settings.provider import ProviderSettings

__all__ = ["ProviderSettings", "Settings", "load", "survey"]


def __getattr__(name: str) -> Any:
    """Load the model when it is asked for: pydantic takes a tenth of a second, and completion needs files."""
    if name in __all__:
        from promptlab.settings import model, provider

        return getattr(provider if name == "ProviderSettings" else model, name)
    raise AttributeError(name)
