"""The page about troubleshooting is true: each sentence that it quotes is brought about, and each exit code exists."""

import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url
from tests.documentation import Page
from tests.fixtures.command_line import Promptlab, Ran
from tests.fixtures.processes import wait_until
from tests.loopback import serving_service
from tests.openai_behaviour import Behaviour
from tests.openai_server import OpenAIServer
from tests.vendors.bfl import VENDOR as BFL
from tests.vendors.bfl import BflService

from promptlab import errors
from promptlab.commands import gate, outcome
from promptlab.errors import PromptlabError

PAGE = Page("docs/troubleshooting.md")
_BANNER = ("prompt", "create", "banner", "--user", "a poster of {{ subject }}", "--provider", "openai")
_BUY = ("generate", "--prompt-version", "banner", "--var", "subject=fox")

Arrange = Callable[["Workbench"], object]


@dataclass(frozen=True)
class Workbench:
    """What a mishap is arranged with."""

    promptlab: Promptlab
    patch: pytest.MonkeyPatch
    server: OpenAIServer
    fixture: Callable[[str], Any]

    def set(self, **environment: str) -> None:
        for name, value in environment.items():
            self.patch.setenv(name, value)

    @property
    def home(self) -> Path:
        return Path("promptlab").absolute()


@dataclass(frozen=True, kw_only=True)
class Mishap:
    """How a sentence comes about: the command that says it, its exit code, and what is arranged before."""

    command: tuple[str, ...] = _BUY
    code: int
    arrange: Arrange = lambda _: None
    env: Mapping[str, str] = field(default_factory=dict)


def _answering(behaviour: Behaviour, code: int = 5) -> Mishap:
    return Mishap(code=code, arrange=lambda bench: bench.server.behave_always(behaviour))


def _file(name: str, text: str) -> Arrange:
    return lambda _: Path(name).write_text(text, encoding="utf-8")


def _sql(statement: str) -> Arrange:
    def change(bench: Workbench) -> None:
        with closing(sqlite3.connect(bench.home / "promptlab.db")) as connection:
            connection.execute(statement)
            connection.commit()

    return change


def _postgres(*, password: str | None = None) -> Arrange:
    def point(bench: Workbench) -> None:
        url = make_url(bench.fixture("empty_postgres_url"))
        changed = url if password is None else url.set(username="nobody_here", password=password)
        bench.set(PROMPTLAB_DATABASE_URL=changed.render_as_string(hide_password=False))

    return point


def _lock(bench: Workbench) -> None:
    bench.set(PROMPTLAB_DATABASE_URL=f"sqlite:///{bench.home / 'promptlab.db'}?timeout=0")
    bench.fixture("writer").execute("BEGIN IMMEDIATE")


def _bought(bench: Workbench) -> None:
    bench.promptlab(*_BUY)


def _failed(bench: Workbench) -> None:
    bench.server.behave(Behaviour.failing(400))
    bench.promptlab(*_BUY, code=5)


def _ratings_of_nothing(bench: Workbench) -> None:
    _file("ratings.csv", "generation,score\n99,4\n")(bench)


def _bought_elsewhere(bench: Workbench) -> None:
    _bought(bench)
    bench.set(PROMPTLAB_STORAGE_URL=Path("elsewhere").absolute().as_uri())


def _job_without_end(bench: Workbench) -> None:
    service = bench.fixture("bfl")
    service.pending = 10**9
    bench.set(**BFL.environment(service.base_url))
    bench.promptlab("prompt", "create", "slow", "--user", "a fox", "--provider", "bfl")


def _no_spool(bench: Workbench) -> None:
    (bench.home / "spool").write_text("no folder", encoding="utf-8")


def _no_keys(bench: Workbench) -> None:
    bench.fixture("s3_environment")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        bench.patch.delenv(name)


def _killed(bench: Workbench) -> None:
    bench.server.behave_always(Behaviour(delay=30))
    process = bench.fixture("start")(*_BUY, "--draws", 2, PROMPTLAB_OPENAI_CONCURRENCY="1")
    wait_until(lambda: bench.server.asked, "the request")
    process.kill()


_LIST = ("prompt", "list")
_CHECK = ("provider", "check", "openai")

