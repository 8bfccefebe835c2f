"""What botocore raises, in promptlab's words."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from promptlab.adapters.storage.protocol import ObjectMissing, StorageUnavailable

if TYPE_CHECKING:
    from botocore.exceptions import BotoCoreError, ClientError

_KEYS = "Check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_PROFILE, or sign in again."
_REGION = "Set PROMPTLAB_STORAGE_REGION to the bucket's region."
_ENDPOINT = "Check the network and PROMPTLAB_STORAGE_ENDPOINT_URL."

_ANSWERS = {
    "NoSuchBucket": ("does not exist", "Create it, or correct PROMPTLAB_STORAGE_URL."),
    "AccessDenied": (
        "is closed to these credentials",
        # Without the last one S3 gives this answer for an object that is missing.
        "They need s3:GetObject, s3:PutObject and s3:DeleteObject on its objects, and s3:ListBucket on the bucket.",
    ),
    "InvalidAccessKeyId": ("does not know the access key", _KEYS),
    "SignatureDoesNotMatch": ("does not accept the secret key", _KEYS),
    "ExpiredToken": ("does not accept the credentials any more, they have expired", _KEYS),
    "InvalidToken": ("does not accept the session token", _KEYS),
    "RequestTimeTooSkewed": ("does not accept the time of the request", "Set the clock of this machine."),
    "PermanentRedirect": ("lies in another region", _REGION),
    "AuthorizationHeaderMalformed": ("lies in another region", _REGION),
}


@contextmanager
def translated(*, bucket: str, url: str) -> Iterator[None]:
    """Turn what botocore raises over the object behind `url` into the errors of `Storage`.

    Raises:
        ObjectMissing: S3 does not have it.
        StorageUnavailable: anything else.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        raise _answered(error, bucket, url) from error
    except BotoCoreError as error:
        raise _unanswered(error, bucket) from error


def _answered(error: "ClientError", bucket: str, url: str) -> ObjectMissing | StorageUnavailable:
    said = error.response.get("Error", {})
    code = said.get("Code", "")
    # A bare 404 to an upload comes from something that is no S3.
    if code == "NoSuchKey" or (code == "404" and error.operation_name != "PutObject"):
        return ObjectMissing(f"{url} is no longer in the storage.")
    words = said.get("Message") or code or f"HTTP {error.response.get('ResponseMetadata', {}).get('HTTPStatusCode')}"
    what, hint = _ANSWERS.get(code, (f"answered with an error: {words.rstrip('.')}", _ENDPOINT))
    return StorageUnavailable(f"The bucket {bucket!r} {what}.", hint=hint)


def _unanswered(error: "BotoCoreError", bucket: str) -> StorageUnavailable:
    from botocore import exceptions as known

    nobody = (
        *(known.NoCredentialsError, known.PartialCredentialsError, known.CredentialRetrievalError),
        *(known.TokenRetrievalError, known.SSOError),
    )
    what = "cannot be asked without credentials" if isinstance(error, nobody) else "cannot be reached"
    hint = _KEYS if isinstance(error, nobody) else _ENDPOINT
    return StorageUnavailable(f"The bucket {bucket!r} {what}: {str(error).rstrip('.')}.", hint=hint)
