"""Deleting generations against those who are just sending them."""

import threading

import pytest
from sqlmodel import Session
from tests.fixtures import factories

from promptlab.db import generations
from promptlab.db.engine import open_database
from promptlab.db.states import GenerationState


@pytest.mark.parametrize("first", ["claim", "delete"])
def test_what_is_claimed_is_not_deleted_and_what_is_deleted_is_not_claimed(database_url: str, first: str) -> None:
    """Whoever is second sees what the first one did, also when both have looked before: on both databases."""
    database = open_database(database_url)
    with database.transaction() as session:
        row = factories.generation(session, state=GenerationState.PLANNED)
        project_id, generation_id = row.project_id, row.id or 0
    seen: list[GenerationState] = []
    claimed: list[bool] = []

    def delete(session: Session) -> None:
        found = generations.get(session, project_id, generation_id, lock=True)
        seen.append(found.state)
        if found.state is GenerationState.PLANNED:
            generations.remove(session, found)

    def second() -> None:
        with database.transaction() as session:
            if first == "claim":
                delete(session)
            else:
                claimed.append(generations.claim(session, generation_id))

    with database.transaction() as session:
        if first == "claim":
            claimed.append(generations.claim(session, generation_id))
        else:
            delete(session)
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(0.3)  # it waits for us now, or has not begun: either way it comes second
    thread.join()
    database.close()
    assert (seen, claimed) == (
        ([GenerationState.SENDING], [True]) if first == "claim" else ([GenerationState.PLANNED], [False])
    )
