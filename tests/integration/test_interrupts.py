"""What Ctrl-C and kill -9 leave is told and recorded as it is, and bought again only by somebody who asks for it."""

import json
import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
from tests.fixtures.command_line import Promptlab
from tests.fixtures.processes import Process, Start, wait_until
from tests.loopback import JobService, serving_service
from tests.openai_behaviour import Behaviour
from tests.openai_server import OpenAIServer
from tests.vendors import Vendor, vendors

from promptlab.adapters.ai.registry import provider_spec
from promptlab.settings.installed import provider_names

BUY = ("generate", "--prompt-version", "p")
FOR_EVER, LONG = 10**9, 30.0


@pytest.fixture
def vendor(request: pytest.FixtureRequest) -> Vendor:
    """A vendor whose jobs can be cancelled; a test may name another."""
    return vendors()[getattr(request, "param", "fal")]


@pytest.fixture
def service(vendor: Vendor, promptlab: Promptlab, monkeypatch: pytest.MonkeyPatch) -> Iterator[JobService]:
    with serving_service(vendor.service) as found:
        assert isinstance(found, JobService)
        for name, value in vendor.environment(found.base_url).items():
            monkeypatch.setenv(name, value)
        promptlab("prompt", "create", "p", "--user", "a fox", "--provider", vendor.name, "--model", vendor.model)
        yield found


@pytest.fixture
def openai(promptlab: Promptlab, openai_environment: OpenAIServer) -> OpenAIServer:
    """The server of OpenAI, as slow as can be."""
    promptlab("prompt", "create", "p", "--user", "a fox", "--provider", "openai")
    openai_environment.behave_always(Behaviour.slow(LONG))
    return openai_environment


def rows(promptlab: Promptlab) -> list[dict[str, Any]]:
    """Every generation, oldest first."""
    found: list[dict[str, Any]] = promptlab("generation", "list", "--limit", 100, "--json").json["items"]
    return found[::-1]


def go_on(err: str) -> list[str]:
    """Return the arguments of the only command in what was said that sends something."""
    [command] = re.findall(r"promptlab (generation retry .*)", err)
    return shlex.split(command)


def waiting(start: Start, service: JobService, *arguments: str, jobs: int = 1) -> Process:
    """A command that waits for that many jobs which do not end."""
    service.pending = FOR_EVER
    process = start(*BUY, *arguments)
    wait_until(lambda: len({look.path for look in service.asked("look")}) == jobs, "a look at every job")
    return process


def test_providers_say_whether_their_jobs_can_be_cancelled() -> None:
    found = vendors()
    known = {name: provider_spec(name).cancels for name in provider_names() if name in found}
    assert known == {name: found[name].cancels for name in known}
    assert sum(known.values()) == 3


def test_ctrl_c_cancels_jobs_and_leaves_them_planned(
    promptlab: Promptlab, service: JobService, start: Start, vendor: Vendor
) -> None:
    """What is done is said, nothing counts as failed, and one line goes on with those cancelled and those not begun."""
    limit = f"PROMPTLAB_{vendor.name.upper()}_CONCURRENCY"
    service.pending = FOR_EVER
    process = start(*BUY, "--draws", 5, **{limit: "2"})
    wait_until(lambda: len({look.path for look in service.asked("look")}) == 2, "a look at both jobs")
    process.interrupt()
    code, _out, err = process.wait()
    assert code == 130
    assert f"Cancelling 2 jobs at {vendor.name}; what is made already is kept. Ctrl-C again stops at once." in err
    assert "Finishing" not in err
    assert "Failed" not in err
    assert go_on(err) == ["generation", "retry", "1-5"]
    assert [row["state"] for row in rows(promptlab)] == ["planned"] * 5
    assert re.findall(r"\d+(?:\.\d+)? s\b", promptlab("generation", "list").out) == [], "no time for what is not made"
    [stats] = promptlab("stats", "--json").json["items"]
    assert (stats["planned"], stats["failed"]) == (5, 0)
    cancelled = [row for row in rows(promptlab) if row["attempts"]]
    assert [(row["not_before"], row["finished_at"], row["error"]) for row in cancelled] == [(None, None, None)] * 2
    assert [(row["attempts"][0]["outcome"], row["attempts"][0]["error_kind"]) for row in cancelled] == [
        ("failed", "cancelled")
    ] * 2
    assert len(service.asked("images")) == 2
    service.pending = 0
    promptlab(*go_on(err))
    assert [row["state"] for row in rows(promptlab)] == ["succeeded"] * 5


