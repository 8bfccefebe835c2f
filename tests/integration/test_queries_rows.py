"""Rows as both databases keep them: they come back as they went in, and bad ones are refused."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select
from tests.fixtures import factories
from tests.fixtures.factories import DEFAULT_PROJECT

from promptlab.db import attempts, batches, generations, projects, prompts, ratings
from promptlab.db.columns import MAX_ID, Table, now
from promptlab.db.engine import Database
from promptlab.db.models import (
    Attempt,
    BatchItem,
    Case,
    Generation,
    GenerationImageInput,
    GenerationImageOutput,
    PromptVersion,
)
from promptlab.db.opinions import Rating, Vote
from promptlab.db.states import AttemptOutcome, BatchState, GenerationState, ImageRole
from promptlab.errors import NotFound

TEXT = "größe 'quoted' \"twice\" %s :name \\ \n\t 漢字 🦊 ; DROP TABLE rating"
JSON: dict[str, Any] = {"ü": [1, 2.5, None, True], "nested": {"a": ""}, "text": TEXT, "nul": "a\0b", "big": 10**18}


def _generation(session: Session) -> Table:
    return factories.generation(
        session,
        case_id=factories.case(session, key=TEXT, variables=JSON).id,
        state=GenerationState.UNKNOWN,
        base_seed=2**63 - 1,
        seed=0,
        parameters=JSON,
        effective_parameters={},
        usage=JSON,
        rendered_system_prompt=TEXT,
        rendered_user_prompt="",
        max_price_usd=12345678.123456,
        not_before=now(),
        result_rating=3.6667,
        notes=TEXT,
        warnings=[TEXT, ""],
        execution_time=2**31 - 1,
        cost_usd=0.000001,
        finished_at=now(),
    )


def _attempt(session: Session) -> Table:
    return factories.attempt(
        session,
        factories.generation(session),
        number=7,
        handle=TEXT * 100,
        reserved_usd=0.123456,
        outcome=AttemptOutcome.RETRY,
        http_status=503,
        request_id=TEXT * 100,  # whatever a provider sends as its id or its kind of error must fit
        error_kind=TEXT * 100,
        error_message=TEXT * 100,
        error_details=JSON,
        duration_ms=1,
        finished_at=now(),
    )


ROWS: dict[str, Callable[[Session], Table]] = {
    "version": lambda session: factories.version(session, system_prompt=TEXT, parameters=JSON, deleted_at=now()),
    "batch": lambda session: factories.batch(session, state=BatchState.STOPPED, max_cost_usd=0.07, order_seed=MAX_ID),
    "case": lambda session: factories.case(session, key=TEXT, variables=JSON),
    "generation": _generation,
    "attempt": _attempt,
    "input": lambda session: factories.image_input(session, factories.generation(session), role=ImageRole.MASK),
    "output": lambda session: factories.output(session, factories.generation(session), url=TEXT),
    "rating": lambda session: factories.rating(
        session,
        factories.generation(session),
        rater="ü" * 100,
        note=TEXT,
        tags=[TEXT],
        criteria={"a b": 1},
        duration_ms=MAX_ID,
    ),
    "vote": factories.vote,
    "first look": factories.first_look,
    "claim": lambda session: factories.claim(session, block=2**41 - 1),
}


@pytest.mark.parametrize("make", ROWS.values(), ids=ROWS.keys())
def test_a_row_comes_back_as_it_went_in(database: Database, make: Callable[[Session], Table]) -> None:
    """Every value: unicode, JSON with everything in it, money to the millionth, times, enumerations."""
    with database.transaction() as session:
        row = make(session)
        before = row.model_dump()
    with database.reading() as session:
        assert session.get_one(type(row), before["id"]).model_dump() == before


@pytest.mark.parametrize(
    ("columns", "constraint"),
    [
        ({"draw": 0}, "ck_generation_draw_positive"),
        ({"image_count": 0}, "ck_generation_image_count_positive"),
        ({"result_rating": 0.5}, "ck_generation_result_rating_range"),
        ({"result_rating": 5.1}, "ck_generation_result_rating_range"),
        ({"prompt_version_id": 4711}, "FOREIGN KEY|fk_generation_prompt_version_id"),
    ],
)
def test_a_generation_that_cannot_be_is_refused(database: Database, columns: dict[str, Any], constraint: str) -> None:
    with pytest.raises(IntegrityError, match=constraint), database.transaction() as session:
        factories.generation(session, **columns)


@pytest.mark.parametrize("score", [0, 6, -1])
def test_a_score_outside_1_to_5_is_refused(database: Database, score: int) -> None:
    with pytest.raises(IntegrityError, match="ck_rating_score_range"), database.transaction() as session:
        factories.rating(session, factories.generation(session), score)


@pytest.mark.parametrize(
    ("table", "column", "constraint"),
    [
        ("generation", "state", "ck_generation_state"),
        ("batch", "state", "ck_batch_state"),
        ("attempt", "outcome", "ck_attempt_outcome"),
        ("generation_image_input", "role", "ck_generation_image_input_role"),
        ("vote", "answer", "ck_vote_answer"),
    ],
)
def test_a_state_that_there_is_not_is_refused_by_the_database(
    database: Database, table: str, column: str, constraint: str
) -> None:
    """Also when another program writes it."""
    with database.transaction() as session:
        row = factories.generation(session)
        factories.attempt(session, row)
        factories.image_input(session, row)
        factories.vote(session)
    with pytest.raises(IntegrityError, match=constraint), database.transaction() as session:
        session.connection().exec_driver_sql(f"UPDATE {table} SET {column} = 'x'")


def test_money_that_is_set_aside_is_never_less_than_none(database: Database) -> None:
    with pytest.raises(IntegrityError, match="committed_not_negative"), database.transaction() as session:
        factories.batch(session, committed_usd=-0.01)


UNIQUE: dict[str, Callable[[Session], object]] = {
    "a draw of a request": lambda session: factories.generation(session, request_key="same"),
    "a version of a name": lambda session: factories.version(session, version=1),
    "a case with that content": lambda session: factories.case(session, content_hash="same"),
    "a claim of a rater": factories.claim,
}


@pytest.mark.parametrize("make", UNIQUE.values(), ids=UNIQUE.keys())
def test_there_is_only_one_of_each(database: Database, make: Callable[[Session], object]) -> None:
    with database.transaction() as session:
        make(session)
    with pytest.raises(IntegrityError), database.transaction() as session:
        make(session)


def test_a_rater_has_one_current_rating_a_generation(database: Database) -> None:
    """The database itself sees to it, whoever writes."""
    with database.transaction() as session:
        row = factories.generation(session)
        factories.rating(session, row)
        factories.rating(session, row, rater="ben")
    columns: dict[str, Any] = {"project_id": DEFAULT_PROJECT, "generation_id": row.id, "rater": "ana", "score": 3}
    with pytest.raises(IntegrityError), database.transaction() as session:
        session.add(Rating(**columns))
    with database.transaction() as session:
        session.add(Rating(**columns, superseded_at=now()))


def test_deleting_a_generation_takes_all_that_belongs_to_it_and_nothing_else(database: Database) -> None:
    with database.transaction() as session:
        rows = [factories.generation(session) for _number in range(2)]
        for row in rows:
            factories.attempt(session, row)
            factories.output(session, row)
            factories.image_input(session, row)
            factories.rating(session, row)
            factories.rating(session, row, 5)
        factories.vote(session, left_generation_id=rows[0].id, right_generation_id=rows[1].id)
    with database.transaction() as session:
        generations.remove(session, generations.get(session, DEFAULT_PROJECT, rows[0].id or 0))
    with database.reading() as session:
        for table in (Attempt, GenerationImageInput, GenerationImageOutput, Rating, BatchItem):
            assert set(session.execute(select(col(table.generation_id))).scalars()) == {rows[1].id}
        assert session.exec(select(Generation.id)).all() == [rows[1].id]
        assert session.exec(select(Vote.id)).all() == []
        assert session.exec(select(func.count()).select_from(PromptVersion)).one() == 2


def test_an_id_is_never_given_twice(database: Database) -> None:
    """What a spool or a link still says of a deleted generation must not be taken for another one's."""
    with database.transaction() as session:
        first = factories.generation(session)
    with database.transaction() as session:
        generations.remove(session, first)
        assert (factories.generation(session).id or 0) > (first.id or 0)


