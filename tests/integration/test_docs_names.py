"""The documentation is true: every link, command, flag, variable and setting that it names exists."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import typer
from tests.documentation import ROOT, Page, pages

from promptlab.cli import app
from promptlab.settings import ProviderSettings, Settings
from promptlab.settings.installed import provider_names

PAGES = {page.name: page for page in pages()}


@pytest.mark.parametrize("page", PAGES.values(), ids=lambda page: page.name)
def test_a_page_is_no_longer_than_two_screens(page: Page) -> None:
    assert len(page.text.splitlines()) < 100
    assert [line for line in page.text.splitlines() if len(line) > 120] == []


@pytest.mark.parametrize("page", [*PAGES.values(), Page("CHANGELOG.md")], ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Page) -> None:
    for link in page.links:
        if not link.startswith(("https://", "http://")):
            target, _hash, anchor = link.partition("#")
            place = (page.path.parent / target).resolve() if target else page.path
            assert place.exists(), link
            assert not anchor or anchor in Page(str(place.relative_to(ROOT))).anchors, link


def test_the_index_names_every_page() -> None:
    assert {f"docs/{link}" for link in PAGES["docs/README.md"].links} == set(PAGES) - {"README.md", "docs/README.md"}


def _options(command: Any) -> set[str]:
    return {name for each in command.params for name in (*each.opts, *each.secondary_opts)} | {"--help"}


def _commands(command: Any) -> Iterator[Any]:
    yield command
    for child in getattr(command, "commands", {}).values():
        yield from _commands(child)


ROOT_COMMAND = typer.main.get_command(app)


@pytest.mark.parametrize("page", [*PAGES.values(), Page("CHANGELOG.md")], ids=lambda page: page.name)
def test_every_command_and_flag_in_the_text_exists(page: Page) -> None:
    everywhere = set().union(*(_options(command) for command in _commands(ROOT_COMMAND)))
    for span in page.spans:
        words = span.split()
        if words[0] == "promptlab":
            _check_command(words[1:])
        for flag in re.findall(r"(?<!\S)--[a-z-]+", span):
            assert flag in everywhere, span


def _check_command(words: list[str]) -> None:
    """Follow the words down the tree of commands, and look each flag up where it stands."""
    command: Any = ROOT_COMMAND
    allowed = _options(command)
    for word in words:
        if word.startswith("--"):
            assert word in allowed, words
        elif word in getattr(command, "commands", {}):
            command = command.commands[word]
            allowed = _options(command)
    assert not words or command is not ROOT_COMMAND or words[0].startswith("--"), words


def test_every_variable_of_promptlab_is_one() -> None:
    known = {f"PROMPTLAB_{name.upper()}" for name in Settings.model_fields if name != "layers"} | {
        f"PROMPTLAB_{provider.upper()}_{name.upper()}"
        for provider in provider_names()
        for name in ProviderSettings.model_fields
    }
    for page in PAGES.values():
        assert set(re.findall(r"PROMPTLAB_(?!NAME_)[A-Z0-9_]+\b", page.text)) <= known, page.name


def test_the_page_about_configuration_has_every_setting_and_no_other() -> None:
    general, provider = PAGES["docs/configuration.md"].tables()
    shown = {row[0].strip("`"): row for row in general}
    assert set(shown) == set(Settings.model_fields) - {"layers"}
    assert all(row[1] == f"`PROMPTLAB_{name.upper()}`" for name, row in shown.items())
    assert {row[0].strip("`") for row in provider} == set(ProviderSettings.model_fields) - {"api_key"}
    assert "`api_key`" in PAGES["docs/configuration.md"].text


def test_the_page_about_configuration_says_the_defaults() -> None:
    general, provider = PAGES["docs/configuration.md"].tables()
    for model, table in ((Settings, general), (ProviderSettings, provider)):
        for row in table:
            default = model.model_fields[row[0].strip("`")].default
            if isinstance(default, str | int | float):
                assert row[-1].strip("`") == str(default).lower()
