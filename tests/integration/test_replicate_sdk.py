"""The test service is held against Replicate's own SDK: what that sends is taken, what it gets back it understands."""

from io import BytesIO
from typing import Any

import httpx
import pytest
from PIL import Image
from tests.pictures import picture
from tests.vendors import KEY
from tests.vendors.replicate import REFUSED, SDXL, TINY_VERSION, VENDOR, ReplicateService, ended

pytest.importorskip("replicate", reason="the SDK needs a Python before 3.14")

from replicate.client import Client
from replicate.exceptions import ModelError, ReplicateError
from replicate.version import Versions

pytestmark = pytest.mark.parametrize("vendor", [VENDOR], ids=["replicate"])


@pytest.fixture
def sdk(service: ReplicateService) -> Client:
    client = Client(api_token=KEY, base_url=service.base_url)
    client.poll_interval = 0.01
    return client


def _size(url: str) -> tuple[int, int]:
    return Image.open(BytesIO(httpx.get(url).content)).size


def test_the_sdk_runs_models(sdk: Client, service: ReplicateService) -> None:
    """An official one, and a version of another with an input image."""
    service.pending = 2
    official: Any = sdk.run("black-forest-labs/flux-2-pro", input={"prompt": "a fox", "seed": 7})
    assert _size(official) == (256, 256)
    wanted = {"prompt": "a fox", "image": BytesIO(picture().data), "num_outputs": 2, "width": 64, "height": 48}
    several: Any = sdk.run(SDXL, input=wanted)
    assert [_size(url) for url in several] == [(64, 48)] * 2


def test_the_sdk_follows_and_cancels_a_prediction(sdk: Client, service: ReplicateService) -> None:
    service.pending = 10**9
    prediction = sdk.predictions.create(model="acme/plain", input={"prompt": "a fox"})
    seen: list[str] = [prediction.status]
    for go_on in (prediction.reload, prediction.cancel, prediction.wait):
        go_on()
        seen.append(prediction.status)
    assert seen == ["starting", "processing", "canceled", "canceled"]


def test_the_sdk_finds_the_reason_of_a_failure(sdk: Client, service: ReplicateService) -> None:
    service.end_with(ended("failed", error=REFUSED))
    with pytest.raises(ModelError, match="NSFW content detected"):
        sdk.run("acme/plain", input={"prompt": "a fox"})
    with pytest.raises(ReplicateError) as wrong:
        sdk.predictions.create(model="acme/plain", input={"prompt": "a fox", "colour": "red"})
    assert (wrong.value.status, wrong.value.title) == (422, "Input validation failed")


def test_the_sdk_reads_what_a_model_says_of_itself(sdk: Client) -> None:
    tiny = Versions(client=sdk, model="acme/tiny").get(TINY_VERSION)
    assert "image" in tiny.openapi_schema["components"]["schemas"]["Input"]["properties"]
    assert sdk.accounts.current().username == "acme"


def test_the_sdk_uploads(sdk: Client, service: ReplicateService) -> None:
    uploaded = sdk.files.create(BytesIO(picture().data), filename="a.png", content_type="image/png")
    assert uploaded.urls["get"] == f"{service.base_url}/v1/files/0"
