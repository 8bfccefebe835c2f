"""A provider that goes wrong by chance: whatever it does, every generation is classified by what really happened."""

from collections import Counter
from pathlib import Path

import pytest
from tests.faulty_answers import Fault
from tests.faulty_batch import FINAL, FaultyBatch
from tests.faulty_server import serving
from tests.fixtures.command_line import Promptlab
from tests.fixtures.processes import Start

MIX = {
    Fault.RATE_LIMIT: 0.05,
    Fault.RATE_LIMIT_HINT: 0.05,
    Fault.SERVER_ERROR: 0.05,
    Fault.RESET: 0.03,
    Fault.CUT_OFF: 0.02,
    Fault.REFUSAL: 0.03,
}


@pytest.mark.parametrize("count", [200, pytest.param(1000, marks=[pytest.mark.long, pytest.mark.timeout(900)])])
@pytest.mark.usefixtures("place")
def test_a_mix_of_faults_is_classified_by_what_happened(
    promptlab: Promptlab, start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    """The attempts are the requests in the provider's log, one for one; what is stored is what was sent."""
    monkeypatch.setenv("PROMPTLAB_OPENAI_CONCURRENCY", "16")
    with serving(tmp_path / "requests.log", latency=0.02, seed=11, faults=MIX) as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        batch = FaultyBatch(promptlab, start, server, tmp_path / "promptlab", count=count)
        code, _out, err = batch.run().wait(count)
        assert code == 5, err
        assert {row["state"] for row in batch.rows()} <= FINAL
        met = Counter(request.fault for request in server.requests)
        assert met.keys() == set(Fault)
        batch.check_against_the_log()
        batch.check_images()
