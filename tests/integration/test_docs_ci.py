"""The pages about continuous integration are true: their files are parsed, and their shell runs against `sketch`."""

import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from html import unescape
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs

import pytest
import yaml
from tests.documentation import Page
from tests.fixtures.command_line import Promptlab
from tests.loopback import LoopbackService, Reply, serving_service
from tests.openai_requests import Request
from tests.s3_server import S3Bucket

GITHUB, GITLAB = Page("docs/ci.md"), Page("docs/ci-gitlab.md")
FILES = {"a poster of {{ subject }}": "prompts/banner.txt", "key,subject": "cases.csv"}
PRESENT = ("junit.xml", "summary.md", "batch.json")

TOOLS = {
    "promptlab": f'exec "{sys.executable}" -m promptlab "$@"',
    "pipx": '[ "$*" = "install ./promptlab" ]',
    "pip": '[ "$*" = "install ./promptlab" ]',
    # What GitHub's own tool takes; the comment is the file that it is given.
    "gh": '[ "$*" = "pr comment 7 --edit-last --create-if-none --body-file summary.md" ] && [ "$GH_TOKEN" = gh-token ]'
    " && cp summary.md comment.md",
}

Yaml = dict[Any, Any]


class Notes(LoopbackService):
    """GitLab, as far as it takes notes on a merge request."""

    name: ClassVar[str] = "gitlab"

    def kind(self, request: Request) -> str:
        return "note"

    def answer(self, kind: str, request: Request, number: int) -> Reply:
        assert (request.method, request.path) == ("POST", "/projects/12/merge_requests/7/notes")
        assert request.headers["private-token"] == "gl-token"
        [body] = parse_qs(request.body.decode())["body"]
        return Reply(status=201, body={"id": number, "body": body})


@pytest.fixture
def gitlab() -> Iterator[Notes]:
    with serving_service(Notes) as service:
        yield service


@pytest.fixture(autouse=True)
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with the files of the page, and tools as an image of the CI server has them."""
    folder = tmp_path / "repository"
    for block in GITHUB.blocks:
        named = re.fullmatch(r"# (\S+\.sh)", block[0])
        if name := named[1] if named else FILES.get(block[0]):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text("\n".join(block) + "\n", encoding="utf-8")
    for name, script in TOOLS.items():
        tool = tmp_path / "bin" / name
        tool.parent.mkdir(exist_ok=True)
        tool.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def secrets(postgres_url: str, s3_bucket: S3Bucket) -> dict[str, str]:
    """What a repository's settings hold."""
    keys = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    return {
        "PROMPTLAB_DATABASE_URL": postgres_url,
        "OPENAI_API_KEY": "sk-of-nobody",
        **{key: s3_bucket.environment[key] for key in keys},
    }


@pytest.fixture
def elsewhere(s3_bucket: S3Bucket) -> dict[str, str]:
    """What is different here from what the pages say: the provider, and where the bucket is."""
    names = ("PROMPTLAB_STORAGE_URL", "PROMPTLAB_STORAGE_ENDPOINT_URL", "AWS_REGION")
    return {"PROMPTLAB_PROVIDER": "sketch", **{name: s3_bucket.environment[name] for name in names}}


def parsed(page: Page, name: str) -> Any:
    [block] = [block for block in page.blocks if block[0] == f"# {name}"]
    return yaml.safe_load("\n".join(block))


def filled(text: str, context: Mapping[str, str]) -> str:
    """Return a text with its `${{ … }}` replaced, each by something that there is."""
    return re.sub(r"\$\{\{ ([\w.]+) \}\}", lambda found: context[found[1]], text)


def run_steps(steps: list[Yaml], context: Mapping[str, str], environment: Mapping[str, str]) -> list[int]:
    """Do what GitHub does with the steps that run something, and return how each ended."""
    summary = Path("step-summary.md").absolute()
    codes = []
    for step in steps:
        if "run" in step:
            own = {name: filled(value, context) for name, value in step.get("env", {}).items()}
            codes.append(shell(step["run"], {**own, **environment, "GITHUB_STEP_SUMMARY": str(summary)}))
    return codes


def shell(script: str, environment: Mapping[str, str]) -> int:
    done = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", script],
        env={**os.environ, **environment}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode


def check_what_was_written(*, pictures: bool) -> dict[str, Any]:
    """Look into what a run leaves behind: two cases, two draws each; return the batch."""
    root = ET.parse("junit.xml").getroot()
    assert [root.get(name) for name in ("tests", "failures", "errors")] == ["4", "0", "0"]
    assert {case.get("name") for case in root.iter("testcase")} == {
        f"{key}, draw {draw}" for key in ("fox", "owl") for draw in (1, 2)
    }
    summary = Path("summary.md").read_text(encoding="utf-8")
    assert "4 of 4 generations succeeded" in summary.splitlines()[0]
    assert summary.count("<img ") == (4 if pictures else 0)
    assert ("X-Amz-Signature" in summary) == pictures
    batch: dict[str, Any] = json.loads(Path("batch.json").read_text(encoding="utf-8"))
    assert (batch["state"], batch["succeeded"]) == ("done", 4)
    return batch


