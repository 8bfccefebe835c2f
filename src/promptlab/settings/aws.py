"""AWS's own settings, found where its own tools look for them: variables, the files of `~/.aws`, the machine itself."""

import logging
import os
import shlex
from collections.abc import Mapping
from configparser import Error, RawConfigParser
from pathlib import Path
from typing import TYPE_CHECKING

from promptlab.errors import NotConfigured

if TYPE_CHECKING:
    from boto3.session import Session

_PROFILES = ("AWS_DEFAULT_PROFILE", "AWS_PROFILE")  # in botocore's order
_FILES = {"AWS_CONFIG_FILE": "~/.aws/config", "AWS_SHARED_CREDENTIALS_FILE": "~/.aws/credentials"}
_REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")

_VARIABLES = (
    *("AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE"),
    *("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"),
    "AWS_EC2_METADATA_SERVICE_ENDPOINT",
)
_OPTIONS = (
    *("aws_access_key_id", "credential_process", "role_arn"),
    *("sso_session", "sso_account_id", "sso_start_url", "login_session"),
)
_MACHINE = ("/sys/devices/virtual/dmi/id/sys_vendor", "/sys/devices/virtual/dmi/id/bios_version")


def aws_session(region: str | None = None) -> "Session":
    """Return a session of boto3, which looks for what is not given; a missing profile is an error of botocore."""
    import boto3

    # Its finer log quotes session tokens and signed headers.
    logging.getLogger("botocore").setLevel(logging.INFO)
    # boto3 itself does not read AWS_REGION, which every other SDK does.
    return boto3.session.Session(region_name=region or os.environ.get("AWS_REGION") or None)


def has_aws_credentials(*variables: str) -> bool:
    """Say whether something is set up that may bring credentials, without asking it; `variables` are further ones.

    Raises:
        NotConfigured: a file of AWS's tools cannot be read.
    """
    named = any(os.environ.get(name) for name in (*_VARIABLES, *variables))
    return named or any(name in _profile() for name in _OPTIONS) or _is_at_amazon()


def has_aws_region() -> bool:
    """Say whether a region is set; raises what `has_aws_credentials` raises."""
    return any(os.environ.get(name) for name in _REGIONS) or "region" in _profile()


def _profile() -> Mapping[str, str]:
    """Return what the files say of the profile in use."""
    name = next((os.environ[each] for each in _PROFILES if os.environ.get(each)), "default")
    found: dict[str, str] = {}
    for variable, usual in _FILES.items():
        path = Path(os.environ.get(variable) or usual).expanduser()
        parser = RawConfigParser(default_section="")  # where no section is one for all
        try:
            parser.read(path, encoding="utf-8")
            sections = [each for each in parser.sections() if shlex.split(each) in ([name], ["profile", name])]
        except (Error, ValueError, OSError):  # whose words would quote a line, and with it a secret
            raise NotConfigured(f"AWS's file {path} cannot be read.", hint=f"Correct it, or {variable}.") from None
        for section in sections:
            found.update(parser[section])
    return found


def _is_at_amazon() -> bool:
    """Say whether this is a machine of EC2, which gives credentials to whoever asks it."""
    if os.environ.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true":
        return False
    return any("amazon" in _line(Path(path)).lower() for path in _MACHINE)


def _line(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
