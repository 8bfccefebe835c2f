"""The key stays where it is: no error, answer or text of an object holds it, whatever a server echoes."""

import json
import traceback
from dataclasses import asdict

import pytest
from tests.fixtures.openai import KEY
from tests.integration.test_openai_wire import REQUEST
from tests.openai_behaviour import Behaviour
from tests.openai_server import OpenAIServer

from promptlab.adapters.ai.protocol import ImageProvider, ProviderError

ECHOES = [
    *(Behaviour.echo_of_the_key(status) for status in (400, 401, 429, 500, 502, 307)),
    Behaviour.unauthorized(),
    Behaviour.broken_headers_with_the_key(),
    Behaviour.no_json(b"<p>{key}</p>", status=500),
    Behaviour.no_json(b"{key}"),
    Behaviour.json_body({"error": {"message": "{key}", "code": "moderation_blocked"}}, 200),
    Behaviour.json_body({"detail": [{"loc": ["{key}"], "msg": "{key}"}]}, 422),
    Behaviour.json_body({"data": [{"url": "ftp://{key}.example.com/{key}"}]}),
    Behaviour.json_body({"data": [{"url": "https://{key}:{key}"}]}),
    Behaviour.redirect("https://{key}.example.com/"),
    Behaviour.error(400, "No.", code="moderation_blocked", moderation_details={"categories": ["{key}"], "{key}": 1}),
]


def _all_of(error: ProviderError) -> str:
    """Return everything that a log, a database or a traceback would show of an error."""
    shown = [repr(error), str(error), json.dumps(error.details), str(error.request_id), str(vars(error))]
    return "\n".join([*shown, *traceback.format_exception(error)])


@pytest.mark.parametrize("behaviour", ECHOES)
def test_no_error_holds_the_key(
    openai_provider: ImageProvider, openai_environment: OpenAIServer, behaviour: Behaviour
) -> None:
    openai_environment.behave(behaviour)
    with pytest.raises(ProviderError) as caught:
        openai_provider.generate(REQUEST, accepted=lambda _handle: None)
    assert openai_environment.requests[0].key == KEY
    assert KEY not in _all_of(caught.value)


def test_no_answer_holds_the_key(openai_provider: ImageProvider, openai_environment: OpenAIServer) -> None:
    """Neither what is kept of it, nor the handle."""
    answer = {
        "data": [{"b64_json": "AAAA", "revised_prompt": "{key}"}, {"url": "https://{key}.invalid/"}],
        "usage": {"{key}": "{key}"}, "size": "{key}", "note": ["{key}"],
    }  # fmt: skip
    openai_environment.behave(Behaviour(body=json.dumps(answer).encode(), headers={"x-request-id": "{key}"}))
    handles: list[str] = []
    result = openai_provider.generate(REQUEST, accepted=handles.append)
    assert KEY not in repr(asdict(result))
    assert len(handles) == 1
    assert KEY not in handles[0]
    assert result.effective_parameters["size"] == "***"


def test_the_adapter_does_not_show_the_key(openai_provider: ImageProvider) -> None:
    assert KEY not in repr(openai_provider)
