"""Providers by name: found through entry points, loaded when asked for, and ready or not."""

import subprocess
import sys
from pathlib import Path

import pytest
from tests.vendors import vendors

from promptlab.adapters.ai.registry import (
    missing,
    open_provider,
    provider_spec,
    providers_of_model,
    ready_providers,
)
from promptlab.errors import InvalidInput, NotConfigured
from promptlab.settings import load
from promptlab.settings.installed import provider_names

SHIPPED = sorted(["azure", "openai", "sketch", *vendors()])

_PLUGIN = """
from promptlab.adapters.ai.registry import ProviderSpec
from promptlab.adapters.ai.sketch import SketchProvider

PROVIDER = ProviderSpec(
    name="{name}", summary="theirs", key_variable="THEIR_KEY", build=lambda settings, lookup: SketchProvider(lookup)
)
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of installed packages."""
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    return tmp_path / "site"


def install(site: Path, name: str, code: str, *, package: str = "theirs") -> None:
    """Install a package that brings a provider."""
    metadata = site / f"{package}-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[promptlab.providers]\n{name} = {package}_{name}:PROVIDER\n")
    (site / f"{package}_{name}.py").write_text(code)


def test_the_providers_that_ship_are_found() -> None:
    assert provider_names() == SHIPPED


def test_names_are_listed_without_importing_an_adapter() -> None:
    code = (
        "import sys; from importlib.metadata import entry_points; from promptlab.settings import installed; "
        "installed.provider_names(); adapters = {p.module for p in entry_points(group=installed.GROUP)}; "
        "print(sorted(adapters & sys.modules.keys()), len(adapters), 'httpx' in sys.modules, 'PIL' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == f"[] {len(SHIPPED)} False False\n"


def test_asking_for_capabilities_loads_no_network_or_image_library() -> None:
    code = (
        "import sys; from promptlab.adapters.ai.registry import *; from promptlab.settings import installed, load; "
        "[open_provider(n, load(), for_sending=False).capabilities('m') for n in installed.provider_names()]; "
        "print('httpx' in sys.modules, 'PIL' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False False\n"


def test_each_provider_says_what_it_is_and_has_a_default_model_of_its_own() -> None:
    """But for Azure, where models are deployments with names that only their owner knows."""
    for name in provider_names():
        spec = provider_spec(name)
        assert spec.name == name
        assert spec.summary
        assert "\n" not in spec.summary
        assert (spec.default_model is None) == (name == "azure")
        assert spec.default_model is None or providers_of_model(spec.default_model, load()) == [name]


def test_an_unknown_name_gets_the_nearest_one() -> None:
    with pytest.raises(InvalidInput, match="Did you mean 'openai'") as caught:
        provider_spec("opena")
    assert caught.value.exit_code == 2
    assert "promptlab provider list" in (caught.value.hint or "")


def test_without_a_key_openai_is_not_ready() -> None:
    """The sentence names the variable; asking for capabilities needs none."""
    with pytest.raises(NotConfigured, match="OPENAI_API_KEY is not set") as caught:
        open_provider("openai", load())
    assert "takes any text" in (caught.value.hint or "")
    assert missing("openai", load()) == caught.value.message
    assert ready_providers(load()) == ["sketch"]
    assert open_provider("openai", load(), for_sending=False).capabilities("gpt-image-2").known


def test_a_base_url_of_one_s_own_needs_a_key_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")
    with pytest.raises(NotConfigured, match="OPENAI_API_KEY is not set"):
        open_provider("openai", load())
    monkeypatch.setenv("OPENAI_API_KEY", "any text")
    assert missing("openai", load()) is None
    assert ready_providers(load()) == ["openai", "sketch"]


@pytest.mark.parametrize("key", [" ", "sk-1234567\n", "sk-1234567\u2028x", "sk-ключ1234", "\tsk-1234567"])
def test_a_key_that_could_not_be_sent_is_refused_without_showing_it(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with pytest.raises(NotConfigured, match="OPENAI_API_KEY") as caught:
        open_provider("openai", load())
    assert "sk-" not in caught.value.message


@pytest.mark.parametrize(
    "url",
    [
        *("localhost:8000", "ftp://example.com", "https://", "https://[", "https://host:99999", "https:///v1", "x y"),
        *("https://user:secret@host/v1", "https://host/v1?key=secret", "https://host/v1#secret", "https://host/v1 "),
    ],
)
def test_a_base_url_that_is_none_is_refused_without_showing_it(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1234567")
    monkeypatch.setenv("OPENAI_BASE_URL", url)
    with pytest.raises(NotConfigured, match="no plain http or https URL") as caught:
        open_provider("openai", load())
    assert "secret" not in caught.value.message
    assert (caught.value.hint or "").startswith("Set OPENAI_BASE_URL to https:")
    assert missing("openai", load()) == caught.value.message


def test_plain_http_to_another_machine_must_be_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1234567")
    monkeypatch.setenv("PROMPTLAB_OPENAI_BASE_URL", "http://litellm.lan:4000/v1")
    with pytest.raises(NotConfigured, match=r"litellm\.lan unencrypted") as caught:
        open_provider("openai", load())
    assert "PROMPTLAB_OPENAI_ALLOW_HTTP=true" in (caught.value.hint or "")
    monkeypatch.setenv("PROMPTLAB_OPENAI_ALLOW_HTTP", "true")
    open_provider("openai", load()).close()


@pytest.mark.parametrize("url", ["http://localhost:1/v1", "http://127.0.0.1/v1", "http://[::1]:1/v1", "https://host/"])
def test_https_and_this_machine_need_no_permission(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1234567")
    monkeypatch.setenv("OPENAI_BASE_URL", url)
    open_provider("openai", load()).close()


def test_a_models_file_counts_for_providers_and_capabilities(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "models.toml"
    file.write_text('[openai.models.flux]\nmax_count = 2\n[nobody.models."flux"]\n')
    monkeypatch.setenv("PROMPTLAB_MODELS_FILE", str(file))
    assert providers_of_model("flux", load()) == ["openai"], "a provider that is not installed is none"
    assert open_provider("openai", load(), for_sending=False).capabilities("flux").max_count == 2


def test_another_package_brings_a_provider(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is listed, needs its own key, and is opened as the others are."""
    install(site, "plugged", _PLUGIN.format(name="plugged"))
    assert provider_names() == sorted([*SHIPPED, "plugged"])
    assert missing("plugged", load()) == "THEIR_KEY is not set, and plugged needs a key."
    monkeypatch.setenv("THEIR_KEY", "k")
    assert missing("plugged", load()) is None
    assert not open_provider("plugged", load()).capabilities("m").known


def test_a_provider_with_a_dash_has_a_variable_without(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROMPTLAB_MY_LAB_ATTEMPTS", "7")
    with pytest.raises(NotConfigured, match="is no setting"):
        load()
    install(site, "my-lab", _PLUGIN.format(name="my-lab"))
    assert load().for_provider("my-lab", key_variable=None, base_url_variable=None).attempts == 7


@pytest.mark.parametrize(
    ("code", "complaint"),
    [
        ("import nowhere_to_be_found", "ModuleNotFoundError"),
        ("def", "SyntaxError"),
        ("raise RuntimeError('boom')", "RuntimeError: boom"),
        ("", "AttributeError"),
        ("PROVIDER = 5", "is no ProviderSpec"),
    ],
)
def test_a_plug_in_that_cannot_be_loaded_is_one_sentence(site: Path, code: str, complaint: str) -> None:
    """And the other providers go on as before."""
    name = f"broken{abs(hash(code))}"
    install(site, name, code)
    with pytest.raises(NotConfigured, match=complaint) as caught:
        provider_spec(name)
    assert "package theirs" in (caught.value.hint or "")
    assert missing(name, load()) == caught.value.message
    assert ready_providers(load()) == ["sketch"]


def test_two_packages_with_one_name_are_not_guessed_between(site: Path) -> None:
    for package in ("ours", "theirs"):
        install(site, "twice", _PLUGIN.format(name="twice"), package=package)
    with pytest.raises(NotConfigured, match="ours, theirs"):
        provider_spec("twice")
