"""The order of review of what was planned, and of what was there before there was one."""

from collections.abc import Sequence
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