@pytest.mark.parametrize("vendor", ["fal"], indirect=True)
def test_a_cancelled_job_that_may_have_been_billed_still_counts_as_money(
    promptlab: Promptlab, service: JobService, start: Start
) -> None:
    """Its price is not known to be zero, so the limit holds with what it may have cost."""
    process = waiting(start, service, "--max-cost", "0.30")
    process.interrupt()
    code, _out, err = process.wait()
    assert code == 130
    [row] = rows(promptlab)
    assert (row["state"], row["cost_usd"]) == ("planned", None)
    assert row["max_cost_usd"] > 0
    service.pending = 0
    [paid] = promptlab(*go_on(err), "--json").json["items"]
    assert paid["max_cost_usd"] > row["max_cost_usd"]


def test_what_was_done_before_the_cancel_came_is_kept(promptlab: Promptlab, service: JobService, start: Start) -> None:
    done = Behaviour.json_body({"status": "ALREADY_COMPLETED"})
    service.behave(Behaviour(status=400, body=done.body), at="cancel")
    process = waiting(start, service)
    process.interrupt()
    wait_until(lambda: service.asked("cancel"), "the cancel")
    service.pending = 0
    assert process.wait()[0] == 130
    assert [(row["state"], len(row["outputs"])) for row in rows(promptlab)] == [("succeeded", 1)]


@pytest.mark.parametrize("vendor", ["fal", "replicate"], indirect=True)
def test_a_job_that_somebody_else_cancelled_has_failed(promptlab: Promptlab, service: JobService, start: Start) -> None:
    process = waiting(start, service)
    service.cancelled.append("job-1")
    code, _out, err = process.wait()
    [row] = rows(promptlab)
    assert (code, row["state"], row["error"]["kind"]) == (5, "failed", "cancelled")
    assert "Cancelling" not in err


def test_what_a_second_ctrl_c_leaves_in_flight_is_named(
    promptlab: Promptlab, openai: OpenAIServer, start: Start
) -> None:
    process = start(*BUY, "--draws", 3)
    wait_until(lambda: len(openai.asked) == 3, "the requests")
    process.interrupt()
    process.hear("Finishing what is in flight; Ctrl-C again stops at once.")
    process.interrupt()
    code, _out, err = process.wait()
    assert code == 130
    assert "settled by the next command: generation 1-3." in " ".join(err.split())
    assert [row["state"] for row in rows(promptlab)] == ["unknown"] * 3


@pytest.mark.parametrize("vendor", ["bfl"], indirect=True)
def test_ctrl_c_while_a_retry_waits_for_an_earlier_job_tells_where_it_stands(
    promptlab: Promptlab, service: JobService, start: Start
) -> None:
    waiting(start, service).kill()
    looks = len(service.asked("look"))
    process = start("generation", "retry", 1)
    wait_until(lambda: len(service.asked("look")) > looks + 1, "looks of the retry")
    process.interrupt()
    code, _out, err = process.wait()
    assert code == 130
    assert "settled by the next command: generation 1." in " ".join(err.split())
    service.pending = 0
    assert [row["state"] for row in rows(promptlab)] == ["succeeded"]
    assert len(service.asked("images")) == 1


