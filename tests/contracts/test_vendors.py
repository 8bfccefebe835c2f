"""What every adapter of a vendor's service promises when the service refuses, fails, is slow or breaks off."""

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.fixtures.command_line import Promptlab
from tests.fixtures.processes import Start, wait_until
from tests.loopback import JobService, LoopbackService
from tests.openai_behaviour import Behaviour
from tests.pictures import picture
from tests.vendors import KEY, Vendor, vendors

from promptlab.adapters.ai.protocol import (
    ImageProvider,
    ImageRequest,
    ImageResult,
    OutcomeUnknown,
    ProviderError,
    ProviderFailed,
    ProviderUnavailable,
    Refused,
    StillRunning,
)
from promptlab.adapters.ai.registry import open_provider
from promptlab.services.keeping import priced
from promptlab.settings import load

FOR_EVER = 10**9
Draw = Callable[[], ImageResult]

jobs_only = pytest.mark.parametrize(
    "vendor", [vendor for vendor in vendors().values() if issubclass(vendor.service, JobService)], ids=lambda v: v.name
)
refusing = pytest.mark.parametrize(
    ("vendor", "shape"),
    [(vendor, shape) for vendor in vendors().values() for shape in vendor.refusals],
    ids=lambda value: value if isinstance(value, str) else value.name,
)


@pytest.fixture
def handles() -> list[str]:
    return []


@pytest.fixture
def asked(vendor: Vendor) -> ImageRequest:
    return ImageRequest(model=vendor.model, user_prompt="a harbour", parameters=vendor.parameters)


@pytest.fixture
def draw(provider: ImageProvider, asked: ImageRequest, handles: list[str]) -> Draw:
    return lambda: provider.generate(asked, accepted=handles.append)


def flags(parameters: Mapping[str, Any]) -> list[str]:
    return [
        f"--param={name}={value if isinstance(value, str) else json.dumps(value)}" for name, value in parameters.items()
    ]


def create(promptlab: Promptlab, vendor: Vendor) -> None:
    parameters = flags(vendor.parameters)
    model = ("--provider", vendor.name, "--model", vendor.model)
    assert promptlab("prompt", "create", "p", "--user", "a harbour", *model, *parameters).code == 0


def test_what_the_vendor_reports_as_cost_is_the_cost(vendor: Vendor, provider: ImageProvider, draw: Draw) -> None:
    """Or what its model costs an image, where it reports nothing."""
    assert priced(provider, vendor.model, draw()).cost_usd == vendor.cost_usd


@refusing
def test_a_refusal_of_every_shape_is_a_refusal(
    vendor: Vendor, shape: str, service: LoopbackService, draw: Draw
) -> None:
    """Never a success, whatever image comes with it, and with the vendor's own categories."""
    vendor.refusals[shape](service)
    with pytest.raises(Refused) as refused:
        draw()
    assert refused.value.kind == "content_policy"
    assert refused.value.message
    if vendor.categories:
        assert list(refused.value.details["categories"]) == list(vendor.categories)


@refusing
def test_a_refusal_is_kept_apart_from_failures(
    vendor: Vendor, shape: str, service: LoopbackService, promptlab: Promptlab
) -> None:
    """The command ends with the code of refusals, and no image is stored."""
    create(promptlab, vendor)
    vendor.refusals[shape](service)
    [row] = promptlab("generate", "--prompt-version", "p", "--json", code=6).json["items"]
    assert (row["state"], row["outputs"], row["error"]["kind"]) == ("refused", [], "content_policy")


def test_a_busy_vendor_is_asked_again_when_it_says(vendor: Vendor, service: LoopbackService, draw: Draw) -> None:
    if vendor.throttled is None:
        pytest.skip("this service never says that it is asked too often")
    service.behave(vendor.throttled)
    with pytest.raises(ProviderUnavailable) as busy:
        draw()
    assert busy.value.kind == "rate_limit"
    assert busy.value.retry_after == vendor.throttled_seconds


@pytest.mark.parametrize("status", [500, 503])
def test_trouble_before_anything_was_bought_may_be_sent_again(
    service: LoopbackService, draw: Draw, status: int
) -> None:
    service.behave(Behaviour(status=status, body=b"trouble"))
    with pytest.raises(ProviderUnavailable):
        draw()


@pytest.mark.parametrize("status", [502, 504, 520])
def test_a_gateway_that_lost_the_request_is_an_unknown_outcome(
    service: LoopbackService, draw: Draw, status: int
) -> None:
    service.behave(Behaviour(status=status, body=b"trouble"))
    with pytest.raises(OutcomeUnknown):
        draw()


