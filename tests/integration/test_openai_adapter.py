"""What becomes of a request to OpenAI's Images API that does not end in images."""

import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from tests.integration.test_openai_wire import REQUEST, ask
from tests.openai_behaviour import Behaviour
from tests.openai_server import OpenAIServer

from promptlab.adapters.ai.protocol import (
    ImageProvider,
    OutcomeUnknown,
    ProviderError,
    ProviderFailed,
    ProviderUnavailable,
)
from promptlab.adapters.ai.registry import open_provider
from promptlab.settings import load


@pytest.fixture
def hasty(openai_environment: OpenAIServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[ImageProvider]:
    """The adapter with a third of a second for a whole request."""
    monkeypatch.setenv("PROMPTLAB_OPENAI_TIMEOUT", "0.3")
    with closing(open_provider("openai", load())) as provider:
        yield provider


def outcome(provider: ImageProvider, server: OpenAIServer, behaviour: Behaviour) -> ProviderError:
    """Return the error that the behaviour ends in."""
    server.behave(behaviour)
    with pytest.raises(ProviderError) as caught:
        ask(provider)
    assert len(server.asked) == 1, "one call is one request, whatever comes of it"
    return caught.value


@pytest.mark.parametrize(
    ("behaviour", "seconds"),
    [
        (Behaviour.rate_limit(retry_after="7"), 7.0),
        (Behaviour.rate_limit(retry_after="0.5"), 0.5),
        (Behaviour.rate_limit(retry_after_ms="1500", retry_after="7"), 1.5),
        (Behaviour.rate_limit(retry_after="-3"), 0.0),
        (Behaviour.rate_limit(retry_after="soon"), None),
        (Behaviour.rate_limit(retry_after="nan", retry_after_ms="inf"), None),
        (Behaviour.rate_limit(retry_after="Wed, 21 Oct 2015 07:28:00 GMT"), 0.0),
        (Behaviour.rate_limit(), None),
    ],
)
def test_too_many_requests_may_be_sent_again_when_the_service_says(
    openai_provider: ImageProvider, openai_environment: OpenAIServer, behaviour: Behaviour, seconds: float | None
) -> None:
    """Its own hint is handed on: milliseconds before seconds or a date; one that cannot be read is none."""
    error = outcome(openai_provider, openai_environment, behaviour)
    assert isinstance(error, ProviderUnavailable)
    assert (error.kind, error.http_status, error.request_id) == ("rate_limit", 429, "req_test")
    assert error.retry_after == seconds
    assert error.details == {"type": "requests", "code": "rate_limit_exceeded"}


def test_a_date_to_wait_for_becomes_seconds(openai_provider: ImageProvider, openai_environment: OpenAIServer) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    error = outcome(openai_provider, openai_environment, Behaviour.rate_limit(retry_after=date))
    assert isinstance(error, ProviderUnavailable)
    assert 55 < (error.retry_after or 0) <= 60


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        (Behaviour.failing(500), "server_error"),
        (Behaviour.failing(503), "overloaded"),
        (Behaviour.cut_off(503), "overloaded"),
        (Behaviour.no_json(status=500), "server_error"),
        (Behaviour.failing(409, x_should_retry="true"), "bad_request"),
        (Behaviour.rate_limit(x_should_retry="true"), "rate_limit"),
    ],
)
def test_where_nothing_was_bought_it_may_be_sent_again(
    openai_provider: ImageProvider, openai_environment: OpenAIServer, behaviour: Behaviour, kind: str
) -> None:
    error = outcome(openai_provider, openai_environment, behaviour)
    assert isinstance(error, ProviderUnavailable)
    assert error.kind == kind


