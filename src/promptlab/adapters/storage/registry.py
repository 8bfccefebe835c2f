"""From the settings to the storage that they name."""

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from promptlab.adapters.storage.local import LocalStorage
from promptlab.adapters.storage.paths import check_path, path_of
from promptlab.adapters.storage.protocol import Storage
from promptlab.errors import InvalidInput, NotConfigured
from promptlab.settings import Settings
from promptlab.settings.urls import redact

_FORMS = "Set PROMPTLAB_STORAGE_URL to file:///folder, s3://bucket or s3://bucket/prefix."
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{2,254}")


def open_storage(settings: Settings) -> Storage:
    """Return the storage that the settings name. Nothing is read or written yet.

    Raises:
        NotConfigured: the URL names no storage, S3 cannot be set up, or images would travel unencrypted.
    """
    scheme, separator, _rest = settings.storage.lower().partition("://")
    if not separator:
        raise NotConfigured(f"{settings.storage!r} is no URL of a storage.", hint=_as_url(settings.storage))
    if scheme == "file":
        return _open_folder(settings.storage)
    if scheme == "s3":
        return _open_bucket(settings)
    raise NotConfigured(f"There is no storage for {scheme!r} URLs.", hint=_FORMS)


def _as_url(text: str) -> str:
    return f"Write PROMPTLAB_STORAGE_URL as {Path(text).as_uri()}" if Path(text).is_absolute() else _FORMS


def _open_folder(url: str) -> Storage:
    root = path_of(url)
    if root is None or "\0" in str(root):
        raise NotConfigured(
            f"{redact(url)!r} names no folder of this machine.",
            hint="It takes three slashes and an absolute path, with %20 for a space, %23 for # and %3F for ?.",
        )
    return LocalStorage(root)


def _open_bucket(settings: Settings) -> Storage:
    from promptlab.adapters.storage.s3 import S3Storage
    from promptlab.adapters.storage.s3_client import connect

    bucket, prefix = _bucket_and_prefix(settings.storage)
    if settings.storage_kms_key and settings.storage_encryption != "aws:kms":
        raise NotConfigured(
            "storage_kms_key is of use only with storage_encryption = aws:kms.",
            hint="Set PROMPTLAB_STORAGE_ENCRYPTION=aws:kms, or take the key away.",
        )
    client = connect(
        settings.storage_endpoint_url, region=settings.storage_region, allow_http=settings.storage_allow_http
    )
    return S3Storage(
        client,
        bucket,
        prefix=prefix,
        encryption=settings.storage_encryption,
        kms_key=settings.storage_kms_key,
    )


def _bucket_and_prefix(url: str) -> tuple[str, str]:
    """Take an s3 URL apart. No complaint repeats it: what does not look right may be a secret in the wrong place."""
    try:
        parts = urlsplit(url)
        prefix = unquote(parts.path, errors="strict").strip("/")
        if prefix:
            check_path(prefix)
    except (ValueError, InvalidInput):
        raise NotConfigured("The prefix in the s3 URL of the storage is not usable.", hint=_FORMS) from None
    if "@" in parts.netloc:
        raise NotConfigured(
            "The s3 URL of the storage holds a user name or a key, and it is kept with every image.",
            hint="Put keys in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or in a profile.",
        )
    if not _BUCKET.fullmatch(parts.netloc) or parts.query or parts.fragment:
        raise NotConfigured(
            "The s3 URL of the storage names no bucket.",
            hint=f"{_FORMS} A server's address belongs in PROMPTLAB_STORAGE_ENDPOINT_URL.",
        )
    return parts.netloc, prefix
