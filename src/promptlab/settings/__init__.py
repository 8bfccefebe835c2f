"""Settings: flag > environment > promptlab.toml > user config file > default.

Secrets never come from a file that lies in a project: keys are read from the variables that each vendor's own tools
use, from a secrets folder (`PROMPTLAB_SECRETS_DIR`, one file a name), or from one JSON secret in AWS Secrets Manager
(`PROMPTLAB_AWS_SECRET`).
"""

from promptlab.settings.model import ProviderSettings, Settings, load

__all__ = ["ProviderSettings", "Settings", "load"]
