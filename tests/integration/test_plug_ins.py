"""Providers that other packages bring: the example of the documentation, and packages that are broken."""

from pathlib import Path

import pytest
from tests.fixtures.command_line import Promptlab
from tests.fixtures.example_provider import Pixelworks

KEY = "pixel-0123456789"


@pytest.fixture
def ready(example_provider: None, pixelworks: Pixelworks, monkeypatch: pytest.MonkeyPatch) -> Pixelworks:
    monkeypatch.setenv("PIXELWORKS_API_KEY", KEY)
    monkeypatch.setenv("PIXELWORKS_BASE_URL", pixelworks.base_url)
    return pixelworks


def broken_package(site: Path) -> None:
    metadata = site / "shaky-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: shaky\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[promptlab.providers]\nshaky = shaky:PROVIDER\n")
    (site / "shaky.py").write_text("import nowhere_to_be_found\n")


def test_the_example_package_works_as_any_provider_does(promptlab: Promptlab, ready: Pixelworks) -> None:
    """From creating over generating to what came of it, with the seed as the service reports it."""
    promptlab("prompt", "create", "p", "--user", "a fox", "--provider", "pixelworks", code=0)
    [row] = promptlab("generate", "--prompt-version", "p", "--seed", 7, "--json").json["items"]
    assert (row["state"], row["model"], row["seed"]) == ("succeeded", "pixel-1", 7)
    assert row["effective_parameters"]["seed"] == "7"
    [listed] = [item for item in promptlab("provider", "list", "--json").json["items"] if item["name"] == "pixelworks"]
    assert (listed["package"], listed["ready"]) == ("promptlab-pixelworks", True)


def test_the_example_tells_refusals_and_bad_keys_apart(
    promptlab: Promptlab, ready: Pixelworks, monkeypatch: pytest.MonkeyPatch
) -> None:
    promptlab("prompt", "create", "p", "--user", "something forbidden", "--provider", "pixelworks", code=0)
    [row] = promptlab("generate", "--prompt-version", "p", "--json", code=6).json["items"]
    assert (row["state"], row["error"]["message"]) == ("refused", "Not here.")
    assert "ana" in promptlab("provider", "check", "pixelworks", code=0).out


@pytest.mark.parametrize("command", [("provider", "list"), ("provider", "list", "--models")])
def test_a_broken_plug_in_is_one_warning(
    promptlab: Promptlab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    """The other providers are listed, and work, as before."""
    broken_package(tmp_path / "site")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    ran = promptlab(*command, code=0)
    assert ran.err.count("cannot be loaded") == 1
    assert "sketch" in ran.out
    promptlab("prompt", "create", "p", "--user", "a fox", "--provider", "sketch", code=0)
    promptlab("generate", "--prompt-version", "p", code=0)
