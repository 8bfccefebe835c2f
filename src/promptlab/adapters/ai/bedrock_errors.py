"""What Bedrock's errors say: the name of an exception in a header or in the body, and a message."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from promptlab.adapters.ai.error_bodies import detail_of, json_of
from promptlab.adapters.ai.http_errors import Answer, Complaint
from promptlab.adapters.ai.protocol import ProviderError, ProviderFailed, ProviderUnavailable

if TYPE_CHECKING:
    from botocore.exceptions import BotoCoreError

INVALID = "ValidationException"

_AUTH = (
    *("UnrecognizedClientException", "InvalidClientTokenId", "InvalidSignatureException", "SignatureDoesNotMatch"),
    *("IncompleteSignatureException", "MissingAuthenticationTokenException", "MissingAuthenticationToken"),
    *("ExpiredTokenException", "ExpiredToken", "InvalidToken", "RequestExpired"),
)
_KINDS = {
    **dict.fromkeys(_AUTH, "auth"),
    "ServiceQuotaExceededException": "quota",
    "ModelErrorException": "model_error",
    "ModelNotReadyException": "overloaded",
}
_KEY_REFUSED = re.compile(r"authentication failed|api key", re.IGNORECASE)
"""How an AccessDeniedException speaks of a Bedrock API key, which is no matter of permissions."""

_BLOCKED = re.compile(r"content filter|responsible ai|content polic", re.IGNORECASE)


def complaint_of(answer: Answer) -> Complaint:
    """Return what an answer without success says."""
    code, message = exception_of(answer), _message(answer)
    if code == INVALID and is_block(message):
        details = {"exception": code, "categories": []}
        return Complaint(message=message, kind="content_policy", details=details, refused=True)
    denied = code == "AccessDeniedException" and _KEY_REFUSED.search(message)
    kind = "auth" if denied else _KINDS.get(code)
    return Complaint(message=message, kind=kind, details={"exception": code} if code else {})


def is_block(message: str) -> bool:
    """Say whether a sentence is how Amazon's own models refuse (their guide to image errors)."""
    return _BLOCKED.search(message) is not None


def exception_of(answer: Answer) -> str:
    """Return the name of the exception, empty where there is none."""
    named = answer.headers.get("x-amzn-errortype") or _body(answer).get("__type") or _body(answer).get("code") or ""
    return str(named).partition(":")[0].rpartition("#")[2]


@contextmanager
def translated(provider: str) -> Iterator[None]:
    """Turn what botocore raises before anything is sent into the errors of `ImageProvider`.

    Raises:
        ProviderUnavailable: who gives the credentials could not be reached.
        ProviderFailed: there are none, or something is set up wrongly.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:  # of the service that gives the credentials
        said = error.response.get("Error", {}).get("Message") or error.response.get("Error", {}).get("Code")
        raise ProviderFailed(f"AWS gives no credentials for {provider}: {_end(said)}", kind="auth") from None
    except BotoCoreError as error:
        raise _not_sent(error, provider) from None
    except ValueError:
        raise ProviderFailed(f"The endpoint of {provider} is no web address.", kind="not_found") from None


def _not_sent(error: "BotoCoreError", provider: str) -> ProviderError:
    from botocore import exceptions as known

    if isinstance(error, known.HTTPClientError | known.ConnectionError):
        message = f"Who gives AWS credentials for {provider} cannot be reached: {_end(error)}"
        return ProviderUnavailable(message, kind="connection")
    if isinstance(error, known.ParamValidationError):
        return ProviderFailed(f"This request to {provider} cannot be sent: {_end(error)}", kind="bad_request")
    credentials = (known.NoCredentialsError, known.PartialCredentialsError, known.ProfileNotFound, known.SSOError)
    gives_none = isinstance(error, (*credentials, known.CredentialRetrievalError, known.NoAuthTokenError))
    return ProviderFailed(f"{provider} cannot be asked: {_end(error)}", kind="auth" if gives_none else "setup")


def _end(said: object) -> str:
    return f"{' '.join(str(said).split()).rstrip('.')}."


def _message(answer: Answer) -> str:
    said = _body(answer).get("Message")
    return said if isinstance(said, str) else detail_of(answer)


def _body(answer: Answer) -> Mapping[str, object]:
    body = json_of(answer)
    return body if isinstance(body, Mapping) else {}
