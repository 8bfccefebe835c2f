"""Secrets by the name of their environment variable: environment, then secrets folder, then AWS Secrets Manager."""

import json
import os
import re
from functools import cached_property
from pathlib import Path

from promptlab.errors import NotConfigured, Unreachable
from promptlab.settings.aws import aws_session

_SECRET_NAME = re.compile(r"(^|[_-])(api[_-]?key|key|password|passwd|token|secret)$", re.IGNORECASE)
_NOT_SECRET = frozenset({"aws_secret", "storage_kms_key"})


def is_secret_name(name: str) -> bool:
    """Say whether a setting of that name (`providers.openai.api_key`) holds a key or a password."""
    last = name.rpartition(".")[2]
    return last not in _NOT_SECRET and _SECRET_NAME.search(last) is not None


class Secrets:
    """Looks a secret up by name; asks AWS at most once, and only if nothing nearer has it."""

    def __init__(self, folder: Path | None, aws_secret: str | None) -> None:
        self._folder = folder
        self._aws_secret = aws_secret

    def get(self, name: str) -> str | None:
        """Return the secret, None where nobody has it.

        Raises:
            NotConfigured: the secrets folder holds it in a file that cannot be read.
            Unreachable: AWS Secrets Manager is configured and does not answer.
        """
        return os.environ.get(name) or self.in_folder(name) or self._from_aws.get(name) or None

    def in_folder(self, name: str) -> str | None:
        """Return the secret if the secrets folder has it; raises NotConfigured for a file that cannot be read."""
        if self._folder is None:
            return None
        for path in (self._folder / name, self._folder / name.lower()):
            try:
                if path.is_file():
                    return path.read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                why = getattr(error, "strerror", None) or "it is no UTF-8 text"
                raise NotConfigured(
                    f"The secret {path} cannot be read: {why}.", hint="Make it a readable file of UTF-8 text."
                ) from error
        return None

    @cached_property
    def _from_aws(self) -> dict[str, str]:
        if not self._aws_secret:
            return {}
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            answer = aws_session().client("secretsmanager").get_secret_value(SecretId=self._aws_secret)
        except (BotoCoreError, ClientError) as error:
            raise Unreachable(
                f"The AWS secret {self._aws_secret!r} cannot be read: {error}",
                hint="Check PROMPTLAB_AWS_SECRET, AWS_REGION and your credentials for AWS.",
            ) from error
        return _flat_json(answer.get("SecretString", ""), self._aws_secret)


def _flat_json(text: str, secret: str) -> dict[str, str]:
    try:
        found = json.loads(text)
    except json.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        raise NotConfigured(
            f"The AWS secret {secret!r} is no JSON object of names and values.",
            hint='Store it as {"OPENAI_API_KEY": "…"}, or correct PROMPTLAB_AWS_SECRET.',
        )
    return {str(name): str(value) for name, value in found.items()}
