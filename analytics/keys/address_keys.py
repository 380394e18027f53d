"""API keys in the address of a request, which is logged on its way and shown to others.

A public key may stand there, since anyone can read it anyway; a secret one is refused.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote

from analytics.keys.key_text import holds_secret_key
from analytics.web.addresses import read_sent_path
from analytics.web.problems import Unauthorized

PARAMETER = "key"
_MOST_ESCAPES = 3
_PLAIN_QUERY = re.compile(rf"{PARAMETER}=([A-Za-z0-9_-]+)")


def refuse_secret_key(meta: Mapping[str, Any]) -> None:
    """Raise Unauthorized (`key_in_address`) for a secret key anywhere in the path or the query."""
    for text in (meta.get("PATH_INFO", ""), read_sent_path(meta), meta.get("QUERY_STRING", "")):
        if any(map(holds_secret_key, _spell_out(text))):
            raise Unauthorized(
                "A secret API key must not stand in an address, which is logged: revoke it, and "
                "send another in the header Authorization, or use a public key.",
                code="key_in_address",
            )


def _spell_out(text: str) -> Iterator[str]:
    """`text`, and without its escapes: an address within an address is escaped once more."""
    yield text
    for _ in range(_MOST_ESCAPES):
        if "%" not in text:
            return
        text = unquote(text)
        yield text


def read_address_key(query: str) -> str | None:
    """The text of `?key=`; None without one. Raises Unauthorized (`two_keys`)."""
    if plain := _PLAIN_QUERY.fullmatch(query):
        return plain[1]
    texts = {text for name, text in parse_qsl(query, keep_blank_values=True) if name == PARAMETER}
    if len(texts) > 1:
        raise Unauthorized("The address names two keys.", code="two_keys")
    return texts.pop() if texts else None
