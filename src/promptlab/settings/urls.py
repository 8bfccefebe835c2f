"""URLs that carry secrets: showing them, refusing them, bringing them into one form."""

from urllib.parse import urlsplit, urlunsplit

from promptlab.errors import InvalidInput

_LOOPBACK = frozenset({"localhost", "::1", ""})


def redact(url: str) -> str:
    """Return the URL with its password struck out, fit to be shown."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "***"
    host = parts.netloc.rpartition("@")[2]
    if parts.password is not None:
        parts = parts._replace(netloc=f"{parts.username or ''}:***@{host}")
    query = "&".join(_redact_pair(pair) for pair in parts.query.split("&")) if parts.query else ""
    shown = urlunsplit(parts._replace(query=query))
    # urlunsplit writes sqlite:/x for sqlite:///x, whose host is empty.
    return shown if parts.netloc or "://" not in url else url if not query else url.partition("?")[0] + "?" + query


def _redact_pair(pair: str) -> str:
    name, equals, _value = pair.partition("=")
    return f"{name}{equals}***" if "password" in name.lower() else pair


def has_password(url: str) -> bool:
    """Say whether a text is a URL with a password in it."""
    if "://" not in url:
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return bool(parts.password) or any(
        pair.partition("=")[0].lower() == "password" and pair.partition("=")[2] for pair in parts.query.split("&")
    )


def check_flag_url(url: str) -> None:
    """Refuse a password on the command line, where the process list shows it."""
    if has_password(url):
        raise InvalidInput(
            "--database-url holds a password, and the process list shows it to everybody on this machine.",
            hint="Put the URL in PROMPTLAB_DATABASE_URL, or leave the password out and set PGPASSWORD.",
        )


def normalise_database_url(url: str) -> str:
    """Return the URL with the dialect name that SQLAlchemy knows; `postgres://` is the same as `postgresql://`."""
    if url.startswith("postgres://"):
        return "postgresql" + url.removeprefix("postgres")
    return url


def is_loopback(url: str) -> bool:
    """Say whether the URL's host is this machine."""
    host = urlsplit(url).hostname or ""
    return host in _LOOPBACK or host.startswith("127.")
