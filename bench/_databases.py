"""A benchmark on SQLite and on PostgreSQL, each filled anew."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.fixtures.postgres_launch import launch

from promptlab.db.engine import Database, open_database
from promptlab.db.migrate import upgrade

Fill = Callable[[Database], None]
Measure = Callable[[str, Database], None]


def on_both(fill: Fill, measure: Measure) -> None:
    """Fill a new database of each kind and measure it; the settings of this process name it meanwhile."""
    with tempfile.TemporaryDirectory() as name:
        _on("SQLite", f"sqlite:///{Path(name) / 'bench.db'}", Path(name), fill, measure)
    with tempfile.TemporaryDirectory() as name:
        url, hold = launch(Path(name))
        try:
            _on("PostgreSQL", url, Path(name), fill, measure)
        finally:
            os.close(hold)


def _on(name: str, url: str, folder: Path, fill: Fill, measure: Measure) -> None:
    os.environ |= {"PROMPTLAB_HOME": str(folder), "PROMPTLAB_DATABASE_URL": url}
    upgrade(url)
    database = open_database(url)
    fill(database)
    if not database.is_sqlite:  # as the server does it by itself after a while
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")
    measure(name, database)
    database.close()
