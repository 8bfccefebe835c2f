"""Alembic's entry: runs on the connection that promptlab.db.migrate hands over."""

from collections.abc import Mapping
from typing import Any, Literal

import sqlmodel
from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import Connection

from promptlab.db import models, opinions
from promptlab.db.columns import Table, complete_partial_indexes


def render_item(kind: str, item: Any, _context: AutogenContext) -> str | Literal[False]:
    """Write plain SQLAlchemy types, so that migrations do not depend on SQLModel."""
    if kind == "type" and type(item).__module__.startswith("sqlmodel"):
        length = getattr(item, "length", None)
        return "sa.DateTime(timezone=True)" if "DateTime" in type(item).__name__ else f"sa.String({length or ''})"
    return False


def include_name(name: str | None, kind: str, _parents: Mapping[Any, str | None]) -> bool:
    """Leave tables alone that are not ours: of other programs, and of libraries that bring their own."""
    return kind != "table" or name in Table.metadata.tables


def run(connection: Connection) -> None:
    complete_partial_indexes()
    context.configure(
        connection=connection,
        target_metadata=Table.metadata,
        include_name=include_name,
        render_item=render_item,
        render_as_batch=True,
        transactional_ddl=True,
    )
    with context.begin_transaction():
        context.run_migrations()


assert models, opinions  # describe the tables  # noqa: S101
assert sqlmodel  # registers the types that render_item looks for  # noqa: S101
run(context.config.attributes["connection"])