ASKED: dict[str, Callable[[Session, int, int], object]] = {
    "generation": generations.get,
    "batch": batches.get,
    "version": lambda session, project_id, number: prompts.get(session, project_id, str(number)),
    "generation to rate": ratings.lock_generation,
}


@pytest.mark.parametrize("ask", ASKED.values(), ids=ASKED.keys())
def test_what_is_not_there_is_not_found_whatever_its_number(
    database: Database, ask: Callable[[Session, int, int], object]
) -> None:
    """Ids of any size, and ids of another project."""
    with database.transaction() as session:
        other = factories.generation(session, project_id=factories.project(session))
    with database.transaction() as session:
        for number in (0, 4711, MAX_ID, MAX_ID + 1, 2**63, 10**30, other.id or 0):
            with pytest.raises(NotFound) as caught:
                ask(session, DEFAULT_PROJECT, number)
            assert caught.value.exit_code == 3


def test_versions_of_another_project_are_not_found_by_name(database: Database) -> None:
    with database.transaction() as session:
        factories.version(session, project_id=factories.project(session), name="theirs")
        for reference in ("theirs", "theirs@1", "1"):
            with pytest.raises(NotFound):
                prompts.get(session, DEFAULT_PROJECT, reference)


def test_an_attempt_of_a_number_too_large_is_not_there(database: Database) -> None:
    """Such a number may stand in the name of a file in the spool."""
    with database.reading() as session:
        assert attempts.find(session, DEFAULT_PROJECT, 10**30, 1) is None
        assert attempts.find(session, DEFAULT_PROJECT, 1, 10**30) is None


def test_the_nearest_project_is_offered(database: Database) -> None:
    with database.transaction() as session:
        factories.project(session, "spring")
        with pytest.raises(NotFound, match="Did you mean 'spring'"):
            projects.get(session, "sprign")


def test_every_database_has_a_name_of_its_own(database: Database) -> None:
    with database.reading() as session:
        assert len(projects.lab_uid(session)) == 32
        assert session.exec(select(func.count()).select_from(Case)).one() == 0
