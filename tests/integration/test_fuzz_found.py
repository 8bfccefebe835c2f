"""What fuzzing has found, each as a promise of its own."""

import time
from pathlib import Path

import pytest
from tests.fixtures.command_line import Promptlab

from promptlab.errors import InvalidInput
from promptlab.services import templates

CREATE = ("prompt", "create", "odd", "--provider", "sketch", "--json", "--user")


@pytest.mark.parametrize(
    ("template", "says"),
    [
        ("{{ subject | nofilter }}", "there is no filter 'nofilter'"),
        ("{{ subject is notest }}", "there is no test 'notest'"),
        ("{% block a %}{% endblock %}{% block a %}{% endblock %}", "block 'a' defined twice"),
        ("{% for a in b %}" * 25 + "{% endfor %}" * 25, "nested too deeply"),
        ("{{ " + "(" * 300 + "1" + ")" * 300 + " }}", "nested too deeply"),
    ],
    ids=["filter", "test", "blocks", "loops", "parentheses"],
)
def test_a_template_that_would_never_render_makes_no_version(promptlab: Promptlab, template: str, says: str) -> None:
    ran = promptlab(*CREATE, template, code=2)
    assert says in ran.error["message"]
    assert promptlab("prompt", "list", "--json").json["items"] == []


def test_a_version_from_before_that_check_says_so_when_it_is_used() -> None:
    with pytest.raises(InvalidInput, match="there is no filter"):
        templates.render(None, "{{ subject | nofilter }}", {"subject": "fox"}, raw=False)


@pytest.mark.parametrize(("literal", "says"), [("\\ud800", "surrogates not allowed"), ("\\x00", "NUL character")])
def test_a_template_that_makes_what_is_no_text_is_not_sent(promptlab: Promptlab, literal: str, says: str) -> None:
    promptlab(*CREATE, f'a {{{{ "{literal}" }}}}')
    ran = promptlab("generate", "--prompt-version", "odd", "--json", code=2)
    assert says in ran.error["message"]
    assert promptlab("generation", "list", "--json").json["items"] == []


def test_an_input_in_the_home_of_nobody(promptlab: Promptlab, sketch_version: int) -> None:
    words = ("generate", "--prompt-version", sketch_version, "--var", "subject=fox", "--json")
    assert "cannot be read" in promptlab(*words, "--input", "~nobody-here/x.png", code=2).error["message"]


def test_an_input_without_end_is_read_up_to_a_limit(promptlab: Promptlab, sketch_version: int) -> None:
    words = ("generate", "--prompt-version", sketch_version, "--var", "subject=fox", "--json")
    assert "holds more than" in promptlab(*words, "--input", "/dev/zero", code=2).error["message"]


@pytest.mark.parametrize("expires", ["999999999w", "999999999d"])
def test_a_link_does_not_outlast_the_calendar(promptlab: Promptlab, sketch_version: int, expires: str) -> None:
    promptlab("generate", "--prompt-version", sketch_version, "--var", "subject=fox")
    ran = promptlab("storage", "url", "1", "--expires", expires, "--json", code=2)
    assert "after the calendar ends" in ran.error["message"]


def test_the_name_of_a_database_file_may_be_too_long(promptlab: Promptlab) -> None:
    words = ("--database-url", f"sqlite:///{'n' * 300}")
    assert "cannot be opened" in promptlab(*words, "queue", "--json", code=4).error["message"]
    assert promptlab(*words, "db", "status", "--json").json["state"] == "missing"


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("PROMPTLAB_HOME", "{}/\udcff", "not valid UTF-8"),
        ("PROMPTLAB_DATABASE_URL", "sqlite:///{}/\udcff", "is not one"),
        ("PROMPTLAB_RATER", "\udcff", "not valid UTF-8"),
    ],
    ids=["home", "database", "rater"],
)
def test_a_variable_that_is_no_text(
    promptlab: Promptlab, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str, value: str, says: str
) -> None:
    monkeypatch.setenv(variable, value.format(tmp_path))
    ran = promptlab("queue", "--mine", "--json", code=2 if variable == "PROMPTLAB_RATER" else 4)
    assert says in ran.error["message"]


def test_an_empty_model_is_none(promptlab: Promptlab, sketch_version: int) -> None:
    """It used to make a version of a model without a name."""
    ran = promptlab("prompt", "create", "odd", "--from", sketch_version, "--model", "", "--json", code=2)
    assert "model is empty" in ran.error["message"]


@pytest.mark.parametrize(("before", "after"), [("a ", "a b "), ("the fox of {} ", "the owl of {} ")])
def test_a_diff_of_long_prompts_is_there_at_once(promptlab: Promptlab, before: str, after: str) -> None:
    """Blanks and words that occur everywhere used to make it take minutes."""
    for text in (before, after):
        promptlab(*CREATE, "".join(text.format(place) for place in range(600)), "--raw")
    began = time.monotonic()
    promptlab("prompt", "diff", "odd@1", "odd@2")
    assert time.monotonic() - began < 20
