"""The order of review of what was planned, and of what was there before there was one."""

import statistics
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import product
from typing import Any, NamedTuple

import pytest
from sqlmodel import Session, col, select
from tests.fixtures import factories
from tests.fixtures.batches import make_cases
from tests.fixtures.command_line import Promptlab
from tests.fixtures.factories import opening

from promptlab.db import migrate
from promptlab.db.models import Case, Generation, Project, PromptVersion
from promptlab.db.review_order import bases, block_of, place
from promptlab.output import Output
from promptlab.runtime import Runtime
from promptlab.services import batch_requests, batches
from promptlab.services.drafting import Terms


class Planned(NamedTuple):
    """A generation with everything that its place follows from."""

    row: Generation
    case_hash: str | None
    prompt: str
    order_seed: int

    @property
    def place(self) -> int:
        of = bases(
            self.order_seed, case_hash=self.case_hash, prompt=self.prompt, request_key=self.row.request_key
        )  # fmt: skip
        return int(place(of, self.row.draw))


@pytest.fixture
def planned_url(promptlab: Promptlab, database_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A database with two versions of a prompt over three cases, another prompt, and draws that have no case."""
    monkeypatch.setenv("PROMPTLAB_DATABASE_URL", database_url)
    prompts = {"p": ("{{ subject }}", "one {{ subject }}"), "plain": ("a fox", "one fox"), "q": ("{{ subject }}",)}
    for name, texts in prompts.items():
        for user in texts:
            promptlab("prompt", "create", name, "--user", user, "--provider", "sketch")
    cases = ("--cases", str(make_cases(3)), "--draws", 2)
    promptlab("batch", "run", *_versions("p@1", "p@2", "q"), *cases)
    promptlab("batch", "run", *_versions("plain@1", "plain@2"), "--draws", 3)
    promptlab("generate", *_versions("p@1"), "--var", "subject=thing 1", "--draws", 2)
    return database_url


def _versions(*references: str) -> tuple[str, ...]:
    return tuple(word for reference in references for word in ("--prompt-version", reference))


def all_planned(session: Session) -> Sequence[Planned]:
    statement = (
        select(Generation, Case.content_hash, PromptVersion.name, Project.order_seed)
        .join(PromptVersion, col(PromptVersion.id) == col(Generation.prompt_version_id))
        .join(Project, col(Project.id) == col(Generation.project_id))
        .join(Case, col(Case.id) == col(Generation.case_id), isouter=True)
    )
    return [Planned(*row) for row in session.exec(statement)]


def found(url: str) -> Sequence[Planned]:
    with opening(url) as database, database.reading() as session:
        return all_planned(session)


def test_planning_puts_each_generation_at_its_place(planned_url: str) -> None:
    """The database multiplies drafts by draws itself, and computes what the formula says."""
    rows = found(planned_url)
    assert len(rows) == 3 * 3 * 2 + 2 * 3 + 2
    assert [each.row.review_position for each in rows] == [each.place for each in rows]
    blocks: dict[int, set[Any]] = {}
    for each in rows:
        group = each.case_hash or (each.prompt, each.row.draw)
        blocks.setdefault(block_of(each.row.review_position), set()).add(group)
    assert sorted(map(len, blocks.values())) == [1] * 6, "three cases, and three draws without one"


def test_what_was_there_before_gets_the_same_place(planned_url: str) -> None:
    """From the seed that its project gets then."""
    before = found(planned_url)
    migrate.downgrade(planned_url, "0003")
    migrate.upgrade(planned_url)
    after = found(planned_url)
    assert len(after) == len(before)
    assert before[0].order_seed != after[0].order_seed
    assert [each.row.review_position for each in after] == [each.place for each in after]


def test_every_project_has_a_seed_of_its_own(planned_url: str) -> None:
    with opening(planned_url) as database:
        with database.transaction() as session:
            for name in ("b", "c"):
                factories.project(session, name)
        migrate.downgrade(planned_url, "0003")
        migrate.upgrade(planned_url)
        with database.transaction() as session:
            factories.project(session, "d")
            seeds = session.exec(select(Project.order_seed)).all()
    assert len(set(seeds)) == len(seeds) == 4


def test_neither_ids_nor_order_nor_places_tell_a_version_or_a_draw(
    promptlab: Promptlab, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rank correlations of a plan that are no further from zero than chance takes them once in 100,000 times."""
    monkeypatch.setenv("PROMPTLAB_DATABASE_URL", database_url)
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    promptlab("prompt", "create", "p", "--user", "a {{ subject }}", "--provider", "openai")
    promptlab("prompt", "create", "p", "--user", "one {{ subject }}", "--provider", "openai")
    runtime = Runtime({}, Output(quiet=True))
    cases = str(make_cases(60))
    request = batch_requests.Request(references=["p@1", "p@2"], cases=cases, terms=Terms(draws=3))
    batches.plan(runtime.lab, batch_requests.prepare(runtime.lab, request), batches.Limits())
    runtime.close()
    rows = [each.row for each in found(database_url)]
    assert len(rows) == 2 * 60 * 3
    shown: list[Callable[[Generation], int]] = [lambda row: row.id or 0, lambda row: row.review_position]
    hidden: list[Callable[[Generation], int]] = [
        lambda row: row.prompt_version_id,
        lambda row: row.draw,
        lambda row: row.case_id or 0,
    ]
    for seen, secret in [*product(shown, hidden), tuple(shown)]:
        # All of a case stands together, so places say as much about cases as there are cases.
        drawn = 60 if (seen, secret) == (shown[1], hidden[2]) else len(rows)
        correlation = rank_correlation([seen(row) for row in rows], [secret(row) for row in rows])
        assert abs(correlation) < 4.5 / (drawn - 1) ** 0.5
    in_order = sorted(rows, key=lambda row: row.review_position)
    first_of_block = [block[0].prompt_version_id for block in zip(*[iter(in_order)] * 6, strict=True)]
    assert abs(first_of_block.count(1) - 30) < 4.5 * 60**0.5 / 2


def rank_correlation(first: Sequence[int], second: Sequence[int]) -> float:
    """Return Spearman's: the correlation of ranks, equal values sharing theirs."""
    return statistics.correlation(_ranks(first), _ranks(second))


def _ranks(values: Sequence[int]) -> list[float]:
    in_order = sorted(values)
    middle = {value: in_order.index(value) + (count - 1) / 2 for value, count in Counter(values).items()}
    return [middle[value] for value in values]
