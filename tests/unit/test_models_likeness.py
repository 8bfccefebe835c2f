"""A model that is like one of another provider: a deployment with the limits and prices of the model behind it."""

from pathlib import Path

import pytest

from promptlab.adapters.ai.catalogue import Catalogue, read_catalogue
from promptlab.errors import NotConfigured


@pytest.fixture
def models_file(tmp_path: Path) -> Path:
    return tmp_path / "models.toml"


def _with(models_file: Path, text: str) -> Catalogue:
    models_file.write_text(text, encoding="utf-8")
    return read_catalogue(models_file)


def test_no_deployment_is_known_unless_somebody_says_so() -> None:
    """And a model's name alone still means the one provider that knows it."""
    catalogue = read_catalogue()
    assert not catalogue.capabilities("azure", "gpt-image-2").known
    assert catalogue.providers_of("gpt-image-2") == ["openai"]


def test_a_deployment_can_be_like_a_model_of_openai(models_file: Path) -> None:
    catalogue = _with(models_file, '[azure.models."our pictures"]\nlike = "openai/gpt-image-2"\nmax_count = 2')
    ours, theirs = catalogue.capabilities("azure", "our pictures"), catalogue.capabilities("openai", "gpt-image-2")
    assert (ours.known, ours.max_count) == (True, 2)
    assert (ours.price, ours.parameters, ours.seed) == (theirs.price, theirs.parameters, theirs.seed)


def test_the_day_of_retirement_is_each_provider_s_own(models_file: Path) -> None:
    catalogue = _with(
        models_file,
        '[azure.models]\na.like = "openai/gpt-image-1.5"\n'
        'b = { like = "openai/gpt-image-1.5", retires = 2026-12-16 }\nc.like = "b"',
    )
    assert [catalogue.capabilities("azure", name).retires for name in "abc"] == [None, "2026-12-16", "2026-12-16"]


def test_what_holds_for_every_deployment_yields_to_the_likeness(models_file: Path) -> None:
    text = '[azure.every_model]\nmax_inputs = 1\n[azure.models]\na.like = "openai/gpt-image-2"\nb = {}'
    catalogue = _with(models_file, text)
    assert [catalogue.capabilities("azure", name).max_inputs for name in "ab"] == [16, 1]


def test_a_name_with_a_slash_is_first_a_name(models_file: Path) -> None:
    text = '[openai.models]\n"openai/gpt-image-2" = { max_count = 3 }\nm.like = "openai/gpt-image-2"'
    assert _with(models_file, text).capabilities("openai", "m").max_count == 3


@pytest.mark.parametrize("like", ["openai/nobody", "nobody/gpt-image-2", "openai/", "/gpt-image-2", "gpt-image-2"])
def test_a_likeness_to_nothing_is_one_sentence(models_file: Path, like: str) -> None:
    with pytest.raises(NotConfigured, match=r"azure\.models\.m\.like names no other model"):
        _with(models_file, f'[azure.models.m]\nlike = "{like}"')


def test_a_likeness_that_runs_in_a_circle_is_one_sentence(models_file: Path) -> None:
    with pytest.raises(NotConfigured, match="names no other model"):
        _with(models_file, '[azure.models.m]\nlike = "openai/x"\n[openai.models.x]\nlike = "azure/m"')
