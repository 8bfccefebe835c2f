"""What the README says of providers is what there is."""

from tests.documentation import Page

from promptlab.adapters.ai.registry import provider_spec
from promptlab.settings.installed import provider_names


def test_the_table_of_the_readme_has_every_provider_and_what_it_needs() -> None:
    """A key that is needed, by the name of its variable."""
    [rows] = [rows for rows in Page("README.md").tables() if rows[0][0] == "`openai`"]
    shown = {row[0].strip("`"): row[2] for row in rows}
    assert sorted(shown) == provider_names()
    for name, needs in shown.items():
        spec = provider_spec(name)
        if spec.key_needed and spec.key_variable:
            assert f"`{spec.key_variable}`" in needs
