"""Images in a bucket of S3, or of a server that speaks its language."""

from contextlib import AbstractContextManager, closing, suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlsplit

from promptlab.adapters.storage.paths import check_path, not_here
from promptlab.adapters.storage.protocol import ObjectMissing
from promptlab.adapters.storage.s3_errors import translated
from promptlab.errors import InvalidInput

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_LONGEST_LINK = 7 * 24 * 60 * 60  # seconds; S3 signs none for longer


class S3Storage:
    """A bucket, or what lies under `prefix` in it. URLs are `s3://bucket/key` with the key percent-encoded.

    `encryption` is what S3 is asked to encrypt with: `AES256`, or `aws:kms` with the id of a key or S3's own.
    Every method also raises StorageUnavailable where there are no credentials.
    """

    def __init__(
        self,
        client: "S3Client",
        bucket: str,
        *,
        prefix: str = "",
        encryption: str | None = None,
        kms_key: str | None = None,
    ) -> None:
        self._client = client
        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""
        options = {"ServerSideEncryption": encryption, "SSEKMSKeyId": kms_key}
        self._encryption: dict[str, Any] = {name: value for name, value in options.items() if value}

    def upload(self, data: bytes, path: str, media_type: str) -> str:
        """See `Storage.upload`."""
        key = check_path(self._prefix + check_path(path))
        url = f"s3://{self._bucket}/{quote(key)}"
        with self._translated(url):
            self._client.put_object(Bucket=self._bucket, Key=key, Body=data, ContentType=media_type, **self._encryption)
        return url

    def read(self, url: str) -> bytes:
        """See `Storage.read`."""
        key = self._key(url)
        with self._translated(url), closing(self._client.get_object(Bucket=self._bucket, Key=key)["Body"]) as body:
            return body.read()

    def signed_url(self, url: str, expires_in: int) -> str:
        """See `Storage.signed_url`; also raises InvalidInput for less than 1 second or more than 7 days."""
        if not 1 <= expires_in <= _LONGEST_LINK:
            raise InvalidInput(f"A link to S3 can live for 1 second to 7 days, not for {expires_in} seconds.")
        target = {"Bucket": self._bucket, "Key": self._key(url)}
        with self._translated(url):
            return self._client.generate_presigned_url("get_object", Params=target, ExpiresIn=expires_in)

    def delete(self, url: str) -> None:
        """See `Storage.delete`."""
        key = self._key(url)
        with suppress(ObjectMissing), self._translated(url):
            self._client.delete_object(Bucket=self._bucket, Key=key)

    def _key(self, url: str) -> str:
        try:
            parts = urlsplit(url)
            key = unquote(parts.path, errors="strict").removeprefix("/")
            check_path(key.removeprefix(self._prefix))
        except (ValueError, InvalidInput) as error:
            raise self._foreign(url) from error
        here = (parts.scheme, parts.netloc, parts.query, parts.fragment) == ("s3", self._bucket, "", "")
        if not here or not key.startswith(self._prefix):
            raise self._foreign(url)
        return key

    def _foreign(self, url: str) -> InvalidInput:
        return not_here(url, f"s3://{self._bucket}/{quote(self._prefix)}")

    def _translated(self, url: str) -> AbstractContextManager[None]:
        return translated(bucket=self._bucket, url=url)
