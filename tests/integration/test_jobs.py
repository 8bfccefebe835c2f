"""Jobs that a process left when it died, at a service whose jobs cannot be asked about for some reason."""

from collections.abc import Iterator

import pytest
from tests.fixtures.command_line import Promptlab
from tests.fixtures.processes import Start, wait_until
from tests.loopback import serving_service
from tests.openai_behaviour import Behaviour
from tests.vendors.bfl import VENDOR, BflService

CREATE = ("prompt", "create", "p", "--user", "a fox", "--provider", "bfl")
BUY = ("generate", "--prompt-version", "p")


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[BflService]:
    with serving_service(BflService) as found:
        for name, value in VENDOR.environment(found.base_url).items():
            monkeypatch.setenv(name, value)
        yield found


@pytest.fixture
def left_behind(promptlab: Promptlab, service: BflService, start: Start) -> BflService:
    """The service with a job that runs, whose process is dead."""
    promptlab(*CREATE, code=0)
    service.pending = 10**9
    process = start(*BUY)
    wait_until(lambda: service.asked("look"), "the first look")
    process.kill()
    return service


def test_without_a_key_it_stays_in_flight_until_there_is_one(
    promptlab: Promptlab, left_behind: BflService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the key back the next command asks for the job, and buys nothing."""
    key = VENDOR.environment("")["BFL_API_KEY"]
    monkeypatch.delenv("BFL_API_KEY")
    listed = promptlab("generation", "list", "--json")
    assert listed.json["items"][0]["state"] == "sending"
    assert "1 earlier generation cannot be asked about" in listed.err
    monkeypatch.setenv("BFL_API_KEY", key)
    left_behind.pending = 0
    [row] = promptlab("generation", "list", "--json").json["items"]
    assert (row["state"], row["cost_usd"]) == ("succeeded", VENDOR.cost_usd)
    assert len(left_behind.asked()) == 1


def test_trouble_at_the_service_leaves_it_in_flight(promptlab: Promptlab, left_behind: BflService) -> None:
    """A look that fails says nothing about the job, so the next command looks again."""
    left_behind.behave(Behaviour(status=503, body=b"busy"), at="look")
    listed = promptlab("generation", "list", "--json")
    assert listed.json["items"][0]["state"] == "sending"
    assert "cannot be asked about" in listed.err
    left_behind.pending = 0
    [row] = promptlab("generation", "list", "--json").json["items"]
    assert row["state"] == "succeeded"


def test_a_job_that_the_service_knows_no_more_is_unknown(promptlab: Promptlab, left_behind: BflService) -> None:
    gone = Behaviour.json_body({"id": "job-1", "status": "Task not found"})
    left_behind.behave(gone, at="look")
    [row] = promptlab("generation", "list", "--json").json["items"]
    assert row["state"] == "unknown"


def test_a_job_that_outlives_the_timeout_is_asked_about_again_and_not_bought_twice(
    promptlab: Promptlab, service: BflService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told so: nobody is warned of paying twice for what a retry only fetches."""
    promptlab(*CREATE)
    service.pending = 10**9
    monkeypatch.setenv("PROMPTLAB_BFL_TIMEOUT", "0.1")
    said = promptlab(*BUY, code=5).err
    assert "Not finished in time" in said
    assert "promptlab generation retry 1" in said
    assert "twice" not in said
    service.pending = 0
    [row] = promptlab("generation", "retry", 1, "--json").json["items"]
    assert (row["state"], len(service.asked())) == ("succeeded", 1)


def test_a_batch_asks_about_its_jobs_before_it_sends_them_again(
    promptlab: Promptlab, service: BflService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that still runs is left unknown, and that is said; one that has ended is fetched. Nothing is bought twice."""
    promptlab(*CREATE)
    service.pending = 10**9
    monkeypatch.setenv("PROMPTLAB_BFL_TIMEOUT", "0.1")
    promptlab("batch", "run", "--prompt-version", "p", code=5)
    resume = ("batch", "resume", 1, "--retry-unknown")
    assert "1 unknown is still being made by the provider." in promptlab(*resume, code=5).err
    service.pending = 0
    view = promptlab(*resume, "--json").json
    assert (view["state"], view["succeeded"], len(service.asked())) == ("done", 1, 1)
