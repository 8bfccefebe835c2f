"""What the tables have in common: their parent, the types of their columns, and indexes of only some rows."""

import random
from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy import Enum, Index, MetaData, Numeric, text
from sqlalchemy.types import TypeEngine
from sqlmodel import SQLModel

NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}

MAX_ID = 2**31 - 1
"""The largest id: PostgreSQL refuses larger numbers, SQLite would only never find them."""


class Table(SQLModel):
    """The parent of all tables: one metadata with one naming convention.

    Pydantic builds its validators when somebody first validates, which is never: they are a tenth of the start-up.
    """

    model_config = {"defer_build": True}

    metadata = MetaData(naming_convention=NAMING_CONVENTION)


def usd_type() -> TypeEngine[float]:
    """Return the column type of money: exact in PostgreSQL, rounded to a millionth of a dollar by whoever writes."""
    return Numeric(14, 6, asdecimal=False)


def one_of(values: type[StrEnum], name: str) -> Enum:
    """Return a text column that holds the members' values and is checked by the database."""
    return Enum(
        values,
        name=name,
        native_enum=False,
        create_constraint=True,
        length=16,
        values_callable=lambda members: [member.value for member in members],
    )


def now() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(UTC)


def random_seed() -> int:
    """Return a seed that nobody can guess, of as many bits as a database keeps."""
    return random.SystemRandom().getrandbits(63)


def is_id(number: int) -> bool:
    """Say whether a row can have this id."""
    return 0 < number <= MAX_ID


def partial(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    """Return an index of only those rows; see `complete_partial_indexes`."""
    return Index(name, *columns, unique=unique, sqlite_where=text(where), info={"where": where})


def complete_partial_indexes() -> None:
    """Name the conditions of partial indexes for PostgreSQL too, before tables are made from the models or compared.

    Done at once it would load that dialect, a tenth of the start-up of every command.
    """
    for table in Table.metadata.tables.values():
        for index in table.indexes:
            if where := index.info.get("where"):
                index.dialect_kwargs["postgresql_where"] = text(where)


def rated_as(score: int) -> str:
    """Return the SQL of "its mean rounds to this score", word for word as the partial indexes have it."""
    return f"result_rating >= {score - 0.5} AND result_rating < {score + 0.5}"
