"""What of a batch ended without images and is sent again when it is asked for."""

import pytest
from tests.fixtures.batches import make_cases, make_version, prompts, states, wanted
from tests.fixtures.command_line import Promptlab
from tests.openai_behaviour import Behaviour
from tests.openai_server import OpenAIServer

RUN = ("batch", "run", "--prompt-version", "p", "--cases", "cases.csv")
RESUME = ("batch", "resume", 1)


@pytest.fixture(autouse=True)
def server(
    openai_environment: OpenAIServer, promptlab: Promptlab, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> OpenAIServer:
    """The provider, with a version of it and six cases; every test runs once on SQLite and once on PostgreSQL."""
    monkeypatch.setenv("PROMPTLAB_DATABASE_URL", database_url)
    make_version(promptlab)
    make_cases(6)
    return openai_environment


def test_what_failed_is_sent_again_when_it_is_asked_for(promptlab: Promptlab, server: OpenAIServer) -> None:
    server.behave(Behaviour.failing(400), Behaviour.failing(400))
    failed = promptlab(*RUN, code=5)
    assert "Batch 1: 6 of 6 generations to send" in failed.err
    assert "nothing left to send" in promptlab(*RUN, code=5).err
    assert len(server.asked) == 6
    again = promptlab(*RUN, "--retry-failed")
    assert "Batch 1: 2 of 6 generations to send" in again.err
    assert len(server.asked) == 8
    assert states(promptlab("batch", "show", 1, "--json").json) == {"succeeded": 6}


def test_what_was_refused_is_sent_again_so_often_each(promptlab: Promptlab, server: OpenAIServer) -> None:
    """Within one run as well, and all runs together."""
    server.behave_always(Behaviour.refusal())
    assert states(promptlab(*RUN, "--retry-refused", 2, "--json", code=6).json) == {"refused": 6}
    assert prompts(server) == wanted("p", 6, draws=3)
    promptlab(*RESUME, "--retry-refused", 2, code=6)
    assert prompts(server) == wanted("p", 6, draws=3)
    server.behave_always()
    assert states(promptlab(*RESUME, "--retry-refused", 3, "--json").json) == {"succeeded": 6}
    assert prompts(server) == wanted("p", 6, draws=4)


def test_what_is_unknown_is_sent_again_only_when_it_is_asked_for(promptlab: Promptlab, server: OpenAIServer) -> None:
    server.behave(Behaviour.connection_reset())
    said = promptlab(*RUN, code=5).err
    assert "promptlab batch resume 1 --retry-unknown" in said
    promptlab(*RESUME, "--retry-failed", "--retry-refused", 3, code=5)
    assert len(server.asked) == 6
    assert states(promptlab(*RESUME, "--retry-unknown", "--json").json) == {"succeeded": 6}
    assert len(server.asked) == 7