def test_a_terminal_error_is_a_failure_with_the_vendors_words(
    vendor: Vendor, service: LoopbackService, draw: Draw
) -> None:
    service.behave(vendor.failing)
    with pytest.raises(ProviderFailed) as failed:
        draw()
    assert failed.value.message
    assert not failed.value.may_be_billed


def test_a_refused_key_is_said_to_be_that(vendor: Vendor, service: LoopbackService, draw: Draw) -> None:
    if vendor.key_refused is None:
        pytest.skip("this service knows no key")
    service.behave(vendor.key_refused)
    with pytest.raises(ProviderFailed) as failed:
        draw()
    assert failed.value.kind == "auth"


@pytest.mark.parametrize("body", [b"", b"<html>", b"null", b"[]", b"{}", b'{"a": 1}', b"\xff\xfe"])
def test_garbage_with_a_status_of_success_may_have_been_billed(
    service: LoopbackService, draw: Draw, body: bytes
) -> None:
    """A complete answer without a usable image is a failure, and its price is not known to be zero."""
    service.behave(Behaviour(body=body))
    with pytest.raises(ProviderFailed) as failed:
        draw()
    assert failed.value.may_be_billed


def test_an_answer_that_breaks_off_is_an_unknown_outcome(service: LoopbackService, draw: Draw) -> None:
    service.behave(Behaviour(missing_bytes=1))
    with pytest.raises(OutcomeUnknown):
        draw()


def test_a_connection_that_is_reset_is_an_unknown_outcome(service: LoopbackService, draw: Draw) -> None:
    service.behave(Behaviour(reset=True))
    with pytest.raises(OutcomeUnknown):
        draw()


def test_no_answer_in_time_is_an_unknown_outcome(
    vendor: Vendor, service: LoopbackService, asked: ImageRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"PROMPTLAB_{vendor.name.upper()}_TIMEOUT", "0.5")
    service.behave(Behaviour(delay=30))
    provider = open_provider(vendor.name, load())
    with pytest.raises(OutcomeUnknown):
        provider.generate(asked, accepted=lambda _handle: None)
    provider.close()


def test_nobody_there_is_told_from_an_unknown_outcome(
    vendor: Vendor, monkeypatch: pytest.MonkeyPatch, asked: ImageRequest
) -> None:
    """A connection that was never made has bought nothing."""
    for name, value in vendor.environment("http://127.0.0.1:9").items():
        monkeypatch.setenv(name, value)
    provider = open_provider(vendor.name, load())
    with pytest.raises(ProviderUnavailable):
        provider.generate(asked, accepted=lambda _handle: None)
    provider.close()


@pytest.mark.parametrize("what", ["failing", "key_refused", "throttled"])
def test_the_key_is_nowhere_but_where_it_belongs(
    vendor: Vendor, service: LoopbackService, draw: Draw, caplog: pytest.LogCaptureFixture, what: str
) -> None:
    """A service that echoes it does not bring it into an error, nor does anything write it into the log."""
    behaviour = getattr(vendor, what)
    if behaviour is None:
        pytest.skip("this service has no such error")
    service.behave(behaviour)
    with caplog.at_level(logging.DEBUG), pytest.raises(ProviderError) as error:
        draw()
    assert KEY not in f"{error.value.message} {error.value.details} {error.value.request_id} {caplog.text}"


def test_the_answer_holds_no_key(draw: Draw) -> None:
    assert KEY not in repr(draw())


def test_a_check_that_fails_says_what_is_wrong(
    vendor: Vendor, service: LoopbackService, provider: ImageProvider
) -> None:
    if vendor.key_refused is None:
        pytest.skip("this service knows no key")
    service.behave(vendor.key_refused, at="check")
    with pytest.raises(ProviderError) as error:
        provider.check()
    assert error.value.kind == "auth"
    assert KEY not in error.value.message


def test_from_the_command_line_with_and_without_an_input(
    vendor: Vendor, service: LoopbackService, promptlab: Promptlab, tmp_path: Path
) -> None:
    """Images are stored, and cost, seed and input are on the generation."""
    create(promptlab, vendor)
    [row] = promptlab("generate", "--prompt-version", "p", "--json").json["items"]
    assert (row["state"], row["cost_usd"]) == ("succeeded", vendor.cost_usd)
    assert (row["outputs"][0]["width"], row["outputs"][0]["height"]) == vendor.size
    assert row["outputs"][0]["media_type"] == vendor.media_type
    file = tmp_path / "input.png"
    file.write_bytes(picture("red").data)
    more = flags(vendor.with_inputs(1))
    [second] = promptlab("generate", "--prompt-version", "p", "--input", file, "--json", *more).json["items"]
    assert (second["state"], len(second["inputs"])) == ("succeeded", 1)
    assert second["outputs"][0]["sha256"] != row["outputs"][0]["sha256"]


