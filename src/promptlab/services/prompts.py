"""Making prompt versions: immutable, numbered, and known by their content."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from sqlmodel import Session

from promptlab.adapters.ai.capabilities import Capabilities
from promptlab.db import projects, prompts
from promptlab.db.models import PromptVersion
from promptlab.errors import Conflict, InvalidInput
from promptlab.services import templates
from promptlab.services.content import content_hash
from promptlab.services.parameters import check_parameters

IfSame = Literal["refuse", "make", "reuse"]


@dataclass(frozen=True, kw_only=True)
class Content:
    """Everything in a prompt version that changes the picture."""

    system_prompt: str | None
    user_prompt: str
    provider: str
    model: str
    raw: bool = False
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @property
    def hash(self) -> str:
        """The SHA-256 of the content."""
        parts = [self.system_prompt, self.user_prompt, self.provider, self.model, self.raw, dict(self.parameters)]
        return content_hash(parts)


def content_of(version: PromptVersion) -> Content:
    """Return the content of a version, to make another one of it."""
    return Content(
        system_prompt=version.system_prompt,
        user_prompt=version.user_prompt,
        provider=version.provider,
        model=version.model,
        raw=version.raw,
        parameters=version.parameters,
    )


def make(
    session: Session,
    project_id: int,
    name: str,
    content: Content,
    *,
    capabilities: Capabilities,
    description: str | None = None,
    if_same: IfSame = "refuse",
) -> tuple[PromptVersion, bool]:
    """Make the next version of that name; return it, and whether it is new.

    `if_same` says what happens when a live version of the name has the same content already.

    Raises:
        InvalidInput: a name, template or parameter that cannot be used.
        Conflict: the same content is there, and `if_same` is "refuse".
    """
    content = _checked(name, content, capabilities)
    projects.lock(session, project_id)
    same = prompts.same_content(session, project_id, name, content.hash)
    if same is not None and if_same == "reuse":
        return same, False
    if same is not None and if_same == "refuse":
        raise Conflict(
            f"{name}@{same.version} has the same content.",
            hint="--force makes a new version all the same, --if-changed takes the existing one.",
        )
    version = PromptVersion(
        project_id=project_id,
        name=name,
        version=prompts.next_number(session, project_id, name),
        content_hash=content.hash,
        description=description,
        **_columns(content),
    )
    session.add(version)
    session.flush()
    return version, True


def _checked(name: str, content: Content, capabilities: Capabilities) -> Content:
    if not prompts.NAME.fullmatch(name):
        raise InvalidInput(
            f"{name!r} is no name for a prompt.",
            hint="Start with a letter from a to z; then letters, digits, '_', '-' and '.', up to 100 altogether.",
        )
    if not content.user_prompt.strip():
        raise InvalidInput("The user prompt is empty.", hint="Give it with --user TEXT or --user @FILE.")
    if not content.model.strip():
        raise InvalidInput("The name of the model is empty.", hint="Without --model it is the provider's default.")
    content = replace(content, system_prompt=content.system_prompt or None)
    if not content.raw:
        templates.check(content.user_prompt, what="user prompt")
        templates.check(content.system_prompt or "", what="system prompt")
    check_parameters(content.parameters, capabilities, model=content.model)
    return content


def _columns(content: Content) -> dict[str, Any]:
    return {
        "system_prompt": content.system_prompt,
        "user_prompt": content.user_prompt,
        "provider": content.provider,
        "model": content.model,
        "raw": content.raw,
        "parameters": dict(content.parameters),
    }
