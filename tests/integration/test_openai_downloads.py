"""Images that an answer names by URL: fetched, and never bought twice."""

import json
from collections.abc import Iterator
from contextlib import closing

import pytest
from tests.fixtures.openai import KEY
from tests.integration.test_openai_wire import REQUEST
from tests.openai_behaviour import Behaviour, Links
from tests.openai_server import OpenAIServer, serving

from promptlab.adapters.ai.protocol import ImageProvider, OutcomeUnknown, ProviderError, ProviderFailed
from promptlab.adapters.ai.registry import open_provider
from promptlab.settings import load

LINKS = [Links.ABSOLUTE, Links.RELATIVE, Links.ELSEWHERE]


@pytest.fixture
def far_provider(openai_environment: OpenAIServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[ImageProvider]:
    """The adapter for a service that is not on this machine; only its `resume` can be called."""
    monkeypatch.setenv("OPENAI_BASE_URL", "https://api.example.invalid/v1")
    with closing(open_provider("openai", load())) as provider:
        yield provider


def handle_of(*urls: str) -> str:
    return json.dumps({"urls": urls, "about": {}})


@pytest.mark.parametrize("links", LINKS)
def test_an_image_behind_a_url_is_fetched(
    openai_provider: ImageProvider, openai_environment: OpenAIServer, links: Links
) -> None:
    """Absolute, relative to the base URL, or on another server."""
    openai_environment.behave(Behaviour.linked(links))
    handles: list[str] = []
    result = openai_provider.generate(REQUEST, accepted=handles.append)
    assert result.images[0].startswith(b"\x89PNG")
    assert result.warnings == ()


def test_the_urls_are_named_before_the_first_is_fetched(
    openai_provider: ImageProvider, openai_environment: OpenAIServer
) -> None:
    """So that a crash in between loses nothing: the handle holds all that is needed, and no key."""
    openai_environment.behave(Behaviour.linked(Links.RELATIVE))
    handles: list[str] = []

    def accepted(handle: str) -> None:
        assert openai_environment.downloads == []
        handles.append(handle)

    first = openai_provider.generate(REQUEST, accepted=accepted)
    assert KEY not in handles[0]
    with closing(open_provider("openai", load())) as another:
        assert another.resume(handles[0]) == first
    assert len(openai_environment.asked) == 1


def test_the_key_goes_to_the_base_url_s_own_origin_only(
    openai_provider: ImageProvider, openai_environment: OpenAIServer
) -> None:
    """Another port is another origin."""
    for links in LINKS:
        openai_environment.behave(Behaviour.linked(links))
        openai_provider.generate(REQUEST, accepted=lambda _handle: None)
    assert [request.key for request in openai_environment.downloads] == [KEY, KEY, None]


def test_the_key_does_not_follow_a_redirect_to_another_host(
    openai_provider: ImageProvider, openai_environment: OpenAIServer
) -> None:
    image = openai_environment.publish(b"image", Links.ELSEWHERE)
    openai_environment.behave(Behaviour.linked())
    openai_environment.behave_at_downloads(Behaviour.redirect(image, 302))
    result = openai_provider.generate(REQUEST, accepted=lambda _handle: None)
    assert result.images == (b"image",)
    assert [request.key for request in openai_environment.downloads] == [KEY, None]


def test_the_request_itself_follows_no_redirect(
    openai_provider: ImageProvider, openai_environment: OpenAIServer
) -> None:
    openai_environment.behave(Behaviour.redirect(f"{openai_environment.elsewhere_url}/v1/images/generations"))
    with pytest.raises(ProviderFailed, match="redirect"):
        openai_provider.generate(REQUEST, accepted=pytest.fail)
    assert len(openai_environment.requests) == 1


@pytest.mark.parametrize(
    "behaviour",
    [
        Behaviour.failing(500),
        Behaviour.failing(404),
        Behaviour.failing(429),
        Behaviour.connection_reset(),
        Behaviour.cut_off(),
    ],
    ids=["500", "404", "429", "reset", "cut off"],
)
def test_an_image_that_cannot_be_fetched_is_an_unknown_outcome(
    openai_provider: ImageProvider, openai_environment: OpenAIServer, behaviour: Behaviour
) -> None:
    """It is made and paid for: nothing may lead to buying it again, and it can be fetched later by its handle."""
    openai_environment.behave(Behaviour.linked())
    openai_environment.behave_at_downloads(behaviour, behaviour)
    handles: list[str] = []
    with pytest.raises(OutcomeUnknown) as caught:
        openai_provider.generate(REQUEST, accepted=handles.append)
    assert caught.value.kind == "download"
    assert openai_provider.resume(handles[0]).images[0].startswith(b"\x89PNG")


def test_a_download_that_fails_once_is_tried_again(
    openai_provider: ImageProvider, openai_environment: OpenAIServer
) -> None:
    openai_environment.behave(Behaviour.linked())
    openai_environment.behave_at_downloads(Behaviour.connection_reset())
    assert len(openai_provider.generate(REQUEST, accepted=lambda _handle: None).images) == 1


def test_what_arrives_is_kept_when_the_rest_does_not(
    openai_provider: ImageProvider, openai_environment: OpenAIServer
) -> None:
    urls = [openai_environment.publish(b"image", Links.ABSOLUTE), f"{openai_environment.elsewhere_url}/gone.png"]
    result = openai_provider.resume(handle_of(*urls))
    assert result.images == (b"image",)
    (warning,) = result.warnings
    assert "HTTP 404" in warning


@pytest.mark.parametrize(
    "url",
    [
        *("file:///etc/hostname", "ftp://example.com/x.png", "http://example.com/x.png", "//example.com:99999/x.png"),
        *("https://", "http://[", "gopher:x", "http://\0/", "javascript:alert(1)"),
    ],
)
def test_urls_that_are_not_safe_are_not_fetched(
    openai_provider: ImageProvider, openai_environment: OpenAIServer, url: str
) -> None:
    """Only https, or plain http to this machine when the base URL is on it too."""
    openai_environment.behave(Behaviour.json_body({"data": [{"url": url}]}))
    with pytest.raises(ProviderFailed) as caught:
        openai_provider.generate(REQUEST, accepted=lambda _handle: None)
    assert caught.value.kind == "bad_answer"


def test_a_service_elsewhere_cannot_make_us_ask_this_machine(
    far_provider: ImageProvider, openai_environment: OpenAIServer
) -> None:
    """What answers here is not the service's: it could be anybody's."""
    url = openai_environment.publish(b"secret", Links.ABSOLUTE)
    for spelled in (url, url.replace("http:", "https:"), url.replace("127.0.0.1", "localhost")):
        with pytest.raises(ProviderFailed, match="is not fetched"):
            far_provider.resume(handle_of(spelled))
    assert openai_environment.requests == []


def test_an_endless_redirect_ends(openai_provider: ImageProvider, openai_environment: OpenAIServer) -> None:
    url = openai_environment.publish(b"image", Links.ABSOLUTE)
    openai_environment.behave_at_downloads(*[Behaviour.redirect(url)] * 20)
    with pytest.raises(ProviderError, match="without end"):
        openai_provider.resume(handle_of(url))


def test_a_proxy_of_the_environment_is_not_used_for_this_machine(
    openai_environment: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It could not reach the server, and would see the key."""
    with serving() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.base_url.removesuffix("/v1"))
        with closing(open_provider("openai", load())) as provider:
            provider.generate(REQUEST, accepted=pytest.fail)
        assert proxy.requests == []
