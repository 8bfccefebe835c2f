"""What a batch shows: counts over all it covers, what they cost, and why something failed."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from sqlmodel import Session
from tests.fixtures import factories
from tests.fixtures.factories import DEFAULT_PROJECT

from promptlab.db import batch_tallies
from promptlab.db.columns import now
from promptlab.db.engine import Database
from promptlab.db.models import Attempt, Batch, BatchItem, Generation
from promptlab.db.states import AttemptOutcome, BatchState, GenerationState

STATES = list(GenerationState)


def covered(session: Session, batch: Batch, generation: Generation) -> None:
    """Let a batch cover a generation that another one bought."""
    session.add(BatchItem(project_id=DEFAULT_PROJECT, batch_id=batch.id or 0, generation_id=generation.id or 0))
    session.flush()


def failed(session: Session, batch: Batch, kinds: Sequence[str | None], **columns: object) -> Generation:
    """Make a generation that failed after attempts that ended for these kinds of errors."""
    row = factories.generation(session, **{"batch_id": batch.id, "state": GenerationState.FAILED, **columns})
    for number, kind in enumerate(kinds, start=1):
        outcome = AttemptOutcome.FAILED if number == len(kinds) else AttemptOutcome.RETRY
        factories.attempt(session, row, number=number, outcome=outcome, error_kind=kind, error_message=f"try {number}")
    return row


def test_every_state_is_counted_by_version(database: Database) -> None:
    """Also of generations that another batch bought; other batches count for nothing."""
    with database.transaction() as session:
        first, second = factories.version(session), factories.version(session)
        batch, other = factories.batch(session), factories.batch(session)
        for state in STATES:
            factories.generation(session, batch_id=batch.id, prompt_version_id=first.id, state=state)
        bought = factories.generation(session, batch_id=other.id, prompt_version_id=second.id)
        factories.generation(session, batch_id=other.id, prompt_version_id=second.id)
        covered(session, batch, bought)
    with database.reading() as session:
        tallies = batch_tallies.tally(session, batch.id or 0)
        totals = batch_tallies.totals(session, [batch.id or 0, other.id or 0])
    assert [(each.prompt, each.version, dict(each.counts)) for each in tallies] == [
        ("poster", 1, dict.fromkeys(STATES, 1)),
        ("poster", 2, {GenerationState.SUCCEEDED: 1}),
    ]
    assert totals[batch.id or 0].counts == dict.fromkeys(STATES, 1) | {GenerationState.SUCCEEDED: 2}
    assert totals[other.id or 0].counts == {GenerationState.SUCCEEDED: 2}


def test_cost_is_the_sum_of_what_is_known(database: Database) -> None:
    """What may have cost something and is not in the sum is counted; a refusal or a plan is no unknown price."""
    with database.transaction() as session:
        version, batch = factories.version(session), factories.batch(session)
        for state, cost in [
            (GenerationState.SUCCEEDED, 0.1),
            (GenerationState.SUCCEEDED, 0.2),
            (GenerationState.FAILED, 0.0),
            (GenerationState.SUCCEEDED, None),
            (GenerationState.UNKNOWN, None),
            (GenerationState.REFUSED, None),
            (GenerationState.PLANNED, None),
        ]:
            factories.generation(session, batch_id=batch.id, prompt_version_id=version.id, state=state, cost_usd=cost)
    with database.reading() as session:
        [of_version] = batch_tallies.tally(session, batch.id or 0)
        of_batch = batch_tallies.totals(session, [batch.id or 0])[batch.id or 0]
    assert (of_version.cost_usd, of_version.unpriced) == (0.3, 2)
    assert (of_batch.cost_usd, of_batch.unpriced) == (0.3, 2)


def test_images_are_counted_as_they_came(database: Database) -> None:
    """Not as they were asked for: a request for four may have brought three."""
    with database.transaction() as session:
        version, batch = factories.version(session), factories.batch(session)
        for count in (3, 1, 0):
            row = factories.generation(session, batch_id=batch.id, prompt_version_id=version.id, image_count=4)
            for position in range(count):
                factories.output(session, row, position=position)
    with database.reading() as session:
        [tally] = batch_tallies.tally(session, batch.id or 0)
    assert (tally.images, dict(tally.counts)) == (4, {GenerationState.SUCCEEDED: 3})


def test_errors_are_those_of_the_last_attempts_the_most_frequent_first(database: Database) -> None:
    """An attempt that was followed by another explains nothing, nor do those of generations that came to an image."""
    with database.transaction() as session:
        version, batch = factories.version(session), factories.batch(session)
        of_batch = {"prompt_version_id": version.id}
        timeout = failed(session, batch, ["rate_limit", "timeout"], **of_batch)
        limited = [failed(session, batch, [kind, "rate_limit"], **of_batch) for kind in ("timeout", "rate_limit")]
        refused = failed(session, batch, ["timeout", None], state=GenerationState.REFUSED, **of_batch)
        failed(session, batch, ["timeout", "timeout"], state=GenerationState.SUCCEEDED, **of_batch)
        failed(session, factories.batch(session), ["timeout"], **of_batch)
    with database.reading() as session:
        found = batch_tallies.errors(session, batch.id or 0)
    examples: list[Attempt] = [each.example for each in found]
    assert [(each.state.value, each.kind, each.count) for each in found] == [
        ("failed", "rate_limit", 2),
        ("failed", "timeout", 1),
        ("refused", None, 1),
    ]
    assert [each.generation_id for each in examples] == [limited[0].id, timeout.id, refused.id]
    assert {each.error_message for each in examples} == {"try 2"}


def test_batches_are_listed_newest_first_page_by_page(database: Database) -> None:
    with database.transaction() as session:
        other = factories.project(session)
        ids = [factories.batch(session).id for _ in range(3)]
        factories.batch(session, project_id=other)
    with database.reading() as session:
        first = batch_tallies.page(session, DEFAULT_PROJECT, limit=2, cursor=None)
        second = batch_tallies.page(session, DEFAULT_PROJECT, limit=2, cursor=first.next_cursor)
    assert [row.id for row in (*first.items, *second.items)] == ids[::-1]
    assert second.next_cursor is None


@pytest.mark.parametrize(
    ("started", "finished", "seconds"),
    [(None, None, None), (90, 30, 60.0), (30, 90, 30.0), (30, None, 30.0)],
    ids=["never", "finished", "again since it finished", "runs"],
)
def test_the_time_is_that_of_the_last_run(started: int | None, finished: int | None, seconds: float | None) -> None:
    from promptlab.services.batch_views import elapsed

    moment = now()

    def ago(seconds: int | None) -> datetime | None:
        return None if seconds is None else moment - timedelta(seconds=seconds)

    row = Batch(
        project_id=1, order_seed=1, state=BatchState.RUNNING, started_at=ago(started), finished_at=ago(finished)
    )
    assert elapsed(row, moment) == seconds
