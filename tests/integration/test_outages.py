"""What a batch needs goes away while it runs: it waits or stops with a sentence, and loses and rebuys nothing."""

import re
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url
from tests.faulty_answers import Fault
from tests.faulty_batch import FINAL, FaultyBatch
from tests.faulty_server import FaultyServer, serving
from tests.fixtures.command_line import Promptlab
from tests.fixtures.processes import Process, Start, wait_until
from tests.s3_server import S3Bucket
from tests.wire import Wire, wired

COUNT = 40
SMALL_FILES = 64_000  # bytes: room for rows, and not for an image


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyServer]:
    """A provider that makes no mistakes, with images of 100 kB."""
    with serving(tmp_path / "requests.log", latency=0.2, size=100_000) as found:
        for name, value in found.environment.items():
            monkeypatch.setenv(name, value)
        yield found


@pytest.fixture
def database_wire(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    """A wire to PostgreSQL, and promptlab set up to use it."""
    url = make_url(postgres_url)
    with wired(url.host or "", url.port or 5432) as wire:
        through = url.set(port=wire.port).render_as_string(hide_password=False)
        monkeypatch.setenv("PROMPTLAB_DATABASE_URL", through)
        yield wire


@pytest.fixture
def storage_wire(s3_environment: S3Bucket, monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    """A wire to S3, and promptlab set up to use it."""
    host, port = s3_environment.environment["PROMPTLAB_STORAGE_ENDPOINT_URL"].removeprefix("http://").split(":")
    with wired(host, int(port)) as wire:
        monkeypatch.setenv("PROMPTLAB_STORAGE_ENDPOINT_URL", f"http://127.0.0.1:{wire.port}")
        yield wire


@pytest.fixture
def batch(promptlab: Promptlab, start: Start, server: FaultyServer, tmp_path: Path) -> FaultyBatch:
    return FaultyBatch(promptlab, start, server, tmp_path / "promptlab", count=COUNT)


def well_under_way(batch: FaultyBatch, process: Process) -> None:
    wait_until(lambda: len(batch.server.requests) >= COUNT // 4 or not process.runs, "a quarter of the requests")


def check_end(process: Process, what: str) -> None:
    """Hold that the process got over it, or ended with a sentence about `what` and the way on."""
    code, _out, err = process.wait()
    assert code in {0, 4, 5}, err
    assert "Traceback" not in err
    if code == 4:
        assert re.search(what, err), err


def check_nothing_lost(batch: FaultyBatch) -> None:
    """Resume the batch; hold that it is done, and that each image that the provider sent is kept and was bought once.

    What nobody knows whether it was sent is unknown, and was not.
    """
    code, _out, err = batch.resume().wait()
    assert code in {0, 5}, err
    rows = batch.rows()
    assert {row["state"] for row in rows} <= FINAL
    assert {request.fault for request in batch.server.requests} == {Fault.NONE}
    assert len({request.prompt for request in batch.server.requests}) == len(batch.server.requests)
    assert sum(row["state"] == "succeeded" for row in rows) == len(batch.server.requests) > COUNT // 2
    batch.check_against_the_log(killed=True)
    batch.check_images()
    assert batch.spooled() == {}


@pytest.mark.parametrize("seconds", [1, pytest.param(10, marks=pytest.mark.long)])
def test_the_database_is_away_for_a_while(database_wire: Wire, batch: FaultyBatch, seconds: int) -> None:
    """Connections end and new ones are refused: answers that arrive meanwhile are in the spool, and come home."""
    process = batch.run()
    well_under_way(batch, process)
    database_wire.cut()
    time.sleep(seconds)
    database_wire.mend()
    check_end(process, "The database .* cannot be reached")
    check_nothing_lost(batch)


@pytest.mark.parametrize("seconds", [1, pytest.param(10, marks=pytest.mark.long)])
def test_the_database_stands_still_for_a_while(database_wire: Wire, batch: FaultyBatch, seconds: int) -> None:
    """A server that is stopped answers nobody and ends no connection: the batch waits, and goes on by itself."""
    process = batch.run()
    well_under_way(batch, process)
    database_wire.freeze()
    time.sleep(seconds)
    database_wire.mend()
    code, _out, err = process.wait()
    assert code == 0, err
    check_nothing_lost(batch)


@pytest.mark.parametrize("seconds", [1, pytest.param(10, marks=pytest.mark.long)])
def test_the_storage_is_away_for_a_while(storage_wire: Wire, batch: FaultyBatch, seconds: int) -> None:
    process = batch.run()
    well_under_way(batch, process)
    storage_wire.cut()
    time.sleep(seconds)
    storage_wire.mend()
    check_end(process, "bucket|storage")
    check_nothing_lost(batch)


def test_the_storage_stays_away(storage_wire: Wire, batch: FaultyBatch) -> None:
    """The batch stops with a sentence; what came is in the spool until the storage is back."""
    process = batch.run()
    well_under_way(batch, process)
    storage_wire.cut()
    code, _out, err = process.wait()
    assert code == 4, err
    assert "Traceback" not in err
    assert batch.spooled() != {}
    storage_wire.mend()
    check_nothing_lost(batch)


@pytest.mark.skipif(sys.platform != "linux", reason="prlimit is Linux's own")
def test_the_disk_is_full(database_wire: Wire, batch: FaultyBatch) -> None:
    """Nothing more is bought once an answer could be kept nowhere; what was lost says that it may be billed."""
    process = batch.run()
    well_under_way(batch, process)
    unlimited = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (SMALL_FILES, unlimited[1]))
    code, _out, err = process.wait()
    assert code == 4, err
    assert "Traceback" not in err
    assert "File too large" in err
    rows = batch.rows()
    lost = [row for row in rows if row["state"] == "failed"]
    assert {row["error"]["kind"] for row in lost} == {"not_stored"}
    assert any(row["state"] == "planned" for row in rows)
    code, _out, err = batch.resume("failed").wait()
    assert code == 0, err
    assert {row["state"] for row in batch.rows()} == {"succeeded"}
    assert len(batch.server.requests) == COUNT + len(lost)
    batch.check_images()


@pytest.mark.skipif(sys.platform != "linux", reason="prlimit is Linux's own")
def test_the_disk_is_full_that_holds_the_database_too(batch: FaultyBatch) -> None:
    """The batch stops with a sentence, and is resumed once there is room."""
    process = batch.run()
    well_under_way(batch, process)
    unlimited = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (SMALL_FILES, unlimited[1]))
    code, _out, err = process.wait()
    assert code == 4, err
    assert "Traceback" not in err
    code, _out, err = batch.resume().wait()
    assert code in {0, 5}, err
    assert {row["state"] for row in batch.rows()} <= FINAL
    batch.check_against_the_log(killed=True)
    batch.check_images()
