"""Prompts as templates: Jinja2 in its sandbox, strict about undefined names.

Only `{{ name }}`, `{% … %}` and comments written `{## … ##}` mean something, so `{#ff0000}` and `{style}` are text.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from promptlab.errors import InvalidInput
from promptlab.services.template_mistakes import in_own_words

if TYPE_CHECKING:
    from jinja2 import Template
    from jinja2.sandbox import SandboxedEnvironment


_NAME_IN_BRACES = re.compile(r"(?<!\{)\{\s*([A-Za-z_]\w*)\s*\}(?!\})")
"""What other template languages take for a variable."""


class MissingVariable(InvalidInput):
    """A prompt needs a value that nobody has given."""

    def __init__(self, what: str, names: Sequence[str]) -> None:
        flags = " ".join(f"--var {name}=…" for name in names)
        super().__init__(f"The {what} needs a value for {', '.join(names)}.", hint=f"Add {flags}")
        self.names = names


@dataclass(frozen=True, kw_only=True, slots=True)
class Rendered:
    """Both prompts as they are sent."""

    system: str | None
    user: str


def check(text: str, *, what: str) -> None:
    """Check that `text` is a template; `what` names it in the sentence.

    Raises:
        InvalidInput: a syntax error, with its line; or a filter or test that there is not.
    """
    from jinja2 import TemplateSyntaxError

    try:
        _environment().compile(text)  # parsing alone passes over unknown filters and blocks of one name
    except TemplateSyntaxError as error:
        raise InvalidInput(
            f"The {what} is no template: line {error.lineno}: {in_own_words(error.message or '')}.",
            hint="--raw takes the text as it is, with every brace in it.",
        ) from error
    except (RecursionError, MemoryError, SyntaxError) as error:  # the limits of Python's own compiler
        raise InvalidInput(f"The {what} is no template: it is nested too deeply.") from error


def variables_of(text: str) -> set[str]:
    """Return the names that a template takes."""
    from jinja2 import meta

    return meta.find_undeclared_variables(_environment().parse(text))


def names_in_single_braces(text: str) -> list[str]:
    """Return the names in single braces in a template's text: whoever wrote them may mean variables."""
    plain = (part for _line, kind, part in _environment().lex(text) if kind == "data")
    return list(dict.fromkeys(name for part in plain for name in _NAME_IN_BRACES.findall(part)))


def render(system: str | None, user: str, variables: Mapping[str, Any], *, raw: bool) -> Rendered:
    """Return both prompts with their variables filled in; `raw` prompts are no templates. Others may be given too.

    Raises:
        MissingVariable: one has no value.
        InvalidInput: a template fails, or nothing is left of the prompt.
    """
    if raw:
        return Rendered(system=system, user=user)
    return Rendered(
        system=_render(system, variables, "system prompt") if system else None,
        user=_nonempty(_render(user, variables, "user prompt")),
    )


def require_used(system: str | None, user: str, names: Collection[str], *, raw: bool) -> None:
    """Check that a prompt has these variables; raises InvalidInput where it has not."""
    known = set() if raw else variables_of(user) | variables_of(system or "")
    unused = sorted(set(names) - known)
    if unused:
        takes = f"It takes {', '.join(sorted(known))}." if known else "It takes none."
        plain = set() if raw else {*names_in_single_braces(user), *names_in_single_braces(system or "")}
        meant = " and ".join(f"{{{{ {name} }}}}" for name in unused if name in plain)
        hint = f"{takes} For a variable write {meant}, in two pairs of braces." if meant else takes
        raise InvalidInput(f"The prompt has no variable {', '.join(map(repr, unused))}.", hint=hint)


def _render(text: str, variables: Mapping[str, Any], what: str) -> str:
    from jinja2 import UndefinedError

    try:
        rendered = _compiled(text, what).render(variables)
        rendered.encode()
    except InvalidInput:
        raise
    except UndefinedError as error:
        missing = sorted(variables_of(text) - set(variables))
        if not missing:
            raise InvalidInput(f"The {what} cannot be rendered: {error}.") from error
        raise MissingVariable(what, missing) from error
    except Exception as error:  # a template is a program of the user's: whatever it raises is its own
        raise InvalidInput(f"The {what} cannot be rendered: {error or type(error).__name__}.") from error
    return rendered


@lru_cache(maxsize=64)  # each of many cases is filled into the same few prompts
def _compiled(text: str, what: str) -> "Template":
    check(text, what=what)
    return _environment().from_string(text)


def _nonempty(text: str) -> str:
    if not text.strip():
        raise InvalidInput("Nothing is left of the user prompt once its variables are filled in.")
    return text


@cache
def _environment() -> "SandboxedEnvironment":
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    return ImmutableSandboxedEnvironment(
        undefined=StrictUndefined,
        autoescape=False,
        keep_trailing_newline=True,
        comment_start_string="{##",
        comment_end_string="##}",
    )
