"""The text of an API key: `ak_live_<id>_<secret>`, or `pk_live_…` of a public one.

Of a secret key only the SHA-256 is ever kept. A public key stands in web pages, for all to read.
"""

import hashlib
import re
import secrets
from collections.abc import Iterator
from typing import NamedTuple

_SECRET_PREFIX = "ak_live_"
_PUBLIC_PREFIX = "pk_live_"
_ALIAS_PREFIX = "al_"
_ID_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"  # nothing that reads like something else
_ID_LENGTH = 8
_SECRET_BYTES = 32
_SECRET_LENGTH = 43  # of these bytes in base64url, without padding
ID_PATTERN = rf"[{_ID_ALPHABET}]{{{_ID_LENGTH}}}"
_REST = rf"({ID_PATTERN})_[A-Za-z0-9_-]{{{_SECRET_LENGTH}}}"
_PATTERN = re.compile(rf"(?:{_SECRET_PREFIX}|{_PUBLIC_PREFIX}){_REST}")
_SECRET = re.compile(_SECRET_PREFIX + _REST)


class NewKey(NamedTuple):
    key_id: str
    text: str  # of a secret key, to be shown once and never kept
    digest: bytes


def generate_key(*, public: bool = False, key_id: str | None = None) -> NewKey:
    key_id = key_id or draw_key_id()
    text = f"{_prefix(public)}{key_id}_{secrets.token_urlsafe(_SECRET_BYTES)}"
    return NewKey(key_id, text, digest_key(text))


def draw_key_id() -> str:
    return "".join(secrets.choice(_ID_ALPHABET) for _ in range(_ID_LENGTH))


def digest_key(text: str) -> bytes:
    """A fast hash is right for 256 random bits; a slow one would cost each request 50 ms."""
    return hashlib.sha256(text.encode()).digest()


def digest_alias(kind: str, value: str) -> bytes:
    """What an alias is mirrored by; no text of a key has this digest."""
    return digest_key(f"alias:{kind}:{value}")


def generate_alias_id() -> str:
    """What an alias is counted by, in the place of a key's id, and never one of a key."""
    return f"{_ALIAS_PREFIX}{draw_key_id()}"


def read_key_id(text: str) -> str | None:
    """The id inside a key's text; None when `text` is no key."""
    match = _PATTERN.fullmatch(text)
    return match and match[1]


def holds_secret_key(text: str) -> bool:
    """Whether the text of a secret key stands anywhere in `text`."""
    return _SECRET.search(text) is not None


def find_secret_keys(text: str) -> Iterator[tuple[int, int, str]]:
    """Where secret keys stand in `text`, `[start, end)`, and how each may be shown."""
    for match in _SECRET.finditer(text):
        yield match.start(), match.end(), display_prefix(match[1])


def is_public_text(text: str) -> bool:
    """Whether a key's text is that of a public key."""
    return text.startswith(_PUBLIC_PREFIX)


def display_prefix(key_id: str, *, public: bool = False) -> str:
    """How a key is named where its secret must not be seen."""
    return f"{_prefix(public)}{key_id}_…"


def _prefix(public: bool) -> str:
    return _PUBLIC_PREFIX if public else _SECRET_PREFIX
