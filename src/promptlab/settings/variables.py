"""Variables that look like settings and are none: a slip in a name would work in another bench than one meant to."""

import os
from collections.abc import Iterable, Iterator

from promptlab.errors import NotConfigured, PromptlabError, nearest
from promptlab.settings.installed import provider_names
from promptlab.settings.layers import variable_of
from promptlab.settings.provider import ProviderSettings, provider_prefix

_TESTS = "TEST_"


def unknown_variables(general: Iterable[str], *, prefix: str) -> list[PromptlabError]:
    """Return a complaint about each variable with the prefix that is no setting, with the nearest that is.

    `general` are the settings that are no provider's. An empty variable counts as unset.
    """
    known = {variable_of(name, prefix=prefix) for name in general}
    others = [name for name in sorted(os.environ) if _is_strange(name, known, prefix=prefix)]
    if not others:  # the usual case, in which nobody waits while installed packages are looked through
        return []
    known.update(_of_providers())
    return [
        NotConfigured(
            f"{name} is no setting.{nearest(name, sorted(known))}", hint=f"Correct its name, or unset {name}."
        )
        for name in others
        if name not in known
    ]


def _is_strange(name: str, known: set[str], *, prefix: str) -> bool:
    named = name.startswith(prefix) and not name.startswith(f"{prefix}{_TESTS}")
    return named and name not in known and bool(os.environ[name])


def _of_providers() -> Iterator[str]:
    for provider in provider_names():
        for name in ProviderSettings.model_fields:
            yield variable_of(name, prefix=provider_prefix(provider))