def test_what_a_killed_command_had_not_sent_is_told_once(
    promptlab: Promptlab, openai: OpenAIServer, start: Start
) -> None:
    """By the next command, with one that goes on; nothing is sent before somebody asks for it."""
    process = start(*BUY, "--draws", 9)
    wait_until(lambda: len(openai.asked) == 4, "the requests")
    assert "planned" not in promptlab("queue").err  # the process that has them lives
    process.kill()
    said = promptlab("queue").err
    assert "5 earlier generations are still planned: their process ended before." in " ".join(said.split())
    states = {row["id"]: row["state"] for row in rows(promptlab)}
    planned = [str(id_) for id_, state in states.items() if state == "planned"]
    assert len(planned) == 5
    assert "planned" not in promptlab("queue").err
    assert len(openai.asked) == 4
    openai.behave_always()
    sent = promptlab(*go_on(said), "--json").json["items"]
    assert [(str(row["id"]), row["state"]) for row in sent] == [(id_, "succeeded") for id_ in planned]


def test_what_a_killed_command_waited_with_is_told(promptlab: Promptlab, openai: OpenAIServer, start: Start) -> None:
    """Nothing was in flight then, so no attempt shows that a process has died."""
    openai.behave_always(Behaviour.rate_limit(retry_after="60"))
    process = start(*BUY)
    wait_until(lambda: rows(promptlab) and rows(promptlab)[0]["not_before"], "the wait")
    process.kill()
    said = promptlab("queue").err
    assert "1 earlier generation is still planned: its process ended before." in " ".join(said.split())
    assert go_on(said) == ["generation", "retry", "1"]


def test_what_another_living_process_has_taken_on_is_not_told(
    promptlab: Promptlab, openai: OpenAIServer, start: Start
) -> None:
    """Of one process that was killed, only what no other is about to send."""
    first = start(*BUY, "--draws", 9, PROMPTLAB_OPENAI_CONCURRENCY="2")
    wait_until(lambda: len(openai.asked) == 2, "the requests of the first")
    planned = [row["id"] for row in rows(promptlab) if row["state"] == "planned"]
    assert len(planned) == 7
    second = start("generation", "retry", *planned[:4], PROMPTLAB_OPENAI_CONCURRENCY="2")
    wait_until(lambda: len(openai.asked) == 4, "the requests of the second")
    first.kill()
    assert go_on(promptlab("queue").err) == ["generation", "retry", f"{planned[4]}-{planned[6]}"]
    second.kill()
    told = go_on(promptlab("queue").err)
    left = [str(row["id"]) for row in rows(promptlab) if row["state"] == "planned" and row["id"] in planned[:4]]
    assert (told, len(left)) == (["generation", "retry", *left], 2)


def test_what_ended_in_order_leaves_nothing_to_tell(promptlab: Promptlab, openai: OpenAIServer, start: Start) -> None:
    """What Ctrl-C left was told by the command itself."""
    openai.behave_always(Behaviour.slow(1.0))
    process = start(*BUY, "--draws", 6, "--json")
    wait_until(lambda: openai.asked, "a request")
    process.interrupt()
    code, out, err = process.wait()
    assert (code, {row["state"] for row in json.loads(out)["items"]}) == (130, {"succeeded", "planned"})
    assert go_on(err)
    assert promptlab("generation", "list").err == ""


def test_a_retry_takes_ids_and_ranges(promptlab: Promptlab, sketch_version: int) -> None:
    promptlab("generate", "--prompt-version", sketch_version, "--var", "subject=fox", "--draws", 3)
    assert "There are images already of generation 1, 2, 3." in promptlab("generation", "retry", "1-2", "3", code=3).err
    wrong = promptlab("generation", "retry", "1-x", code=2).err
    assert "'1-x' is no id and no range of ids." in wrong
    assert "There is no generation 4." in promptlab("generation", "retry", "1-4", code=3).err
    assert [item["id"] for item in promptlab("generation", "delete", "2-3", "--yes", "--json").json["items"]] == [2, 3]
