"""What a worker says of failures: each class once, and again while it goes on."""

import pytest
from tests.fixtures import factories

from promptlab.output import Output
from promptlab.worker.tally import Tally

AWAY = "openai: connection refused"


def test_a_failure_that_goes_on_is_said_once_and_again_every_five_minutes(
    sqlite_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """However often it happens in between; what is of another class is said on its own."""
    moment = 0.0
    with factories.opening(sqlite_url) as database:
        say = Tally(database, Output(), clock=lambda: moment).watch.said
        for moment in range(0, 700, 10):
            say(f"{AWAY} at {moment}", AWAY)
        say("openai: the quota is used up", "openai quota")
    said = capsys.readouterr().err.splitlines()
    assert said == [*(f"Warning: {AWAY} at {at}" for at in (0, 310, 620)), "Warning: openai: the quota is used up"]
