"""Prompts as templates."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptlab.errors import InvalidInput
from promptlab.services import templates


def render(user: str, variables: dict[str, str] | None = None, *, raw: bool = False) -> str:
    return templates.render(None, user, variables or {}, raw=raw).user


def test_variables_are_filled_in_as_they_are() -> None:
    """Nothing is escaped: prompts are text, not pages."""
    assert render("a {{ what }}\n", {"what": "<b>&'\"</b>"}) == "a <b>&'\"</b>\n"


@pytest.mark.parametrize("text", ["{#ff0000}", "{style}", "# title", "a {# b", "100 % {", "} %}"])
def test_what_looks_like_a_template_elsewhere_is_text(text: str) -> None:
    assert render(f"colour {text}") == f"colour {text}"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("a {subject} in { style }, {subject}", ["subject", "style"]),
        ('{"a": 1} {1} {a, b} {a|b} {} {#ff0000}', []),
        ("a {{ subject }} {{subject}} {{ '{subject}' }} {% if subject %}x{% endif %}", []),
    ],
)
def test_names_in_single_braces_are_found_in_the_text_alone(text: str, names: list[str]) -> None:
    """Not what looks like JSON or a choice, and not what a template's own code says."""
    assert templates.names_in_single_braces(text) == names


def test_comments_have_two_hashes() -> None:
    assert render("a{## never sent ##}b") == "ab"


@given(st.text(alphabet=st.characters(exclude_characters="{", exclude_categories=["Cs"])))
def test_a_text_without_braces_is_sent_as_it_is(text: str) -> None:
    """Also the blanks at its ends; only line ends become those of this system's text files."""
    sent = f"x{text}"
    assert render(sent) == sent.replace("\r\n", "\n").replace("\r", "\n")


@given(st.text())
def test_a_raw_prompt_is_untouched(text: str) -> None:
    assert render(text, raw=True) == text


def test_every_missing_variable_is_named_with_its_flag() -> None:
    with pytest.raises(InvalidInput, match="needs a value for mood, subject") as raised:
        render("{{ subject }} {{ mood }} {{ place }}", {"place": "here"})
    assert raised.value.hint == "Add --var mood=… --var subject=…"


def test_a_default_makes_a_variable_optional() -> None:
    assert render("{{ mood | default('calm') }}") == "calm"


def test_a_variable_that_nobody_uses_is_an_error() -> None:
    """It is most often a misspelt one, so the sentence says which there are."""
    with pytest.raises(InvalidInput, match="no variable 'subjet'") as raised:
        templates.require_used(None, "{{ subject }}", {"subject", "subjet"}, raw=False)
    assert raised.value.hint == "It takes subject."


def test_columns_of_a_case_that_a_prompt_does_not_use_are_no_error() -> None:
    assert render("{{ subject }}", {"subject": "fox", "mood": "calm"}) == "fox"


def test_whoever_wrote_single_braces_is_told_to_write_two() -> None:
    with pytest.raises(InvalidInput) as raised:
        templates.require_used(None, "a poster of {subject} in {style}", {"subject"}, raw=False)
    assert raised.value.hint == "It takes none. For a variable write {{ subject }}, in two pairs of braces."


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a {{ sub ject }}", "line 1: a name has no blanks, and ject follows one within {{ }}."),
        ("a\n{{ subject", "line 2: a {{ is not closed by }}."),
        ("a {{ subject }", "line 1: a } stands where }} or %} is missing."),
        ("{% if x", "line 1: a {% is not closed by %}."),
        ("{% if x %} a", "line 1: {% if … %} is not closed by {% endif %}."),
        ("{% foo %}", "line 1: {% foo %} means nothing here."),
        ("{{ x | nope }}", "line 1: there is no filter 'nope'."),
        ("{{ $x }}", "line 1: what stands within the braces cannot be read (unexpected char '$' at 3)."),
    ],
)
def test_a_common_mistake_is_told_in_words_of_ours(text: str, says: str) -> None:
    """With its place, and without the parser's words for its tokens."""
    with pytest.raises(InvalidInput, match=re.escape(says)):
        templates.check(text, what="user prompt")


def test_a_variable_may_be_used_in_the_system_prompt_alone() -> None:
    rendered = templates.render("in {{ style }}", "a fox", {"style": "ink"}, raw=False)
    assert (rendered.system, rendered.user) == ("in ink", "a fox")


def test_a_raw_prompt_takes_no_variables() -> None:
    with pytest.raises(InvalidInput, match="no variable 'subject'"):
        templates.require_used(None, "{{ subject }}", {"subject"}, raw=True)


@pytest.mark.parametrize(("text", "line"), [("{{ subject", 1), ("a\nb {% if %}", 2), ("\n\n{{ 1 + }}", 3)])
def test_a_syntax_error_names_its_line(text: str, line: int) -> None:
    with pytest.raises(InvalidInput, match=f"no template: line {line}:"):
        templates.check(text, what="user prompt")


@pytest.mark.parametrize(
    "text",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ 1 / 0 }}",
        "{{ subject.nothing.at.all }}",
        "{% for i in range(10**9) %}x{% endfor %}",
        "{% include 'other' %}",
        "{{ '%s' | format }}",
    ],
)
def test_a_template_that_fails_gets_a_sentence(text: str) -> None:
    """Whatever it tries, the sandbox included."""
    with pytest.raises(InvalidInput, match="cannot be rendered|needs a value"):
        templates.render(None, text + "{{ subject }}", {"subject": "x"}, raw=False)


def test_nothing_left_is_no_prompt() -> None:
    with pytest.raises(InvalidInput, match="Nothing is left"):
        render("{% if false %}a fox{% endif %} ")


@given(st.text(), st.dictionaries(st.sampled_from(["a", "b", "subject"]), st.text(), max_size=2))
def test_any_text_is_rendered_or_refused_in_a_sentence(text: str, variables: dict[str, str]) -> None:
    try:
        templates.check(text, what="user prompt")
        templates.render(text, text, variables, raw=False)
    except InvalidInput as error:
        assert error.message.endswith((".", "'", '"')) or "line" in error.message
