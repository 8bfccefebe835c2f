"""The client that talks to S3."""

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from promptlab.errors import NotConfigured
from promptlab.settings.aws import aws_session
from promptlab.settings.urls import is_loopback

if TYPE_CHECKING:
    from botocore.config import Config
    from mypy_boto3_s3 import S3Client

_SET_UP = "Check PROMPTLAB_STORAGE_REGION, AWS_REGION and AWS_PROFILE."
_ENDPOINT = "See PROMPTLAB_STORAGE_ENDPOINT_URL and AWS_ENDPOINT_URL_S3."


def connect(endpoint_url: str | None, *, region: str | None, allow_http: bool) -> "S3Client":
    """Return a client, which is for all threads. What is not given, boto3 looks for where AWS's own tools do.

    Raises:
        NotConfigured: something is wrong with the endpoint, the region or the profile.
    """
    from botocore.exceptions import BotoCoreError

    if endpoint_url:
        _check(endpoint_url, allow_http=allow_http)
    try:
        client = aws_session(region).client("s3", endpoint_url=endpoint_url, config=_config())
    except BotoCoreError as error:
        raise NotConfigured(f"S3 cannot be set up: {str(error).rstrip('.')}.", hint=_SET_UP) from error
    except ValueError as error:
        raise NotConfigured("The endpoint of the storage is no web address.", hint=_ENDPOINT) from error
    # Also what boto3 found by itself, in AWS_ENDPOINT_URL_S3 or a profile.
    _check(client.meta.endpoint_url, allow_http=allow_http)
    client.meta.events.register("before-parameter-build.s3.GetObject", _link_to_the_region)
    return client


def _config() -> "Config":
    from botocore.config import Config

    return Config(
        signature_version="s3v4",  # links would otherwise get the older signature, which newer regions refuse
        connect_timeout=10,
        read_timeout=60,
        retries={"mode": "standard", "total_max_attempts": 3},
        max_pool_connections=64,
        # botocore's own default sends checksums in a form that many servers other than Amazon's do not know.
        # Without it the signature covers the bytes, which protects them as well.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )


def _link_to_the_region(context: dict[str, Any], **_event: object) -> None:
    """Keep botocore from signing links to Amazon's global address, which newer regions do not serve."""
    context["use_global_endpoint"] = False


def _check(endpoint_url: str, *, allow_http: bool) -> None:
    try:
        parts = urlsplit(endpoint_url)
    except ValueError as error:
        raise NotConfigured("The endpoint of the storage is no web address.", hint=_ENDPOINT) from error
    if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc:
        raise NotConfigured("The endpoint of the storage must be https://host or https://host:port.", hint=_ENDPOINT)
    if parts.scheme == "http" and not allow_http and not is_loopback(endpoint_url):
        raise NotConfigured(
            f"Images would travel to {parts.hostname} unencrypted, over plain http.",
            hint="Use https, or set PROMPTLAB_STORAGE_ALLOW_HTTP=true for a server in your own network.",
        )
