"""The documentation is true: what its text says of servers and of benches that move, tried."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.documentation import Page
from tests.fixtures.command_line import Promptlab
from tests.openai_dialects import DIALECTS
from tests.openai_server import OpenAIServer, serving

from promptlab.adapters.ai.catalogue import read_catalogue

SERVERS = {
    row[0]: row for table in Page("docs/your-own-server.md").tables() for row in table if row[0].lower() in DIALECTS
}


@pytest.fixture(params=SERVERS)
def row(request: pytest.FixtureRequest) -> list[str]:
    """A row of the table: a server, what its address ends in, and what to mind."""
    return SERVERS[request.param]


@pytest.fixture
def server(row: list[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAIServer]:
    with serving(dialect=DIALECTS[row[0].lower()]) as running:
        assert f"`{running.dialect.root}`" == row[1]
        monkeypatch.setenv("OPENAI_BASE_URL", running.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "any-text")
        yield running


def test_the_table_has_every_server_that_the_tests_can_play() -> None:
    assert {name.lower() for name in SERVERS} == set(DIALECTS) - {"openai", "azure"}


def test_a_server_does_what_the_table_says_of_it(
    promptlab: Promptlab, server: OpenAIServer, row: list[str], picture: Path
) -> None:
    """Input images, several images a request and parameters, as each takes them or not."""
    [model, *_more] = server.dialect.listed
    promptlab("prompt", "create", "banner", "--user", "a poster", "--provider", "openai", "--model", model)
    buy = ("generate", "--prompt-version", "banner", "--json")
    [plain] = promptlab(*buy).json["items"]
    assert plain["cost_usd"] is None
    promptlab(*buy, "--input", picture, code=5 if "no `--input`" in row[2] else 0)
    [double] = promptlab(*buy, "--count", 2).json["items"]
    assert len(double["outputs"]) == (1 if "not `--count`" in row[2] else 2)
    if "`--seed`" in row[2]:
        promptlab(*buy, "--seed", 7, "--draws", 2, "--param", "negative_prompt=text")
        assert {request.fields["seed"] for request in server.asked[-2:]} == {7, 8}
    if "refuses what it does not know" in row[2]:
        promptlab(*buy, "--param", "flavour=sweet", code=5)


def test_a_home_that_moved_keeps_everything_but_its_images(
    promptlab: Promptlab, sketch_version: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the page about moving data says, with the sentence that it leads to."""
    buy = ("generate", "--prompt-version", sketch_version, "--var", "subject=fox", "--json")
    [before] = promptlab(*buy).json["items"]
    promptlab("rate", before["id"], "--score", 4)
    shutil.move("promptlab", "moved")
    monkeypatch.setenv("PROMPTLAB_HOME", str(Path("moved").absolute()))
    [after] = promptlab("generation", "list", "--json").json["items"]
    assert after == before | {"result_rating": 4}
    assert "is not in the storage" in promptlab("storage", "url", before["id"], "--json", code=2).error["message"]
    [new] = promptlab(*buy).json["items"]
    assert new["outputs"][0]["url"].startswith(Path("moved/images").absolute().as_uri())


@pytest.mark.parametrize(("inputs", "units"), [(0, 4), (1, 8)])
def test_the_bound_in_the_example_of_fal_covers_a_request_with_an_input(
    tmp_path: Path, inputs: int, units: int
) -> None:
    """Of four megapixels each: else --max-cost would let through what it is to stop."""
    [lines] = [lines for lines in Page("docs/providers/fal.md").blocks if lines[0].strip() == "# models.toml"]
    (tmp_path / "models.toml").write_text("\n".join(lines[: lines.index("")]))
    model = read_catalogue(tmp_path / "models.toml").capabilities("fal", "fal-ai/some-model")
    assert (model.upper_price(count=1, inputs=inputs, prompt_bytes=0) or 0) >= units * (model.price.per_unit or 1)
