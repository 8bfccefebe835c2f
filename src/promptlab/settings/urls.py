"""URLs that carry secrets: showing them, refusing them, bringing them into one form."""

import re
from collections.abc import Iterator
from ipaddress import ip_address
from urllib.parse import unquote_plus, urlsplit

from promptlab.errors import InvalidInput

_USERINFO = re.compile(r"(?P<user>[^:@]*):(?P<password>.*)@", re.DOTALL)
"""Up to the last @: a password may hold any character, and people forget to write them as %XX."""

_WITHOUT_USER = ("sqlite", "file")

_SECRET_OPTION = re.compile(r"passw|pwd|secret|token", re.IGNORECASE)
_TELLTALE = re.compile(r"@|passw|pwd", re.IGNORECASE)


def redact(url: str) -> str:
    """Return the URL with its passwords struck out, fit to be shown; a text that is no URL may be struck out whole."""
    scheme, separator, rest = url.partition("://")
    if not separator or _TELLTALE.search(scheme):
        return "***" if _TELLTALE.search(url) else url
    if found := _userinfo(scheme, rest):
        if "?" in found["password"]:  # the end of the password, or the password of an option: nobody can tell
            return f"{scheme}://***"
        rest = f"{found['user']}:***@{rest[found.end() :]}"
    before, mark, options = rest.partition("?")
    return f"{scheme}://{before}{mark}{'&'.join(_redact_option(option) for option in options.split('&'))}"


def passwords_in(url: str) -> Iterator[str]:
    """Yield every password in the URL as it is written there; nothing for a text that is no URL."""
    scheme, separator, rest = url.partition("://")
    if not separator:
        return
    found = _userinfo(scheme, rest)
    if found:
        yield found["password"]
    for text in {rest, rest[found.end() :] if found else rest}:
        for option in text.partition("?")[2].split("&"):
            name, _equals, value = option.partition("=")
            if _SECRET_OPTION.search(unquote_plus(name)):
                yield value


def has_password(url: str) -> bool:
    """Say whether a text is a URL with a password in it."""
    return any(passwords_in(url))


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
    try:
        return is_local_host(urlsplit(url).hostname or "")
    except ValueError:
        return False


def is_local_host(host: str) -> bool:
    """Say whether a host, or the folder of a Unix socket, is on this machine; no host at all is."""
    if host in {"", "localhost"} or host.startswith("/"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _userinfo(scheme: str, rest: str) -> re.Match[str] | None:
    return None if scheme.startswith(_WITHOUT_USER) else _USERINFO.match(rest)


def _redact_option(option: str) -> str:
    name, equals, _value = option.partition("=")
    return f"{name}{equals}***" if _SECRET_OPTION.search(unquote_plus(name)) else option
