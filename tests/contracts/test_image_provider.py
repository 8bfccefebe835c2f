"""What every image provider promises: see `promptlab.adapters.ai.protocol`."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from tests.loopback import JobService, serving_service
from tests.openai_behaviour import Behaviour
from tests.openai_server import OpenAIServer
from tests.pictures import hole, picture
from tests.vendors import Vendor, vendors

from promptlab.adapters.ai.protocol import (
    ImageProvider,
    ImageRequest,
    InputImage,
    OutcomeUnknown,
    ProviderFailed,
)
from promptlab.adapters.ai.registry import open_provider
from promptlab.services.images import inspect_image
from promptlab.settings import load

THREADS = 16


@dataclass
class Shop:
    """A provider, a request that it serves, and the handles that it has named so far."""

    provider: ImageProvider
    request: ImageRequest
    handles: list[str] = field(default_factory=list)
    name_urls: Callable[[], None] | None = None
    """Makes the next answer name what can be fetched later, where the provider ever does so."""
    impossible: Mapping[str, Any] = field(default_factory=lambda: {"size": "13x13"})
    reported: Mapping[str, Any] = field(default_factory=lambda: {"size": "128x96", "output_format": "png"})
    any_model: bool = False
    """Whether it takes every model for one that it knows."""
    always_named: bool = False
    """Whether every answer names something that can be asked for again."""
    size: tuple[int, int] = (128, 96)
    """Of the images that the request asks for."""
    inputs_need: Callable[[int], Mapping[str, Any]] = lambda _count: {}
    """Other parameters of a request with so many input images."""

    def with_inputs(self, *inputs: InputImage) -> ImageRequest:
        parameters = {**self.request.parameters, **self.inputs_need(len(inputs))}
        known = self.provider.capabilities(self.request.model)
        sendable = known.sendable(parameters, inputs=len(inputs))
        return replace(self.request, inputs=inputs, parameters=sendable)

    def draw(self, request: ImageRequest | None = None) -> tuple[bytes, ...]:
        return self.provider.generate(request or self.request, accepted=self.handles.append).images

    def limit_of(self, name: str, wanted: int) -> int:
        """Return how many the model takes of what it has a limit for, no more than wanted."""
        limit: int | None = getattr(self.provider.capabilities(self.request.model), name)
        return wanted if limit is None else min(limit, wanted)


@pytest.fixture(params=["sketch", "openai", "azure", *vendors()])
def shop(request: pytest.FixtureRequest) -> Shop:
    if request.param in vendors():
        return _vendor_shop(vendors()[request.param], request)
    found: Shop = request.getfixturevalue(f"{request.param}_shop")
    return found


def _vendor_shop(vendor: Vendor, request: pytest.FixtureRequest) -> Shop:
    service = request.getfixturevalue("exit_stack").enter_context(serving_service(vendor.service))
    for name, value in vendor.environment(service.base_url).items():
        request.getfixturevalue("monkeypatch").setenv(name, value)
    provider = request.getfixturevalue("exit_stack").enter_context(closing(open_provider(vendor.name, load())))
    asked = ImageRequest(model=vendor.model, user_prompt="a harbour", parameters=vendor.parameters)
    named = issubclass(vendor.service, JobService)
    return Shop(
        provider,
        asked,
        name_urls=(lambda: None) if named else None,
        impossible=vendor.impossible,
        reported=vendor.reported,
        any_model=vendor.any_model,
        always_named=named,
        size=vendor.size,
        inputs_need=vendor.with_inputs,
    )


@pytest.fixture
def exit_stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def sketch_shop() -> Shop:
    request = ImageRequest(model="sketch-1", user_prompt="a harbour", parameters={"size": "128x96"})
    return Shop(open_provider("sketch", load()), request)


@pytest.fixture
def openai_shop(openai_provider: ImageProvider, openai_environment: OpenAIServer) -> Shop:
    request = ImageRequest(model="gpt-image-2", user_prompt="a harbour", parameters={"size": "128x96"})
    return Shop(
        openai_provider, request, name_urls=lambda: openai_environment.behave(Behaviour.linked(), Behaviour.linked())
    )


@pytest.fixture
def known_deployment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A deployment of Azure that the user's own models file knows."""
    file = tmp_path / "models.toml"
    file.write_text('[azure.models.pictures]\nlike = "openai/gpt-image-2"\n')
    monkeypatch.setenv("PROMPTLAB_MODELS_FILE", str(file))
    return "pictures"


@pytest.fixture
def azure_shop(known_deployment: str, azure_provider: ImageProvider, azure_environment: OpenAIServer) -> Shop:
    request = ImageRequest(model=known_deployment, user_prompt="a harbour", parameters={"size": "128x96"})
    return Shop(
        azure_provider, request, name_urls=lambda: azure_environment.behave(Behaviour.linked(), Behaviour.linked())
    )


def test_it_has_the_name_by_which_it_is_opened(shop: Shop) -> None:
    assert open_provider(shop.provider.name, load(), for_sending=False).name == shop.provider.name


def test_a_real_image_of_the_size_asked_for_comes_back(shop: Shop) -> None:
    (image,) = shop.draw()
    info = inspect_image(image)
    assert (info.media_type, (info.width, info.height)) == ("image/png", shop.size)


def test_the_answer_reports_what_was_done(shop: Shop) -> None:
    """What came out, and nothing to be warned of."""
    result = shop.provider.generate(shop.request, accepted=shop.handles.append)
    assert shop.reported.items() <= result.effective_parameters.items()
    assert result.cost_usd is None or result.cost_usd >= 0
    assert result.warnings == ()