MISHAPS: dict[str, Mishap] = {
    "OPENAI_API_KEY is not set, and openai needs a key.": Mishap(code=4, env={"OPENAI_API_KEY": ""}),
    "The base URL of openai is no plain http or https URL.": Mishap(
        command=_CHECK, code=4, env={"OPENAI_BASE_URL": "server.lan:8080/v1"}
    ),
    "The key of openai would travel to … unencrypted, over plain http.": Mishap(
        command=_CHECK, code=4, env={"OPENAI_BASE_URL": "http://server.lan:8080/v1"}
    ),
    "Which provider? Name one with --provider.": Mishap(
        command=("prompt", "create", "card", "--user", "a card"), code=2
    ),
    "… is no setting.": Mishap(command=_LIST, code=4, arrange=_file("promptlab.toml", 'colour = "blue"\n')),
    "… is '…', expected ….": Mishap(command=_LIST, code=4, env={"PROMPTLAB_RATINGS_PER_GENERATION": "many"}),
    "… is not valid TOML: line … has text without quotes, and text needs quotes.": Mishap(
        command=_LIST, code=4, arrange=_file("promptlab.toml", "project = spring\n")
    ),
    "… holds a key or password in '…'; a file of settings is no place for one.": Mishap(
        command=_LIST, code=4, arrange=_file("promptlab.toml", 'openai_api_key = "sk"\n')
    ),
    "--database-url holds a password, and the process list shows it to everybody on this machine.": Mishap(
        command=("--database-url", "postgresql://me:secret@db.example.com/lab", *_LIST), code=2
    ),
    "connection: openai cannot be reached at …: …": Mishap(code=5, env={"OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}),
    "auth: …": _answering(Behaviour.unauthorized()),
    "not_found: … The base URL probably lacks /v1 at its end.": Mishap(
        code=5, arrange=lambda bench: bench.set(OPENAI_BASE_URL=bench.server.base_url.removesuffix("/v1"))
    ),
    "bad_answer: …": _answering(Behaviour.no_json()),
    "not_found: …": _answering(Behaviour.model_not_found()),
    "rate_limit: … (given up after …)": _answering(Behaviour.rate_limit()),
    "quota: …": _answering(Behaviour.quota()),
    "content_policy: …": _answering(Behaviour.refusal(), code=6),
    "timeout: openai did not finish its answer in time.": Mishap(
        code=5,
        arrange=lambda bench: bench.server.behave_always(Behaviour(delay=30)),
        env={"PROMPTLAB_OPENAI_TIMEOUT": "0.3"},
    ),
    "connection_lost: The connection to openai was lost before an answer came.": _answering(Behaviour(reset=True)),
    "still_running: … still works on the job.": Mishap(
        command=("generate", "--prompt-version", "slow"),
        code=5,
        env={"PROMPTLAB_BFL_TIMEOUT": "0.1"},
        arrange=_job_without_end,
    ),
    "… unknown: its process ended before an answer came, and it may have been billed.": Mishap(
        command=("generation", "list"), code=0, arrange=_killed
    ),
    "… still planned: its process ended before. Go on with: …": Mishap(
        command=("generation", "list"), code=0, arrange=_killed
    ),
    "The user prompt needs a value for ….": Mishap(command=("generate", "--prompt-version", "banner"), code=2),
    "The prompt has no variable '…'.": Mishap(command=(*_BUY, "--var", "colour=red"), code=2),
    "… has the same content.": Mishap(command=_BANNER, code=3),
    "There is no prompt version '…'.": Mishap(command=("generate", "--prompt-version", "poster"), code=3),
    "There is no project '…'.": Mishap(command=("--project", "spring", *_LIST), code=3),
    "… has no parameter '…'.": Mishap(command=(*_BUY, "--param", "strength=1"), code=2),
    "… makes at most … images per request, not ….": Mishap(command=(*_BUY, "--count", "20"), code=2),
    "One generation may cost up to $…, more than --max-cost … allows.": Mishap(
        command=(*_BUY, "--max-cost", "0.01"), code=7
    ),
    "The cost limit of batch … leaves no room for another image of up to …": Mishap(
        command=(*_BUY, "--max-cost", "0.81", "--draws", "2"), code=7
    ),
    "The price of … is not known, so --max-cost cannot hold.": Mishap(
        command=("generate", "--prompt-version", "local", "--max-cost", "1"),
        code=2,
        arrange=lambda bench: bench.promptlab(
            *("prompt", "create", "local", "--user", "a card", "--provider", "openai", "--model", "flux.1-dev")
        ),
    ),
    "The database … is at revision …, this promptlab needs ….": Mishap(command=_LIST, code=4, arrange=_postgres()),
    "The database … is at revision …, this promptlab knows ….": Mishap(
        command=_LIST, code=4, arrange=_sql("UPDATE alembic_version SET version_num = '9999'")
    ),
    "The database … cannot be reached: …": Mishap(
        command=_LIST, code=4, env={"PROMPTLAB_DATABASE_URL": "postgresql://me@127.0.0.1:9/lab"}
    ),
    "The database … refuses user or password.": Mishap(command=_LIST, code=4, arrange=_postgres(password="wrong")),
    "The database … is locked by another program.": Mishap(
        command=("prompt", "create", "card", "--user", "a card", "--provider", "sketch"), code=4, arrange=_lock
    ),
    "The bucket '…' does not exist.": Mishap(
        code=4,
        arrange=lambda bench: bench.set(
            **bench.fixture("s3_bucket").environment | {"PROMPTLAB_STORAGE_URL": "s3://nobody-has-made-this"}
        ),
    ),
    "The bucket '…' cannot be asked without credentials: …": Mishap(code=4, arrange=_no_keys),
    "'…' is not in the storage ….": Mishap(command=("storage", "url", "1"), code=2, arrange=_bought_elsewhere),
    "The spool folder … cannot be written: …": Mishap(code=4, arrange=_no_spool),
    "Generation … is … and has no images to rate.": Mishap(
        command=("rate", "1", "--score", "4"), code=3, arrange=_failed
    ),
    "Row …: There is no generation ….": Mishap(
        command=("rate", "--from", "ratings.csv"), code=3, arrange=_ratings_of_nothing
    ),
    "… Nobody can be asked here.": Mishap(command=("generation", "delete", "1"), code=2, arrange=_bought),
    "No viewer was found. The address is …": Mishap(
        command=("generation", "open", "1"), code=4, arrange=_bought, env={"PATH": "/nonexistent"}
    ),
}


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """Another program that has the database open."""
    with closing(sqlite3.connect(tmp_path / "promptlab" / "promptlab.db", isolation_level=None)) as connection:
        yield connection


@pytest.fixture
def bfl() -> Iterator[BflService]:
    with serving_service(BflService) as found:
        yield found


@pytest.fixture
def workbench(
    promptlab: Promptlab,
    monkeypatch: pytest.MonkeyPatch,
    openai_environment: OpenAIServer,
    request: pytest.FixtureRequest,
) -> Workbench:
    """A bench with one version for `openai`, which gives up after one attempt."""
    monkeypatch.setenv("PROMPTLAB_OPENAI_ATTEMPTS", "1")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    promptlab(*_BANNER)
    return Workbench(promptlab, monkeypatch, openai_environment, request.getfixturevalue)


def quoted() -> Iterator[str]:
    """Yield every sentence that the page quotes."""
    *said, _codes = PAGE.tables()
    return (row[0].strip("`") for table in said for row in table)


def codes() -> set[int]:
    """Return the exit codes that the page lists."""
    *_said, listed = PAGE.tables()
    return {int(code) for row in listed for code in row[0].split(",")}


def says(ran: Ran, sentence: str) -> bool:
    """Say whether the command said the sentence, with anything where `…` stands."""
    pattern = ".+".join(re.escape(part) for part in sentence.split("…"))
    lines = (ran.out + ran.err).splitlines()
    return any(re.search(pattern, line) for line in lines)


def test_the_table_of_mishaps_is_that_of_the_page() -> None:
    assert sorted(quoted()) == sorted(MISHAPS)


@pytest.mark.parametrize("sentence", MISHAPS)
def test_every_sentence_is_said(sentence: str, workbench: Workbench) -> None:
    mishap = MISHAPS[sentence]
    mishap.arrange(workbench)
    workbench.set(**mishap.env)
    ran = workbench.promptlab(*mishap.command, code=mishap.code)
    assert says(ran, sentence), ran.out + ran.err


def test_every_exit_code_is_listed() -> None:
    ours = {
        each.exit_code for each in vars(errors).values() if isinstance(each, type) and issubclass(each, PromptlabError)
    }
    assert codes() == ours | {*gate.EXIT_CODES.values(), outcome.BROKEN, outcome.REFUSED, outcome.INTERRUPTED}
