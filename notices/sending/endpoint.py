"""The URL of a webhook, as somebody typed it: read strictly, before anything is asked of it."""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import quote, urlsplit

import idna

MAX_URL_CHARS = 2_000
HTTPS_PORT = 443
# Below them are the services of systems, and none of webhooks.
FIRST_FREE_PORT = 1024

_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")  # as systems read a last label: `127.1`, `0x7f000001`
_KEPT_IN_PATHS = "/:@!$&'()*+,;=~-._%"
_KEPT_IN_QUERIES = _KEPT_IN_PATHS + "?"


class BadUrl(Exception):
    """It cannot be the address of a webhook; the text is a sentence that says why."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a webhook is: `host` in ASCII, `target` the path and query of the request."""

    host: str
    port: int
    target: str

    @property
    def authority(self) -> str:
        """As the header Host has it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == HTTPS_PORT else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        return f"https://{self.authority}{self.target}"


def read_endpoint(url: str) -> Endpoint:
    """Raises BadUrl."""
    if len(url) > MAX_URL_CHARS:
        raise BadUrl(f"It is longer than {MAX_URL_CHARS} characters.")
    # Spaces, backslashes and what cannot be seen are read in several ways by several programs.
    if not url.isprintable() or " " in url or "\\" in url:
        raise BadUrl("It holds a space, a backslash or a control character.")
    try:
        parts = urlsplit(url)
        port = HTTPS_PORT if parts.port is None else parts.port
    except ValueError:
        raise BadUrl("It is not a URL.") from None
    if parts.scheme != "https":
        raise BadUrl("It must begin with https://.")
    if "@" in parts.netloc:
        raise BadUrl("It must not hold a user name or password.")
    if port != HTTPS_PORT and port < FIRST_FREE_PORT:
        raise BadUrl(f"Its port must be {HTTPS_PORT}, or {FIRST_FREE_PORT} or above.")
    host = _read_host(parts.hostname or "")
    target = quote(parts.path or "/", safe=_KEPT_IN_PATHS)
    if parts.query:
        target += "?" + quote(parts.query, safe=_KEPT_IN_QUERIES)
    return Endpoint(host, port, target)


def _read_host(text: str) -> str:
    if ":" in text:
        try:
            address = IPv6Address(text)
        except ValueError:
            raise BadUrl("Its host is not an address.") from None
        if address.scope_id:
            raise BadUrl("Its host names an interface of this machine.")
        return address.compressed
    try:
        host = idna.encode(text, uts46=True).decode() if not text.isascii() else text.lower()
    except (idna.IDNAError, UnicodeError):
        raise BadUrl("Its host is not a name.") from None
    host = host.removesuffix(".")
    labels = host.split(".")
    if not host or len(host) > 253 or not all(map(_LABEL.fullmatch, labels)):
        raise BadUrl("Its host is not a name.")
    if _NUMBER.fullmatch(labels[-1]):
        try:
            return str(IPv4Address(host))
        except ValueError:
            raise BadUrl("Its host is a number, and not an address.") from None
    return host
