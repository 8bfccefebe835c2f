"""URLs that hold a password: never shown, recognised, refused on the command line."""

import os
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from promptlab.errors import InvalidInput
from promptlab.settings.scrub import scrub
from promptlab.settings.urls import (
    check_flag_url,
    has_password,
    is_loopback,
    normalise_database_url,
    passwords_in,
    redact,
)

MARK = "s3cr3t"
"""Every password of these tests holds it, so that it can be looked for."""

PASSWORDS = st.text(max_size=20).map(lambda text: f"{MARK}{text}{MARK}")
QUERY_PASSWORDS = PASSWORDS.map(lambda text: text.replace("&", ""))
NAMES = st.text(st.characters(codec="ascii", categories=["L", "N"]), max_size=8)
SCHEMES = st.sampled_from(["postgresql", "postgresql+psycopg", "postgres", "mysql", "http", "s3", "x"])
HOSTS = st.sampled_from(["db.example.com", "", "[::1]", "[", "10.0.0.1:5432", "h:port", "a b", "ep-x-pooler.neon.tech"])


@settings(max_examples=20000, deadline=None)
@given(scheme=SCHEMES, user=NAMES, password=PASSWORDS, host=HOSTS, database=NAMES)
@example(scheme="postgresql", user="me", password=f"{MARK}/@?#:[{MARK}", host="h", database="lab")
def test_a_password_before_the_host_is_never_shown(
    scheme: str, user: str, password: str, host: str, database: str
) -> None:
    """Whatever characters it holds, written plainly or as %XX, and also in a URL that is malformed."""
    for written in (password, quote(password), quote(password, safe=""), quote_plus(password)):
        shown = redact(f"{scheme}://{user}:{written}@{host}/{database}?sslmode=require")
        assert MARK not in shown
        assert "***" in shown


@settings(max_examples=20000, deadline=None)
@given(
    scheme=SCHEMES,
    host=HOSTS,
    name=st.sampled_from(["password", "PASSWORD", "sslpassword", "pass%77ord", "passwd", "pwd", "client_secret"]),
    password=QUERY_PASSWORDS,
    before=st.sampled_from(["", "sslmode=require&"]),
    after=st.sampled_from(["", "&application_name=x", "#part"]),
)
@example("postgresql", "[::1]", "password", f"{MARK}@{MARK}", "", "")
def test_a_password_among_the_options_is_never_shown(
    scheme: str, host: str, name: str, password: str, before: str, after: str
) -> None:
    for written in (password, quote(password), quote_plus(password)):
        assert MARK not in redact(f"{scheme}://{host}/lab?{before}{name}={written}{after}")


@settings(max_examples=20000, deadline=None)
@given(text=st.text(max_size=30), password=PASSWORDS)
@example(text="host=db user=me", password=MARK)
def test_a_password_in_something_like_a_url_is_not_shown_either(text: str, password: str) -> None:
    """Of a text that is no URL nothing is shown where a password may be in it."""
    text = text.replace("://", "")
    assert MARK not in redact(f"{text} password={password}".replace("://", ""))
    assert MARK not in redact(f"postgresql:/me:{password}@db/lab".replace("://", ""))


@settings(max_examples=20000, deadline=None)
@given(st.text())
def test_any_text_can_be_shown(text: str) -> None:
    """There is no text that redacting stumbles over, and redacting again changes nothing."""
    assert redact(redact(text)) == redact(text)
    has_password(text)
    is_loopback(text)


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:////srv/me/my lab #1 (a:b@c).db",
        "sqlite:///promptlab.db?timeout=5",
        "postgresql://me@db.example.com/lab?sslmode=verify-full&application_name=x",
        "postgresql://db.example.com:5432/lab",
        "postgresql:///lab?host=/var/run/postgresql",
        "postgresql://[::1]:5432/lab",
        "s3://bucket/a/prefix",
        "file:///srv/me/images",
        "",
        "lab.db",
    ],
)
def test_a_url_without_a_password_is_shown_as_it_is(url: str) -> None:
    assert redact(url) == url
    assert not has_password(url)


def test_a_redacted_url_still_says_which_database_it_is() -> None:
    assert redact("postgresql://me:pw@db.example.com:5432/lab?sslmode=require&password=pw") == (
        "postgresql://me:***@db.example.com:5432/lab?sslmode=require&password=***"
    )


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://me:{MARK}@db/lab",
        f"postgresql://:{MARK}@db/lab",
        f"postgres://me:{MARK}/x?y#z@db/lab",
        f"postgresql://me:{MARK}@[db/lab",
        f"postgresql://db/lab?user=me&password={MARK}",
        f"postgresql://db/lab?pass%77ord={MARK}",
    ],
)
def test_a_password_on_the_command_line_is_refused_without_repeating_it(url: str) -> None:
    """The error is one of usage (2) and says where the password belongs."""
    with pytest.raises(InvalidInput, match="process list") as caught:
        check_flag_url(url)
    assert caught.value.exit_code == 2
    assert "PROMPTLAB_DATABASE_URL" in (caught.value.hint or "")
    assert MARK not in f"{caught.value} {caught.value.hint}"


@pytest.mark.parametrize("url", ["postgresql://me@db/lab", "postgresql://me:@db/lab", "sqlite:///x.db", "x", ""])
def test_a_url_without_a_password_is_allowed_on_the_command_line(url: str) -> None:
    check_flag_url(url)


def test_postgres_is_another_word_for_postgresql() -> None:
    assert normalise_database_url("postgres://me@db/lab") == "postgresql://me@db/lab"
    assert normalise_database_url("postgresql+psycopg://db/lab") == "postgresql+psycopg://db/lab"
    assert normalise_database_url("sqlite:///postgres://x") == "sqlite:///postgres://x"


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://localhost:8188", True),
        ("http://LOCALHOST", True),
        ("http://127.0.0.1:9000/x", True),
        ("http://127.8.9.10", True),
        ("http://[::1]:80", True),
        ("http://127.evil.example", False),
        ("http://localhost.evil.example", False),
        ("http://localhost@evil.example", False),
        ("http://10.0.0.1", False),
        ("http://[bad", False),
    ],
)
def test_only_this_machine_is_loopback(url: str, local: bool) -> None:
    """Plain http is allowed there, so a name that only looks like it must not pass."""
    assert is_loopback(url) is local


def test_no_secret_of_the_environment_is_left_in_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys by their names; passwords in URLs as written and as sent; the longer before the shorter."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-123456")
    monkeypatch.setenv("GEMINI_API_KEY", "sk-123456789")
    monkeypatch.setenv("PROMPTLAB_DATABASE_URL", "postgresql://me:p%40ss/word@db/lab?password=se+cond")
    text = "sk-123456789 sk-123456 p%40ss/word p@ss/word se+cond se cond harmless"
    assert scrub(text) == "*** *** *** *** *** *** harmless"


def test_a_value_too_short_for_a_secret_does_not_shred_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "a")
    assert scrub("a traceback") == "a traceback"
    assert list(passwords_in(os.environ["OPENAI_API_KEY"])) == []
