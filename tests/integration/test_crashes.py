"""A batch that is killed at random moments and resumed each time loses nothing and buys nothing unnoticed."""

import random
import time
from pathlib import Path

import pytest
from tests.faulty_answers import Fault
from tests.faulty_batch import FINAL, FaultyBatch
from tests.faulty_server import serving
from tests.fixtures.command_line import Promptlab
from tests.fixtures.processes import Process, Start, wait_until

LONG = [pytest.mark.long, pytest.mark.timeout(1800)]
MIX = {Fault.RATE_LIMIT_HINT: 0.05, Fault.SERVER_ERROR: 0.03, Fault.RESET: 0.02, Fault.REFUSAL: 0.02}


@pytest.mark.parametrize(
    ("count", "kills", "place"),
    [
        (40, 6, "sqlite and a folder"),
        pytest.param(200, 50, "sqlite and a folder", marks=LONG),
        pytest.param(200, 50, "postgresql and s3", marks=LONG),
    ],
    indirect=["place"],
)
@pytest.mark.usefixtures("place")
def test_killed_at_random_moments(
    promptlab: Promptlab, start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int, kills: int
) -> None:
    """Every row ends in a final state, and every image that was on the disk at a kill ends in its generation.

    The requests that the provider saw are the attempts recorded; an attempt that is unknown may never have been sent.
    """
    chance, on_disk = random.Random(5), {}
    with serving(tmp_path / "requests.log", latency=0.05, size=100_000, seed=3, faults=MIX) as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        batch = FaultyBatch(promptlab, start, server, tmp_path / "promptlab", count=count)
        process = batch.run()
        for _ in range(kills):
            kill_soon(process, batch, chance)
            on_disk.update(batch.spooled())
            process = go_on(batch, chance)
        assert process.wait()[0] in {0, 5, 6}
        rows = {row["id"]: row for row in batch.rows()}
        assert {row["state"] for row in rows.values()} <= FINAL
        for (generation_id, number), [image] in on_disk.items():
            row = rows[generation_id]
            assert row["attempts"][number - 1]["outcome"] == "succeeded"
            assert (row["state"], row["outputs"][0]["sha256"]) == ("succeeded", image)
        batch.check_against_the_log(killed=True)
        batch.check_images()
        assert batch.spooled() == {}
        assert len({row["attempts"][-1]["outcome"] for row in rows.values()}) > 1


def kill_soon(process: Process, batch: FaultyBatch, chance: random.Random) -> None:
    """Kill the process at any moment: some requests after its start, and a little later."""
    wanted = len(batch.server.requests) + chance.randrange(8)
    wait_until(lambda: len(batch.server.requests) >= wanted or not process.runs, "the request")
    time.sleep(chance.random() * 0.15)
    process.kill()


def go_on(batch: FaultyBatch, chance: random.Random) -> Process:
    """Give the same command again, or resume the batch: what is unknown too once nothing else is left to do."""
    rows = batch.rows()
    if len(rows) < batch.count or chance.random() < 0.5:
        return batch.run()
    return batch.resume(*(["unknown"] if {row["state"] for row in rows} <= FINAL else []))
