"""Bedrock's data plane through boto3, which knows the credentials, the region, the endpoint and the signature.

What it has signed travels over promptlab's own HTTP client. boto3's cannot end a request whose answer trickles, and it
keeps connections that the service may close just when a request goes out on one, so that nobody knows whether it was
bought.
"""

import threading
from collections.abc import Iterator, Mapping
from functools import partial
from io import BytesIO
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from promptlab.adapters.ai.bedrock_errors import complaint_of, translated
from promptlab.adapters.ai.http import HttpClient
from promptlab.adapters.ai.http_errors import Answer
from promptlab.adapters.ai.protocol import ProviderFailed
from promptlab.settings import ProviderSettings
from promptlab.settings.aws import aws_session
from promptlab.settings.urls import is_loopback

if TYPE_CHECKING:
    from boto3.session import Session
    from botocore.awsrequest import AWSPreparedRequest, AWSResponse

_BEARER = "Bearer "
_JSON = "application/json"


class Runtime:
    """Invokes models, from several threads at once. boto3 is loaded, and its client made, with the first call."""

    def __init__(self, provider: str, settings: ProviderSettings) -> None:
        self._provider = provider
        self._settings = settings
        self._connecting = threading.Lock()
        self._connected: tuple[Any, HttpClient] | None = None

    def invoke(self, model: str, body: bytes) -> Answer:
        """Return the model's answer, which is one of success; nothing in it is cleaned yet.

        Raises:
            Refused, ProviderUnavailable, ProviderFailed, OutcomeUnknown: there is none.
        """
        with translated(self._provider):
            client, _http = self._connection()
            told = client.invoke_model(modelId=model, body=body, contentType=_JSON, accept=_JSON)
        about = told["ResponseMetadata"]
        return Answer(status=about["HTTPStatusCode"], headers=about["HTTPHeaders"], body=told["body"].read())

    def clean(self, value: Any) -> Any:
        """Return JSON data without the secrets that have been used so far."""
        return self._connected[1].clean(value) if self._connected else value

    @property
    def host(self) -> str:
        """Where the service is, once a model has been invoked."""
        return urlsplit(self._connected[1].base_url).netloc if self._connected else self._provider

    def close(self) -> None:
        """Give the connections back."""
        if self._connected:
            self._connected[1].close()

    def _connection(self) -> tuple[Any, HttpClient]:
        with self._connecting:
            if self._connected is None:
                self._connected = self._connect()
            return self._connected

    def _connect(self) -> tuple[Any, HttpClient]:
        from botocore.config import Config

        session = aws_session()
        config = Config(retries={"total_max_attempts": 1})  # sending again is promptlab's own business
        client: Any = session.client("bedrock-runtime", endpoint_url=self._settings.base_url, config=config)
        self._check(client.meta.endpoint_url)
        http = HttpClient(self._provider, client.meta.endpoint_url, self._settings, secret_headers={})
        client.meta.events.register("before-send.bedrock-runtime", partial(self._send, session=session, http=http))
        return client, http

    def _check(self, endpoint_url: str) -> None:
        """Look also at what boto3 found by itself, in a profile or a variable for all of AWS."""
        if urlsplit(endpoint_url).scheme != "https" and not (self._settings.allow_http or is_loopback(endpoint_url)):
            message = f"The request would travel to {urlsplit(endpoint_url).hostname} unencrypted, over plain http."
            raise ProviderFailed(message, kind="bad_request")

    def _send(
        self, request: "AWSPreparedRequest", *, session: "Session", http: HttpClient, **_event: object
    ) -> "AWSResponse":
        """Send a signed request in the place of botocore; what botocore is given back is a success."""
        from botocore.awsrequest import AWSResponse
        from botocore.compat import HTTPHeaders

        headers = {name: _text(value) for name, value in request.headers.items()}
        secrets = list(_secrets(session, headers))
        http.clean.learn(secrets)
        self._require_sendable([*secrets, headers.get("Authorization", "")])
        answer = http.send(request.method, request.url, headers=headers, content=request.body)
        if not answer.ok:
            raise http.failure(answer, complaint_of(answer), request_id=request_id_of(answer))
        # Whole and unpacked by now, so no length is to be checked any more.
        told = {name: value for name, value in answer.headers.items() if name != "content-length"}
        return AWSResponse(request.url, answer.status, HTTPHeaders.from_dict(told), BytesIO(answer.body))

    def _require_sendable(self, values: list[str]) -> None:
        """Refuse what no header can hold: the complaint of an HTTP library would quote it."""
        if not all(value.isascii() and value.isprintable() and value == value.strip() for value in values):
            message = f"The AWS credentials for {self._provider} hold a line end, a space or a special letter."
            raise ProviderFailed(message, kind="auth")


def request_id_of(answer: Answer) -> str | None:
    """Return by which Amazon finds the request again."""
    return answer.headers.get("x-amzn-requestid")


def _secrets(session: "Session", headers: Mapping[str, str]) -> Iterator[str]:
    """Yield what is secret of the credentials behind a signed request."""
    if headers.get("Authorization", "").startswith(_BEARER):
        yield headers["Authorization"].removeprefix(_BEARER)
    elif credentials := session.get_credentials():
        frozen = credentials.get_frozen_credentials()
        yield frozen.secret_key or ""
        yield headers.get("X-Amz-Security-Token") or ""


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