@pytest.mark.parametrize("count", [1, 3])
def test_as_many_images_come_back_as_were_asked_for(shop: Shop, count: int) -> None:
    """And no two of them are the same."""
    count = shop.limit_of("max_count", count)
    images = shop.draw(replace(shop.request, count=count))
    assert len(set(images)) == count


def test_draws_without_a_seed_differ(shop: Shop) -> None:
    assert shop.draw() != shop.draw()


def test_another_prompt_makes_another_image(shop: Shop) -> None:
    other = replace(shop.request, user_prompt="a desert at noon")
    assert shop.draw(replace(shop.request, seed=7)) != shop.draw(replace(other, seed=7))


def test_a_system_prompt_changes_the_image(shop: Shop) -> None:
    """Whether the provider has a field for it or not, it takes part."""
    seeded = replace(shop.request, seed=7)
    assert shop.draw(replace(seeded, system_prompt="Only woodcuts.")) != shop.draw(seeded)


def test_a_seed_repeats_where_the_model_takes_one(shop: Shop) -> None:
    """The same request with the same seed is the same bytes; with another seed it is not."""
    if not shop.provider.capabilities(shop.request.model).seed:
        pytest.skip("this model takes no seed")
    seeded = replace(shop.request, seed=7, count=shop.limit_of("max_count", 2))
    assert shop.draw(seeded) == shop.draw(seeded)
    assert shop.draw(seeded) != shop.draw(replace(seeded, seed=8))


@pytest.mark.parametrize("count", [1, 2, 4])
def test_input_images_go_in(shop: Shop, count: int) -> None:
    count = shop.limit_of("max_inputs", count)
    inputs = [picture(colour) for colour in ("red", "green", "blue", "white")[:count]]
    (image,) = shop.draw(shop.with_inputs(*inputs))
    assert inspect_image(image).width == shop.size[0]


def test_a_mask_goes_in(shop: Shop) -> None:
    if not shop.provider.capabilities(shop.request.model).mask:
        pytest.skip("this model takes no mask")
    (image,) = shop.draw(replace(shop.with_inputs(picture()), mask=hole()))
    assert inspect_image(image).width == shop.size[0]


def test_an_input_that_is_no_image_is_a_failure(shop: Shop) -> None:
    broken = InputImage(data=b"no image", media_type="image/png")
    with pytest.raises(ProviderFailed):
        shop.draw(shop.with_inputs(broken))


def test_parameters_that_cannot_be_are_a_failure(shop: Shop) -> None:
    with pytest.raises(ProviderFailed):
        shop.draw(replace(shop.request, parameters={**shop.request.parameters, **shop.impossible}))


def test_a_model_it_knows_has_limits_and_a_price(shop: Shop) -> None:
    known = shop.provider.capabilities(shop.request.model)
    assert known.known
    assert known.parameters is not None
    assert known.max_count is not None
    assert known.upper_price(count=1, inputs=1, prompt_bytes=10) is not None


def test_a_model_it_does_not_know_is_passed_on_as_it_is(shop: Shop) -> None:
    """Nothing is known of it, so anything may be asked of it, at an unknown price."""
    unknown = shop.provider.capabilities("a-model-of-next-year")
    if shop.any_model:
        known = shop.provider.capabilities(shop.request.model)
        assert replace(unknown, called=None) == replace(known, called=None)
        return
    assert not unknown.known
    assert unknown.parameters is None
    assert unknown.upper_price(count=1, inputs=0, prompt_bytes=10) is None


def test_the_bound_of_the_price_holds(shop: Shop) -> None:
    """What an answer costs is no more than what was set aside for it."""
    count = shop.limit_of("max_count", 2)
    asked = replace(shop.with_inputs(picture()), count=count)
    result = shop.provider.generate(asked, accepted=shop.handles.append)
    bound = shop.provider.capabilities(asked.model).upper_price(
        count=count, inputs=1, prompt_bytes=len(asked.combined_prompt)
    )
    assert bound is not None
    assert (result.cost_usd or 0) <= bound


def test_threads_share_it(shop: Shop) -> None:
    """Sixteen at once each get their own image."""
    requests = [replace(shop.request, user_prompt=f"harbour {number}") for number in range(THREADS * 2)]
    with ThreadPoolExecutor(THREADS) as pool:
        images = list(pool.map(shop.draw, requests))
    assert len(set(images)) == len(requests)


def test_what_it_named_can_be_fetched_again(shop: Shop) -> None:
    """A handle, where one is named, brings the same images, cost and parameters as the answer itself."""
    if shop.name_urls is None:
        pytest.skip("this provider answers at once and names nothing")
    shop.name_urls()
    count = shop.limit_of("max_count", 2)
    first = shop.provider.generate(replace(shop.request, count=count), accepted=shop.handles.append)
    assert len(shop.handles) == 1
    assert shop.provider.resume(shop.handles[0]) == first


def test_nothing_is_named_where_the_images_are_in_the_answer(shop: Shop) -> None:
    if shop.always_named:
        pytest.skip("this provider names a job")
    shop.draw()
    assert shop.handles == []


@pytest.mark.parametrize("handle", ["", "job-1", "[]", "{}", "null", '{"urls": 3}', '{"urls": [], "about": {}}'])
def test_a_handle_that_it_never_named_is_an_unknown_outcome(shop: Shop, handle: str) -> None:
    with pytest.raises(OutcomeUnknown):
        shop.provider.resume(handle)


def test_a_check_says_what_it_proved(shop: Shop) -> None:
    """In a sentence, and without making anything that could be fetched or paid for."""
    sentence = shop.provider.check()
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert shop.handles == []


def test_closing_twice_is_fine(shop: Shop) -> None:
    shop.draw()
    shop.provider.close()
    shop.provider.close()
