"""From what a person asks of a new prompt version to the version: defaults, --from, and the editor's text."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sqlmodel import Session

from promptlab.adapters.ai.capabilities import Capabilities
from promptlab.adapters.ai.registry import models_of_all, provider_spec, providers_of_model, ready_providers
from promptlab.db import prompts
from promptlab.db.models import PromptVersion
from promptlab.errors import InvalidInput, nearest
from promptlab.services.checks import about_model, about_system_prompt, list_of_models
from promptlab.services.lab import Providers
from promptlab.services.prompts import Content, IfSame, content_of, make
from promptlab.services.templates import names_in_single_braces, variables_of
from promptlab.settings import Settings
from promptlab.settings.installed import provider_names

_SYSTEM, _USER = "=== system prompt ===", "=== user prompt ==="


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What was asked for; None takes the default, or what `start_from` has."""

    name: str
    user_prompt: str | None = None
    system_prompt: str | None = None
    provider: str | None = None
    model: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    description: str | None = None
    start_from: str | None = None
    raw: bool = False
    if_same: IfSame = "refuse"


@dataclass(frozen=True, kw_only=True)
class Made:
    """The version, whether it is new, and what should be known of its text and its model.

    `missing` are parameters that it needs and does not have.
    """

    version: PromptVersion
    is_new: bool
    warnings: list[str]
    missing: list[str]

    @property
    def variables(self) -> list[str]:
        """The names that its templates take."""
        texts = (self.version.user_prompt, self.version.system_prompt or "")
        return [] if self.version.raw else sorted(set().union(*map(variables_of, texts)))


def create(session: Session, project_id: int, wanted: Wanted, *, settings: Settings, providers: Providers) -> Made:
    """Make the version that was asked for.

    Raises:
        InvalidInput: a name, template, provider or parameter that cannot be used.
        NotFound: `start_from` names no version.
        Conflict: the content is not new, and `if_same` is "refuse".
    """
    content = _content(session, project_id, wanted, settings)
    found = providers.open(content.provider, for_sending=False).capabilities(content.model)
    _check_model(content, found)
    capabilities = found.for_parameters(content.parameters)
    version, is_new = make(
        session,
        project_id,
        wanted.name,
        content,
        capabilities=capabilities,
        description=wanted.description,
        if_same=wanted.if_same,
    )
    warnings = [
        *_about_text(version),
        *about_system_prompt(version.system_prompt, content.model, capabilities),
        *about_model(content.provider, content.model, capabilities),
    ]
    rules = capabilities.parameters or {}
    missing = [name for name, rule in rules.items() if rule.required and name not in content.parameters]
    return Made(version=version, is_new=is_new, warnings=warnings, missing=missing)


def as_text(version: PromptVersion) -> str:
    """Return the prompts of a version as the text that `from_text` reads."""
    return (
        f"# {version.name}@{version.version}. Save and close: what you change becomes a new version.\n"
        f"{_SYSTEM}\n{version.system_prompt or ''}\n{_USER}\n{version.user_prompt}\n"
    )


def from_text(version: PromptVersion, text: str) -> Wanted:
    """Return what an edited text asks for: the version with the prompts of the text.

    Raises:
        InvalidInput: a heading is gone.
    """
    _top, has_system, rest = text.partition(f"{_SYSTEM}\n")
    system, has_user, user = rest.partition(f"{_USER}\n")
    if not has_system or not has_user:
        raise InvalidInput(f"The lines {_SYSTEM!r} and {_USER!r} must stay.")
    return Wanted(
        name=version.name,
        # An editor ends the last line, and `as_text` puts a line end behind each prompt.
        user_prompt=user.removesuffix("\n"),
        system_prompt=system.removesuffix("\n"),
        description=version.description,
        start_from=str(version.id),
        if_same="reuse",
    )


def _about_text(version: PromptVersion) -> list[str]:
    if version.raw:
        return []
    names = names_in_single_braces(f"{version.system_prompt or ''}\n{version.user_prompt}")
    return [f"{{{name}}} is sent as it stands; for a variable write {{{{ {name} }}}}." for name in names]


def _check_model(content: Content, capabilities: Capabilities) -> None:
    """Refuse a name that no model of the provider can have: a version never changes, so it could never be used."""
    spec = provider_spec(content.provider)
    if spec.model_form is None or re.fullmatch(spec.model_form, content.model):
        return
    near = f" Did you mean {capabilities.near!r}?" if capabilities.near else ""
    raise InvalidInput(
        f"{content.model!r} is no model of {spec.name}: expected is {spec.model_form_called}.{near}",
        hint=f"{list_of_models(spec.name)} shows those that are known here.",
    )


def _content(session: Session, project_id: int, wanted: Wanted, settings: Settings) -> Content:
    start = prompts.get(session, project_id, wanted.start_from) if wanted.start_from else None
    if start is not None:
        return _changed(content_of(start), wanted)
    if wanted.user_prompt is None:
        raise InvalidInput("A user prompt is needed.", hint="Give it with --user TEXT or --user @FILE.")
    provider = _provider(wanted, settings)
    model = wanted.model or provider_spec(provider).default_model
    if model is None:
        raise InvalidInput(f"{provider} has no default model.", hint="Name one with --model.")
    return Content(
        system_prompt=wanted.system_prompt,
        user_prompt=wanted.user_prompt,
        provider=provider,
        model=model,
        raw=wanted.raw,
        parameters=wanted.parameters,
    )


def _changed(content: Content, wanted: Wanted) -> Content:
    """Return the content with what was asked for in its place; another provider comes with its own model."""
    given = {
        name: value
        for name in ("user_prompt", "system_prompt", "provider", "model")
        if (value := getattr(wanted, name)) is not None
    }
    if wanted.provider and wanted.provider != content.provider and not wanted.model:
        given["model"] = provider_spec(wanted.provider).default_model or content.model
    return replace(
        content, **given, raw=wanted.raw or content.raw, parameters={**content.parameters, **wanted.parameters}
    )


def _provider(wanted: Wanted, settings: Settings) -> str:
    """Return the provider asked for, else the only one that knows the model, else the configured default."""
    known = providers_of_model(wanted.model, settings) if wanted.model else []
    found = wanted.provider or (known[0] if len(known) == 1 else settings.provider)
    if found:
        return provider_spec(found).name
    ready = ", ".join(ready_providers(settings)) or f"none of {', '.join(provider_names())}"
    near = nearest(wanted.model, models_of_all(settings)) if wanted.model and not known else ""
    raise InvalidInput(
        f"Which provider? Name one with --provider.{near}",
        hint=f"Ready now: {ready}. `promptlab provider list` shows what the others need.",
    )
