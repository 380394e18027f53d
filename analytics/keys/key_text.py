"""The text of an API key: `ak_live_<id>_<secret>`, or `pk_live_…` of a public one.

Of a secret key only the SHA-256 is ever kept. A public key stands in web pages, for all to read.
"""

import hashlib
import re
import secrets
from typing import NamedTuple

_SECRET_PREFIX = "ak_live_"
_PUBLIC_PREFIX = "pk_live_"
_ID_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"  # nothing that reads like something else
_ID_LENGTH = 8
_SECRET_BYTES = 32
_SECRET_LENGTH = 43  # of these bytes in base64url, without padding
_REST = rf"([{_ID_ALPHABET}]{{{_ID_LENGTH}}})_[A-Za-z0-9_-]{{{_SECRET_LENGTH}}}"
_PATTERN = re.compile(rf"(?:{_SECRET_PREFIX}|{_PUBLIC_PREFIX}){_REST}")
_SECRET = re.compile(_SECRET_PREFIX + _REST)


class NewKey(NamedTuple):
    key_id: str
    text: str  # of a secret key, to be shown once and never kept
    digest: bytes


def generate_key(*, public: bool = False) -> NewKey:
    key_id = "".join(secrets.choice(_ID_ALPHABET) for _ in range(_ID_LENGTH))
    text = f"{_prefix(public)}{key_id}_{secrets.token_urlsafe(_SECRET_BYTES)}"
    return NewKey(key_id, text, digest_key(text))


def digest_key(text: str) -> bytes:
    """A fast hash is right for 256 random bits; a slow one would cost each request 50 ms."""
    return hashlib.sha256(text.encode()).digest()


def read_key_id(text: str) -> str | None:
    """The id inside a key's text; None when `text` is no key."""
    match = _PATTERN.fullmatch(text)
    return match and match[1]


def holds_secret_key(text: str) -> bool:
    """Whether the text of a secret key stands anywhere in `text`."""
    return _SECRET.search(text) is not None


def is_public_text(text: str) -> bool:
    """Whether a key's text is that of a public key."""
    return text.startswith(_PUBLIC_PREFIX)


def display_prefix(key_id: str, *, public: bool = False) -> str:
    """How a key is named where its secret must not be seen."""
    return f"{_prefix(public)}{key_id}_…"


def _prefix(public: bool) -> str:
    return _PUBLIC_PREFIX if public else _SECRET_PREFIX
