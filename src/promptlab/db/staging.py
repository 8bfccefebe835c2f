"""Generations on their way into the database: staged in temporary tables, where it multiplies drafts by draws itself.

A hundred thousand rows need a hundred thousand small pairs of numbers this way, and each text only once a draft.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Integer,
    MetaData,
    Select,
    String,
    Table,
    Text,
    cast,
    func,
    insert,
    literal,
    select,
)
from sqlmodel import Session, col

from promptlab.db import review_order
from promptlab.db.columns import now, usd_type
from promptlab.db.models import BatchItem, CaseImage, Generation, GenerationImageInput, ImageColumns
from promptlab.db.states import GenerationState

_PAGE = 1_000
"""Drafts that are staged at once: their parameters take more memory than they do themselves."""

_metadata = MetaData()
_DRAFT = Table(
    "staged_draft",
    _metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("prompt_version_id", Integer),
    Column("case_id", Integer),
    Column("request_key", String(64), index=True),
    Column("image_count", Integer),
    Column("base_seed", BigInteger),
    Column("first_seed", BigInteger),
    Column("parameters", JSON),
    Column("rendered_system_prompt", Text),
    Column("rendered_user_prompt", Text),
    Column("max_price_usd", usd_type()),
    Column("warnings", JSON),
    *(Column(name, BigInteger) for name in ("block_base", "block_step", "item_base", "item_step")),
    prefixes=["TEMPORARY"],
)
_ROW = Table(
    "staged_row",
    _metadata,
    Column("place", Integer, primary_key=True, autoincrement=False),
    Column("draft", Integer),
    Column("draw", Integer),
    prefixes=["TEMPORARY"],
)
_PAIRED = _ROW.join(_DRAFT, _ROW.c.draft == _DRAFT.c.number)
_IS_SAME = (col(Generation.request_key) == _DRAFT.c.request_key) & (col(Generation.draw) == _ROW.c.draw)
_IS_THERE = select(col(Generation.id)).where(_IS_SAME).exists()
_TIME = Generation.metadata.tables["generation"].c.created_at.type
_NOT_SENT = (GenerationState.PLANNED, GenerationState.CANCELLED)
_SAME = (
    "prompt_version_id",
    "case_id",
    "request_key",
    "image_count",
    "base_seed",
    "parameters",
    "rendered_system_prompt",
    "rendered_user_prompt",
    "max_price_usd",
    "warnings",
)
"""What every draw takes from its draft as it is."""


@dataclass(frozen=True, kw_only=True)
class ToSend:
    """What a run would send: so many generations, the most that they cost, and of how many nobody knows the price."""

    count: int
    max_cost_usd: float
    unpriced: int


class Staged:
    """Drafts and draws of one project, staged; see `staged`."""

    def __init__(self, session: Session, project_id: int) -> None:
        self._session = session
        self._project_id = project_id
        self._there = select(col(Generation.id), col(Generation.state)).join_from(_PAIRED, Generation, _IS_SAME)

    def states(self) -> dict[GenerationState, int]:
        """Return how many of the generations are there already, by their state."""
        there = self._there.subquery()
        counted = select(there.c.state, func.count()).group_by(there.c.state)
        return {state: int(count) for state, count in self._session.execute(counted)}

    def to_send(self) -> ToSend:
        """Return what `add` would plan, with what is planned already and what was cancelled."""
        price = func.coalesce(col(Generation.max_price_usd), _DRAFT.c.max_price_usd)
        joined = _PAIRED.join(Generation.metadata.tables["generation"], _IS_SAME, isouter=True)
        wanted = col(Generation.id).is_(None) | col(Generation.state).in_(_NOT_SENT)
        counted = select(func.count(), func.sum(price), func.count(price)).select_from(joined).where(wanted)
        count, usd, priced = self._session.execute(counted).one()
        return ToSend(count=count, max_cost_usd=round(float(usd or 0), 6), unpriced=count - priced)

    def ids(self) -> list[int]:
        """Return the ids of the generations that are there, in their order."""
        return list(self._session.execute(self._there.order_by(col(Generation.id))).scalars())

    def add(self, batch_id: int) -> None:
        """Plan in this batch what is not there yet, in the order of the rows, and link all of them to it.

        The project has to be locked: nobody else may plan the same.
        """
        before = self._session.execute(select(func.max(col(Generation.id)))).scalar_one() or 0
        self._session.execute(insert(Generation).from_select(*self._missing(batch_id)))
        self._session.execute(insert(GenerationImageInput).from_select(*_inputs(batch_id, before)))
        there = self._there.subquery()
        known = select(col(BatchItem.generation_id)).where(col(BatchItem.batch_id) == batch_id)
        items = select(literal(batch_id), there.c.id, literal(self._project_id)).where(there.c.id.not_in(known))
        self._session.execute(insert(BatchItem).from_select(["batch_id", "generation_id", "project_id"], items))

    def _missing(self, batch_id: int) -> tuple[list[str], Any]:
        values: dict[str, Any] = {
            "project_id": literal(self._project_id),
            "batch_id": literal(batch_id),
            "state": literal(GenerationState.PLANNED.value),
            "created_at": literal(now(), _TIME),
            "draw": _ROW.c.draw,
            "seed": _DRAFT.c.first_seed + _ROW.c.draw - 1,
            "review_position": review_order.place(_DRAFT.c, _ROW.c.draw),
            **{name: _DRAFT.c[name] for name in _SAME},
        }
        rows = select(*values.values()).select_from(_PAIRED).where(~_IS_THERE)
        return list(values), rows.order_by(_ROW.c.place)


@contextmanager
def staged(
    session: Session, project_id: int, drafts: Iterable[Mapping[str, Any]], rows: Sequence[tuple[int, int]]
) -> Iterator[Staged]:
    """Stage drafts, and the draws of each: pairs of the number of a draft and a draw, in the order of their ids.

    `first_seed` of a draft is the seed of draw 1, None where none is sent; `review_order.bases` are columns of it too.
    """
    connection = session.connection()
    _metadata.create_all(connection, checkfirst=False)  # a transaction that fails takes them back
    numbered = ({"number": number, **each} for number, each in enumerate(drafts))
    while page := list(islice(numbered, _PAGE)):
        session.execute(insert(_DRAFT), page)
    if rows:
        session.execute(insert(_ROW).from_select(["place", "draft", "draw"], _unpacked(session, rows)))
    yield Staged(session, project_id)
    _metadata.drop_all(connection, checkfirst=False)


def _unpacked(session: Session, rows: Sequence[tuple[int, int]]) -> Select[Any]:
    """Return the places, drafts and draws of the rows as the database reads them out of one array.

    As a statement each they would take longer than all the rest. Both numbers of a row are packed into one.
    """
    width = max(draw for _draft, draw in rows) + 1
    array = literal([draft * width + draw for draft, draw in rows], JSON())
    if session.get_bind().dialect.name == "sqlite":
        read = func.json_each(array).table_valued("key", "value")
    else:
        read = func.json_array_elements_text(array).table_valued("value", with_ordinality="key").render_derived()
    packed = cast(read.c.value, Integer)
    return select(read.c.key, packed // width, packed % width)


def _inputs(batch_id: int, after: int) -> tuple[list[str], Any]:
    """Return the columns and rows of the input images of what the batch has planned since that id."""
    same = ["project_id", "role", *ImageColumns.model_fields]
    images = select(col(Generation.id), *(col(getattr(CaseImage, name)) for name in same))
    found = images.join_from(Generation, CaseImage, col(CaseImage.case_id) == col(Generation.case_id))
    return ["generation_id", *same], found.where(col(Generation.batch_id) == batch_id, col(Generation.id) > after)
