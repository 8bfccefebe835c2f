"""The names that a shell completes, read without SQLAlchemy: a person waits between two keys."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any, Literal, NamedTuple
from urllib.parse import unquote, urlsplit

from promptlab.settings.urls import is_local_host

_PROJECTS = "SELECT name FROM project ORDER BY name"
_VERSIONS = """
SELECT prompt_version.name, version FROM prompt_version JOIN project ON project.id = prompt_version.project_id
WHERE project.name = {} AND deleted_at IS NULL ORDER BY prompt_version.name, version DESC LIMIT 1000
"""
_CASE_SETS = """
SELECT case_set.name, version FROM case_set JOIN project ON project.id = case_set.project_id
WHERE project.name = {} ORDER BY case_set.name, version DESC LIMIT 1000
"""
_IDS = """
SELECT {table}.id, {table}.state FROM {table} JOIN project ON project.id = {table}.project_id
WHERE project.name = {} ORDER BY {table}.id DESC LIMIT 100
"""
_VERSION = """
SELECT provider, model, raw, user_prompt, system_prompt
FROM prompt_version JOIN project ON project.id = prompt_version.project_id
WHERE project.name = {} AND deleted_at IS NULL
AND {} IN (CAST(prompt_version.id AS TEXT), prompt_version.name, prompt_version.name || '@' || version)
ORDER BY version DESC LIMIT 1
"""


class Version(NamedTuple):
    """What a version tells of the options that go with it."""

    provider: str
    model: str
    raw: bool
    user_prompt: str
    system_prompt: str | None


def project_names(url: str) -> list[str]:
    """Return the names of all projects in the database at `url`."""
    return [name for (name,) in _rows(url, _PROJECTS)]


def references(url: str, project: str) -> list[str]:
    """Return NAME and NAME@N of the project's live versions, the newest first below each name."""
    return _references(_rows(url, _VERSIONS, project))


def case_sets(url: str, project: str) -> list[str]:
    """Return NAME and NAME@N of the project's case sets, the newest first below each name."""
    return _references(_rows(url, _CASE_SETS, project))


def ids(url: str, project: str, table: Literal["generation", "batch"]) -> list[tuple[str, str]]:
    """Return the newest ids in a table of the project's with their states, the newest first."""
    return [(str(number), state) for number, state in _rows(url, _IDS.replace("{table}", table), project)]


def version(url: str, project: str, reference: str) -> Version | None:
    """Return the live version that a reference names."""
    return next((Version(*row) for row in _rows(url, _VERSION, project, reference)), None)


def _references(found: Iterator[Any]) -> list[str]:
    rows = list(found)
    return [*dict.fromkeys(name for name, _version in rows), *(f"{name}@{version}" for name, version in rows)]


def _rows(url: str, statement: str, *values: str) -> Iterator[Any]:
    if url.startswith("sqlite:"):
        path = unquote(urlsplit(url).path).removeprefix("/")
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=0.2)) as connection:
            yield from connection.execute(statement.replace("{}", "?"), values)
        return
    import psycopg

    # As the engine does it: a connection to another machine is encrypted unless the URL says otherwise.
    remote = not is_local_host(urlsplit(url).hostname or "") and "sslmode=" not in url
    encryption: Any = {"sslmode": "require"} if remote else {}
    with psycopg.connect(url, connect_timeout=2, **encryption) as connection:
        yield from connection.execute(statement.replace("{}", "%s").encode(), values)
