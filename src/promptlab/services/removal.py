"""Deleting generations: their rows go, their objects stay in the storage until they are pruned."""

from collections.abc import Sequence

from promptlab.db import generations
from promptlab.db.states import GenerationState
from promptlab.errors import Conflict
from promptlab.services.lab import Lab
from promptlab.services.views import View


def delete(lab: Lab, generation_ids: Sequence[int]) -> list[View]:
    """Delete those generations, all or none, and say which; in one order, so that two at once do not wait for ever.

    Raises:
        NotFound: one of them does not exist.
        Conflict: one of them is in flight: what it is about to bring would be lost.
    """
    with lab.database.transaction() as session:
        rows = [generations.get(session, lab.project_id, id_, lock=True) for id_ in sorted(set(generation_ids))]
        for row in rows:
            if row.state is GenerationState.SENDING:
                raise Conflict(f"Generation {row.id} is being made right now.", hint="Wait until that is done.")
            generations.remove(session, row)
        return [{"id": row.id, "deleted": True} for row in rows]
