"""`batch run --junit FILE --summary FILE`: what a batch leaves for a CI server, however it ends."""

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from tests.fixtures.command_line import Promptlab, Ran
from tests.fixtures.processes import Start, wait_until
from tests.openai_behaviour import Behaviour
from tests.openai_server import OpenAIServer

RUN = ("batch", "run", "--prompt-version", "banner", "--cases", "cases.csv")
FILES = ("--junit", "reports/junit.xml", "--summary", "reports/summary.md")
CASES = ("fox", "owl", "cow")


@pytest.fixture(autouse=True)
def openai(promptlab: Promptlab, openai_environment: OpenAIServer, monkeypatch: pytest.MonkeyPatch) -> OpenAIServer:
    """A server that is asked for one image at a time, with a version and three cases."""
    monkeypatch.setenv("PROMPTLAB_OPENAI_CONCURRENCY", "1")
    promptlab("prompt", "create", "banner", "--user", "a poster of {{ subject }}", "--provider", "openai")
    Path("cases.csv").write_text("".join(["key,subject\n", *(f"{key},a {key}\n" for key in CASES)]), encoding="utf-8")
    return openai_environment


def outcomes() -> dict[str, int]:
    """Return how many test cases the JUnit file has in all, and of each kind that is no success."""
    suite = ET.parse("reports/junit.xml").getroot()[0]
    return {name: int(suite.get(name, "")) for name in ("tests", "failures", "errors", "skipped")}


def first_line() -> str:
    return Path("reports/summary.md").read_text(encoding="utf-8").splitlines()[0]


def test_refused_and_failed_are_told_apart(promptlab: Promptlab, openai: OpenAIServer) -> None:
    openai.behave(Behaviour.refusal(), Behaviour.failing(400))
    view = promptlab(*RUN, *FILES, "--json", code=5).json
    assert (view["refused"], view["failed"], view["succeeded"]) == (1, 1, 1)
    assert outcomes() == {"tests": 3, "failures": 1, "errors": 1, "skipped": 0}
    assert first_line() == f"### ❌ promptlab batch {view['id']}: 1 of 3 generations succeeded"


def test_a_run_that_a_limit_stops_leaves_its_files(promptlab: Promptlab) -> None:
    """What is not made is skipped; the next run, which buys the rest, writes them anew."""
    promptlab(*RUN, *FILES, "--max-images", 1, code=7)
    assert outcomes() == {"tests": 3, "failures": 0, "errors": 0, "skipped": 2}
    assert first_line().startswith("### ⏸️ ")
    promptlab(*RUN, *FILES)
    assert outcomes() == {"tests": 3, "failures": 0, "errors": 0, "skipped": 0}
    assert first_line().startswith("### ✅ ")


def test_a_run_that_is_interrupted_leaves_its_files(start: Start, openai: OpenAIServer) -> None:
    openai.behave_always(Behaviour.slow(1))
    process = start(*RUN, *FILES)
    wait_until(lambda: openai.asked, "a request")
    process.interrupt()
    assert process.wait()[0] == 130
    assert outcomes() == {"tests": 3, "failures": 0, "errors": 0, "skipped": 2}
    assert "1 of 3 generations succeeded" in first_line()


def test_a_batch_that_is_resumed_leaves_them_as_well(promptlab: Promptlab) -> None:
    promptlab(*RUN, "--max-images", 1, code=7)
    promptlab("batch", "resume", 1, "--max-images", 3, *FILES)
    assert outcomes()["skipped"] == 0


@pytest.mark.parametrize("flag", ["--junit", "--summary"])
def test_a_file_that_cannot_be_written_is_said_before_anything_is_planned(
    promptlab: Promptlab, openai: OpenAIServer, flag: str
) -> None:
    ran: Ran = promptlab(*RUN, flag, "cases.csv/report", "--json", code=2)
    assert ran.error["message"] == "'cases.csv/report' cannot be written: Not a directory."
    assert ran.error["hint"] == f"Nothing was bought. Choose another {flag}."
    assert openai.asked == []
    assert promptlab("batch", "list", "--json").json["items"] == []


def test_a_batch_that_is_left_to_workers_has_no_files_yet(promptlab: Promptlab) -> None:
    """That is said before anything is planned; a batch that is done gets its files by `resume`, which buys nothing."""
    ran: Ran = promptlab(*RUN, *FILES, "--detach", "--json", code=2)
    assert ran.error["message"].startswith("With --detach there is nothing to write yet")
    assert promptlab("batch", "list", "--json").json["items"] == []
    promptlab(*RUN)
    promptlab("batch", "resume", 1, *FILES)
    assert outcomes() == {"tests": 3, "failures": 0, "errors": 0, "skipped": 0}


def test_a_dry_run_writes_nothing(promptlab: Promptlab) -> None:
    promptlab(*RUN, *FILES, "--dry-run")
    assert not Path("reports").exists()


def test_a_file_that_cannot_be_written_any_more_hides_nothing(
    promptlab: Promptlab, start: Start, openai: OpenAIServer
) -> None:
    """A folder that goes away while images are made: the batch is shown and recorded, and the exit code is 4."""
    openai.behave_always(Behaviour.slow(1))
    process = start(*RUN, "--junit", "reports/junit.xml", "--json")
    wait_until(lambda: openai.asked, "a request")
    Path("reports").rmdir()
    code, out, err = process.wait()
    assert (code, '"state": "done"' in out) == (4, True)
    assert "'reports/junit.xml' cannot be written: No such file or directory." in err
    assert promptlab("batch", "show", 1, "--json").json["succeeded"] == 3


def test_a_run_that_cannot_start_leaves_no_files_of_an_earlier_one(promptlab: Promptlab) -> None:
    """A CI server would show them as the outcome of this run."""
    promptlab(*RUN, *FILES)
    promptlab("batch", "run", "--prompt-version", "nobody", *FILES, code=3)
    assert list(Path("reports").iterdir()) == []


@pytest.mark.parametrize(
    "files", [("--junit", ""), ("--summary", "-"), ("--junit", "x.xml", "--summary", "./x.xml")], ids=" ".join
)
def test_files_that_are_none_or_the_same_are_said(promptlab: Promptlab, openai: OpenAIServer, files: list[str]) -> None:
    message = promptlab(*RUN, *files, "--json", code=2).error["message"]
    assert "needs the name of a file" in message or "the same file" in message
    assert not openai.asked
