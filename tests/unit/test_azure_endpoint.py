"""Where Azure is: from an endpoint in any of the forms that people copy to a surface, or a sentence."""

import pytest

from promptlab.adapters.ai.azure import service_at
from promptlab.adapters.ai.registry import missing, open_provider, ready_providers
from promptlab.errors import NotConfigured
from promptlab.settings import load

HOST = "https://lab.openai.azure.com"
DATED = "2025-04-01-preview"
V1 = f"{HOST}/openai/v1/images/generations"
OLDER = f"{HOST}/openai/deployments/d/images/generations?api-version={DATED}"


@pytest.fixture(autouse=True)
def nothing_of_azure(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AZURE_OPENAI_API_KEY", "AZURE_OPENAI_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("endpoint", "version", "url"),
    [
        (HOST, None, V1),
        (f"{HOST}/", None, V1),
        (f"{HOST}/openai", None, V1),
        (f"{HOST}/openai/v1/", None, V1),
        (f"{HOST}/openai/v1/images/generations", None, V1),
        (f"{HOST}/openai/v1", DATED, V1),
        (HOST, "preview", f"{V1}?api-version=preview"),
        (f"{HOST}/openai/v1?api-version=preview", DATED, f"{V1}?api-version=preview"),
        (HOST, DATED, OLDER),
        (f"{HOST}/openai/", DATED, OLDER),
        (f"{HOST}?api-version={DATED}", None, OLDER),
        (f"{HOST}/?api-version={DATED}", "2024-02-01", OLDER),
        (f"{HOST}/openai/deployments/another/images/edits?api-version={DATED}", None, OLDER),
        ("https://gw.example.com/ai/azure", None, "https://gw.example.com/ai/azure/openai/v1/images/generations"),
    ],
)
def test_an_endpoint_means_one_surface(endpoint: str, version: str | None, url: str) -> None:
    """A path that says v1 is that; otherwise a dated version is the older surface, and the model its deployment."""
    service = service_at(endpoint, key="k", version=version)
    assert service.base_url + service.path("generations", "d") == url


@pytest.mark.parametrize(
    ("version", "url"),
    [(None, f"{HOST}/openai/v1/models"), (DATED, f"{HOST}/openai/models?api-version={DATED}")],
)
def test_models_are_listed_beside_the_deployments(version: str | None, url: str) -> None:
    service = service_at(HOST, key="k", version=version)
    assert service.base_url + service.models == url


def test_the_key_is_not_shown() -> None:
    assert "secret-key" not in repr(service_at(HOST, key="secret-key"))


def test_without_an_endpoint_azure_is_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no default; the sentence names the variable, and the hint promptlab's own."""
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "k")
    with pytest.raises(NotConfigured, match="AZURE_OPENAI_ENDPOINT is not set") as caught:
        open_provider("azure", load())
    assert "PROMPTLAB_AZURE_BASE_URL" in (caught.value.hint or "")
    assert missing("azure", load()) == caught.value.message


def test_without_a_key_azure_is_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", HOST)
    assert missing("azure", load()) == "AZURE_OPENAI_API_KEY is not set, and azure needs a key."
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "k")
    assert ready_providers(load()) == ["azure", "sketch"]


@pytest.mark.parametrize("query", ["key=secret", "api-version=1&key=secret", "secret", "api-version=1#secret"])
def test_an_endpoint_carries_a_version_and_nothing_else(monkeypatch: pytest.MonkeyPatch, query: str) -> None:
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "k")
    monkeypatch.setenv("PROMPTLAB_AZURE_BASE_URL", f"{HOST}?{query}")
    with pytest.raises(NotConfigured, match="no plain http or https URL") as caught:
        open_provider("azure", load())
    assert "secret" not in caught.value.message + (caught.value.hint or "")
    assert "?api-version=…" in (caught.value.hint or "")


def test_the_endpoint_may_stand_in_a_file_with_its_version(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("project")
    (folder / "promptlab.toml").write_text(f'[providers.azure]\nbase_url = "{HOST}?api-version={DATED}"\n')
    monkeypatch.chdir(folder)
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "k")
    assert missing("azure", load()) is None