@pytest.mark.parametrize("status", [408, 502, 504, 520, 521, 522, 523, 524])
@pytest.mark.parametrize("told", ["true", "false"])
def test_where_a_gateway_gave_up_the_outcome_is_unknown(
    openai_provider: ImageProvider, openai_environment: OpenAIServer, status: int, told: str
) -> None:
    """Whatever `x-should-retry` says: the gateway cannot know what became of the request behind it."""
    error = outcome(openai_provider, openai_environment, Behaviour.failing(status, x_should_retry=told))
    assert isinstance(error, OutcomeUnknown)
    assert error.http_status == status


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        (Behaviour.unauthorized(), "auth"),
        (Behaviour.failing(403), "forbidden"),
        (Behaviour.model_not_found(), "not_found"),
        (Behaviour.error(400, "No such model.", code="model_not_found"), "not_found"),
        (Behaviour.failing(404), "not_found"),
        (Behaviour.failing(400), "bad_request"),
        (Behaviour.failing(413), "too_large"),
        (Behaviour.failing(501), "server_error"),
        (Behaviour.quota(), "quota"),
        (Behaviour.error(400, "Billing hard limit has been reached.", code="billing_hard_limit_reached"), "quota"),
        (Behaviour.error(429, "You exceeded your current quota.", code="429", type="throttling_error"), "quota"),
        (Behaviour.rate_limit(x_should_retry="false"), "rate_limit"),
        (Behaviour.failing(503, x_should_retry="false"), "overloaded"),
        (Behaviour.failing(501, x_should_retry="true"), "server_error"),
        (Behaviour.redirect("https://example.com/v1"), "redirect"),
    ],
)
def test_what_asking_again_would_not_mend_is_a_failure(
    openai_provider: ImageProvider, openai_environment: OpenAIServer, behaviour: Behaviour, kind: str
) -> None:
    error = outcome(openai_provider, openai_environment, behaviour)
    assert isinstance(error, ProviderFailed)
    assert error.kind == kind
    assert error.message


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        (Behaviour.error(400, "Your prompt is odd."), "Your prompt is odd."),
        (Behaviour.json_body({"error": "Sorry"}, 400), "Sorry"),
        (Behaviour.json_body({"detail": "Model not loaded"}, 400), "Model not loaded"),
        (Behaviour.json_body({"detail": [{"loc": ["body", "n"], "msg": "too many"}]}, 422), "body.n: too many"),
        (Behaviour.json_body({"detail": [{"loc": None}, 5]}, 422), ": ; 5"),
        (Behaviour.json_body({"message": "Subscription blocked"}, 403), "Subscription blocked"),
        (Behaviour.no_json(status=404), "HTTP 404: Bad gateway"),
        (Behaviour.no_json(b"x" * 5000, status=404), "HTTP 404: " + "x" * 300 + "…"),
        (Behaviour.no_json(b"", status=404), "openai answers with HTTP 404."),
        (Behaviour.json_body([], 404), "openai answers with HTTP 404."),
        (Behaviour.json_body({"error": {"message": {"a": 1}, "code": ["x"], "param": {}}}, 404), "{'a': 1}"),
    ],
)
def test_the_server_s_own_words_are_kept(
    openai_provider: ImageProvider, openai_environment: OpenAIServer, behaviour: Behaviour, words: str
) -> None:
    """OpenAI's errors, FastAPI's, a bare message, and what is no JSON: quoted, and shortened."""
    assert outcome(openai_provider, openai_environment, behaviour).message == words


@pytest.mark.parametrize(
    "behaviour",
    [
        Behaviour.connection_reset(),
        Behaviour(raw=b""),
        Behaviour(raw=b"This is no HTTP.\r\n\r\n"),
    ],
    ids=["reset", "closed", "no HTTP"],
)
def test_a_connection_lost_before_the_answer_is_an_unknown_outcome(
    openai_provider: ImageProvider, openai_environment: OpenAIServer, behaviour: Behaviour
) -> None:
    error = outcome(openai_provider, openai_environment, replace(behaviour, body=b""))
    assert isinstance(error, OutcomeUnknown)
    assert error.kind == "connection_lost"