@jobs_only
def test_the_handle_is_named_before_the_first_look(
    service: JobService, provider: ImageProvider, asked: ImageRequest
) -> None:
    seen: list[int] = []
    provider.generate(asked, accepted=lambda _handle: seen.append(len(service.asked("look"))))
    assert seen == [0]


@jobs_only
def test_a_job_is_asked_about_no_more_than_once_a_second(service: JobService, draw: Draw) -> None:
    service.pending = 2
    started = time.monotonic()
    draw()
    assert len(service.asked("look")) == 3
    assert time.monotonic() - started >= 2


@jobs_only
def test_trouble_while_waiting_is_waited_out(service: JobService, draw: Draw) -> None:
    service.behave(Behaviour(status=503, body=b"trouble"), Behaviour(reset=True), at="look")
    assert draw().images
    assert len(service.asked("images")) == 1


@jobs_only
def test_a_job_that_does_not_end_in_time_still_runs(
    vendor: Vendor, service: JobService, asked: ImageRequest, monkeypatch: pytest.MonkeyPatch, handles: list[str]
) -> None:
    """Its outcome is not known, and it can be asked again."""
    monkeypatch.setenv(f"PROMPTLAB_{vendor.name.upper()}_TIMEOUT", "2")
    service.pending = FOR_EVER
    provider = open_provider(vendor.name, load())
    with pytest.raises(StillRunning):
        provider.generate(asked, accepted=handles.append)
    with pytest.raises(StillRunning):
        provider.resume(handles[0], seconds=0)
    service.pending = 0
    assert provider.resume(handles[0]).images
    provider.close()


@jobs_only
def test_killed_while_waiting_and_resumed_without_a_second_purchase(
    vendor: Vendor, service: JobService, promptlab: Promptlab, start: Start
) -> None:
    """Each later command looks at the job of a dead process; a retry waits for it and stores what it finds."""
    create(promptlab, vendor)
    service.pending = FOR_EVER
    process = start("generate", "--prompt-version", "p")
    wait_until(lambda: service.asked("look"), "the first look")
    process.kill()
    listed = promptlab("generation", "list", "--json")
    assert listed.json["items"][0]["state"] == "sending"
    assert "still being made by its provider" in listed.err
    service.pending = len(service.asked("look")) + 1
    [row] = promptlab("generation", "retry", listed.json["items"][0]["id"], "--json").json["items"]
    assert (row["state"], len(row["attempts"])) == ("succeeded", 1)
    assert len(service.asked("images")) == 1


@jobs_only
def test_ctrl_c_cancels_the_job_where_the_vendor_can(
    vendor: Vendor, service: JobService, provider: ImageProvider, asked: ImageRequest
) -> None:
    """Whoever waits for the job finds that it was cancelled; where it cannot be, it goes on and is waited for."""
    service.pending = FOR_EVER
    ended: list[object] = []
    accepted: list[str] = []

    def wait() -> None:
        try:
            ended.append(provider.generate(asked, accepted=accepted.append))
        except ProviderError as error:
            ended.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    wait_until(lambda: service.asked("look"), "the first look")
    provider.cancel(accepted[0])
    if not vendor.cancels:
        service.pending = 0
    thread.join(20)
    if vendor.cancels:
        assert isinstance(ended[0], ProviderFailed)
        assert ended[0].kind == "cancelled"
    else:
        assert isinstance(ended[0], ImageResult)


@jobs_only
def test_ctrl_c_at_the_terminal_ends_a_job_that_can_be_cancelled(
    vendor: Vendor, service: JobService, promptlab: Promptlab, start: Start
) -> None:
    """Nothing more is sent; a job that cannot be cancelled is waited for, and its image is kept."""
    create(promptlab, vendor)
    service.pending = FOR_EVER
    process = start("generate", "--prompt-version", "p", "--draws", 1)
    wait_until(lambda: service.asked("look"), "the first look")
    process.interrupt()
    if not vendor.cancels:
        service.pending = 0
    code, _out, err = process.wait()
    assert code == 130
    assert "Traceback" not in err
    assert (f"Cancelling 1 job at {vendor.name}" in err) == vendor.cancels
    assert ("Finishing what is in flight" in err) == (not vendor.cancels)
    [row] = promptlab("generation", "list", "--json").json["items"]
    assert (row["state"], row["error"]) == ("planned" if vendor.cancels else "succeeded", None)
    assert [attempt["error_kind"] for attempt in row["attempts"]] == ["cancelled" if vendor.cancels else None]
    assert ("retry" in err) == vendor.cancels
    assert len(service.cancelled) == vendor.cancels
