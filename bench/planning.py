"""Planning 100,000 generations: 10 versions, 1,000 cases, 10 draws; against a bare executemany of the same rows."""

import os
import sqlite3
import tempfile
import time
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import make_url
from tests.fixtures.postgres_launch import launch

from bench._measure import report
from promptlab.db.migrate import upgrade
from promptlab.output import Output
from promptlab.runtime import Runtime
from promptlab.services import authoring, batch_requests, batches
from promptlab.services.drafting import Terms

VERSIONS, CASES, DRAWS = 10, 1_000, 10
ROWS = VERSIONS * CASES * DRAWS
SECONDS = {"SQLite": 5.0, "PostgreSQL": 10.0}
PROMPT = "{version}: a poster of {{{{ subject }}}} in {{{{ style }}}}, for {{{{ place }}}}, without any text"


def plan(folder: Path) -> float:
    """Plan everything in the database that the environment names; return the seconds, start-up apart."""
    file = folder / "cases.csv"
    rows = [f"fox {number},style {number % 7},place {number % 5}" for number in range(CASES)]
    file.write_text("\n".join(["subject,style,place", *rows, ""]))
    runtime = Runtime({}, Output(quiet=True))
    names = [f"poster-{number}" for number in range(VERSIONS)]
    with runtime.writing(new_project=True) as (session, project_id):
        for name in names:
            wanted = authoring.Wanted(name=name, user_prompt=PROMPT.format(version=name), provider="openai")
            authoring.create(session, project_id, wanted, settings=runtime.settings, providers=runtime.providers)
    request = batch_requests.Request(references=names, cases=str(file), terms=Terms(draws=DRAWS))
    lab = runtime.lab
    start = time.perf_counter()
    prepared = batch_requests.prepare(lab, request)
    batches.plan(lab, prepared, batches.Limits())
    seconds = time.perf_counter() - start
    runtime.close()
    return seconds


def bare(connection: Any, mark: str) -> float:
    """Insert the rows that are there into a table like theirs, without an index; return the seconds."""
    cursor = connection.cursor()
    cursor.execute("CREATE TABLE bare AS SELECT * FROM generation WHERE 1 = 0")
    connection.commit()
    cursor.execute("SELECT * FROM generation")
    rows = [tuple(map(_plain, row)) for row in cursor.fetchall()]
    connection.commit()
    assert len(rows) == ROWS
    insert = f"INSERT INTO bare VALUES ({', '.join([mark] * len(rows[0]))})"
    start = time.perf_counter()
    cursor.executemany(insert, rows)
    connection.commit()
    return time.perf_counter() - start


def _plain(value: object) -> object:
    from psycopg.types.json import Json

    return Json(value) if isinstance(value, dict | list) else value


def show(name: str, seconds: float, bare_seconds: float) -> None:
    print(f"{name}: {seconds:.2f} s, a bare executemany of the same rows {bare_seconds:.2f} s, without indexes")
    report(f"seconds to plan {ROWS:,} generations on {name}", seconds, SECONDS[name])


def on_sqlite(folder: Path) -> None:
    os.environ["PROMPTLAB_HOME"] = str(folder)
    seconds = plan(folder)
    connection = sqlite3.connect(folder / "promptlab.db")
    show("SQLite", seconds, bare(connection, "?"))
    connection.close()


def on_postgresql(folder: Path) -> None:
    url, hold = launch(folder)
    os.environ |= {"PROMPTLAB_HOME": str(folder), "PROMPTLAB_DATABASE_URL": url}
    try:
        upgrade(url)
        seconds = plan(folder)
        plain_url = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(plain_url) as connection:
            show("PostgreSQL", seconds, bare(connection, "%s"))
    finally:
        os.close(hold)


def main() -> None:
    os.environ |= {"OPENAI_API_KEY": "none"}
    for measure in (on_sqlite, on_postgresql):
        with tempfile.TemporaryDirectory() as folder:
            measure(Path(folder))


if __name__ == "__main__":
    main()