def test_an_answer_that_broke_off_is_an_unknown_outcome(
    openai_provider: ImageProvider, openai_environment: OpenAIServer
) -> None:
    error = outcome(openai_provider, openai_environment, Behaviour.cut_off())
    assert isinstance(error, OutcomeUnknown)
    assert error.kind == "truncated"


@pytest.mark.parametrize(
    "behaviour",
    [Behaviour.slow(5), Behaviour.trickling(0.02), Behaviour.trickling(0.02, headers=True)],
    ids=["silent", "trickling", "trickling headers"],
)
def test_the_time_for_a_request_is_kept_to(
    hasty: ImageProvider, openai_environment: OpenAIServer, behaviour: Behaviour
) -> None:
    """Also against a server of which every single byte comes in time."""
    started = time.monotonic()
    error = outcome(hasty, openai_environment, behaviour)
    assert isinstance(error, OutcomeUnknown)
    assert error.kind == "timeout"
    assert time.monotonic() - started < 1.5


def test_a_deadline_of_one_request_leaves_the_next_alone(
    hasty: ImageProvider, openai_environment: OpenAIServer
) -> None:
    openai_environment.behave(Behaviour.trickling(0.02), Behaviour())
    with pytest.raises(OutcomeUnknown):
        ask(hasty)
    assert len(ask(hasty).images) == 1


def test_where_no_connection_was_made_it_may_be_sent_again(
    openai_environment: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")
    with closing(open_provider("openai", load())) as provider, pytest.raises(ProviderUnavailable) as caught:
        ask(provider)
    assert caught.value.kind == "connection"
    assert "cannot be reached" in caught.value.message


@pytest.mark.parametrize(
    "behaviour",
    [
        Behaviour.no_json(),
        Behaviour.no_json(b""),
        Behaviour.no_json(b"\xff\xfe"),
        Behaviour.no_json(b"[" * 100_000),
        Behaviour.json_body([1]),
        Behaviour.json_body({}),
        Behaviour.json_body({"data": None}),
        Behaviour.json_body({"data": "x"}),
        Behaviour.json_body({"data": [None, {}, {"b64_json": 5}, {"b64_json": ""}, {"url": "data:image/png"}]}),
        Behaviour.json_body({"error": {"message": "Out of memory."}}),
        Behaviour.no_images(),
        Behaviour.no_base64(),
        Behaviour(headers={"content-encoding": "gzip"}, body=b"no gzip"),
    ],
)
def test_a_complete_answer_without_an_image_is_a_failure(
    openai_provider: ImageProvider, openai_environment: OpenAIServer, behaviour: Behaviour
) -> None:
    error = outcome(openai_provider, openai_environment, behaviour)
    assert isinstance(error, ProviderFailed)
    assert error.kind == "bad_answer"


def test_one_unusable_image_among_others_is_a_warning(
    openai_provider: ImageProvider, openai_environment: OpenAIServer
) -> None:
    openai_environment.behave(Behaviour.json_body({"data": [{"b64_json": "***"}, {"b64_json": "AAAA"}, {}]}))
    result = ask(openai_provider)
    assert len(result.images) == 1
    assert len(result.warnings) == 2


def test_a_prompt_that_cannot_be_encoded_is_a_failure(openai_provider: ImageProvider) -> None:
    with pytest.raises(ProviderFailed, match="cannot be sent"):
        ask(openai_provider, user_prompt="half a pair: \ud800")


def test_one_request_is_one_attempt(openai_provider: ImageProvider, openai_environment: OpenAIServer) -> None:
    """The adapter never sends again by itself: retrying is one policy, in one place."""
    openai_environment.behave_always(Behaviour.failing(503))
    with pytest.raises(ProviderUnavailable):
        openai_provider.generate(REQUEST, accepted=pytest.fail)
    assert len(openai_environment.requests) == 1
