"""The generations of a batch, read without holding all of them."""

from typing import Any

import pytest
from tests.fixtures import factories

from promptlab.db.engine import Database
from promptlab.services import reading


class Whole:
    """As much of a lab as is read from."""

    def __init__(self, database: Database) -> None:
        self.database = database


@pytest.mark.parametrize("at_a_time", [1, 2, 3, 6, 7, 100])
def test_every_generation_comes_once_and_in_order(database: Database, at_a_time: int) -> None:
    """Those of the batch, however many are read at once, with all that belongs to them."""
    with database.transaction() as session:
        batch_id, other = (factories.batch(session).id for _number in range(2))
        case_id = factories.case(session, key="fox").id
        rows = [
            factories.generation(session, batch_id=other if number % 3 == 2 else batch_id, case_id=case_id)
            for number in range(9)
        ]
        ids = [row.id for row in rows if row.batch_id == batch_id]
    lab: Any = Whole(database)
    found = list(reading.in_batch(lab, batch_id or 0, at_a_time=at_a_time))
    assert [item["id"] for item in found] == ids
    assert {(item["case"], item["case_id"]) for item in found} == {("fox", case_id)}


def test_a_batch_without_generations_yields_none(database: Database) -> None:
    lab: Any = Whole(database)
    assert list(reading.in_batch(lab, 1)) == []