def test_the_workflow_does_what_the_page_says(secrets: dict[str, str], elsewhere: dict[str, str]) -> None:
    """It leaves a comment with pictures, a summary and files to take; a second run buys nothing."""
    workflow = parsed(GITHUB, ".github/workflows/prompts.yml")
    [job] = workflow["jobs"].values()
    context = {"github.token": "gh-token", "github.event.number": "7"}
    context |= {f"secrets.{name}": value for name, value in secrets.items()}
    environment = job["env"] | elsewhere
    batches = []
    for _run in range(2):
        Path("step-summary.md").unlink(missing_ok=True)
        assert run_steps(job["steps"], context, environment) == [0, 0, 0]
        batches.append(check_what_was_written(pictures=True))
        texts = [Path(name).read_text(encoding="utf-8") for name in ("summary.md", "comment.md", "step-summary.md")]
        assert len(set(texts)) == 1
    assert batches[0]["id"] == batches[1]["id"]
    [upload] = [step for step in job["steps"] if "upload-artifact" in step.get("uses", "")]
    assert upload["with"]["path"].split() == list(PRESENT)


def test_the_workflow_gives_secrets_to_the_step_that_needs_them_only() -> None:
    """None is written out, none reaches a fork or an action, and the token may do no more than comment."""
    workflow = parsed(GITHUB, ".github/workflows/prompts.yml")
    assert list(workflow[True]) == ["pull_request"]  # YAML 1.1 reads `on` as true
    assert workflow["permissions"] == {"contents": "read", "pull-requests": "write"}
    [job] = workflow["jobs"].values()
    assert job["if"] == "github.event.pull_request.head.repo.full_name == github.repository"
    with_secrets = [step for step in job["steps"] if "secrets." in str(step)]
    assert [step["run"] for step in with_secrets] == ["sh promptlab-ci.sh"]
    assert all(re.fullmatch(r"\$\{\{ secrets\.\w+ \}\}", value) for value in with_secrets[0]["env"].values())
    assert all(re.fullmatch(r"[\w/-]+@v\d+", step["uses"]) for step in job["steps"] if "uses" in step)


def test_what_comes_after_a_batch_happens_also_when_it_failed() -> None:
    """What was bought is kept, and what became of it is told."""
    workflow = parsed(GITHUB, ".github/workflows/prompts.yml")
    [job] = workflow["jobs"].values()
    for steps in (job["steps"], parsed(GITHUB, "steps.yml")):
        [place] = [place for place, step in enumerate(steps) if "promptlab-ci.sh" in step.get("run", "")]
        assert all(step["if"].startswith("always()") for step in steps[place + 1 :])


def test_a_home_that_is_kept_is_enough(promptlab: Promptlab, repository: Path) -> None:
    """The steps without a database server: what is restored is what was saved, and nothing is bought twice."""
    steps = parsed(GITHUB, "steps.yml")
    for _run in range(2):
        assert run_steps(steps, {"secrets.OPENAI_API_KEY": "none"}, {"PROMPTLAB_PROVIDER": "sketch"}) == [0]
        check_what_was_written(pictures=False)
    caches = [step["with"]["path"] for step in steps if "cache" in step.get("uses", "")]
    assert caches == [".promptlab", ".promptlab"]
    assert len(list(repository.glob(".promptlab/images/**/*.png"))) == 4
    assert ".promptlab/images/" in unescape(Path("summary.md").read_text(encoding="utf-8"))


def test_the_gitlab_job_does_what_the_page_says(
    gitlab: Notes, secrets: dict[str, str], elsewhere: dict[str, str]
) -> None:
    job = parsed(GITLAB, ".gitlab-ci.yml")["batch"]
    environment = job["variables"] | secrets | elsewhere
    assert shell("\n".join(job["script"]), environment) == 0
    check_what_was_written(pictures=True)
    of_the_server = {"CI_API_V4_URL": gitlab.base_url, "CI_PROJECT_ID": "12", "CI_MERGE_REQUEST_IID": "7"}
    of_the_server["COMMENT_TOKEN"] = "gl-token"
    assert shell("\n".join(job["after_script"]), environment | of_the_server) == 0
    note = json.loads(Path("note.json").read_text(encoding="utf-8"))
    assert note["body"] == Path("summary.md").read_text(encoding="utf-8")
    assert job["allow_failure"]["exit_codes"] == [6, 7]
    assert job["artifacts"] == {
        "when": "always", "reports": {"junit": "junit.xml"}, "paths": list(PRESENT), "expire_in": "1 week"
    }  # fmt: skip
    for name in secrets.keys() | {"COMMENT_TOKEN"}:
        assert name not in job["variables"]
        assert f"`{name}`" in GITLAB.text


def test_the_gitlab_job_keeps_its_home(repository: Path) -> None:
    """The second block is laid over the first: without the two URLs, with a home that is cached."""
    job, kept = (parsed(GITLAB, name)["batch"] for name in (".gitlab-ci.yml", "keep.gitlab-ci.yml"))
    variables = job["variables"] | kept["variables"] | {"PROMPTLAB_PROVIDER": "sketch"}
    del variables["PROMPTLAB_STORAGE_URL"]
    variables["PROMPTLAB_HOME"] = variables["PROMPTLAB_HOME"].replace("$CI_PROJECT_DIR", str(repository))
    assert shell("\n".join(job["script"]), variables) == 0
    check_what_was_written(pictures=False)
    assert kept["cache"] == {"key": "promptlab", "paths": [".promptlab"], "when": "always"}


@pytest.mark.parametrize(("code", "ends"), [(0, 0), (5, 5), (6, 0), (7, 7)])
def test_refusals_can_be_let_pass(code: int, ends: int) -> None:
    """As the page says, and nothing else passes."""
    [tail] = [span for span in GITHUB.spans if span.startswith("||")]
    assert shell(f"sh -c 'exit {code}' {tail}", {}) == ends
