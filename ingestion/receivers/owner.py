"""Whose a request to a receiver is: one of our keys in its client's place for one."""

import binascii
from base64 import b64decode
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from analytics.keys.address_keys import read_address_key
from analytics.keys.key_text import read_key_id
from analytics.keys.lookup import find_alias_record
from analytics.keys.records import KeyRecord
from ingestion.receivers.envelope import Refused

_MAX_ALIASES = 10  # of a request

OTHER_KEY = Refused("other_key", "The events of a request are of one key.")


def list_head_keys(meta: Mapping[str, Any]) -> list[str]:
    """The texts where a head may have a key: Bearer, the user of Basic, and `?key=`.

    What another scheme or a site's own sign-in says is there, too, and is no key.
    """
    texts = []
    if header := meta.get("HTTP_AUTHORIZATION"):
        scheme, _, rest = header.strip(" \t").partition(" ")
        if scheme.lower() == "bearer":
            texts.append(rest.strip(" \t"))
        elif scheme.lower() == "basic":
            texts.append(_read_basic_user(rest.strip(" \t")))
    if query := meta.get("QUERY_STRING"):
        texts.append(read_address_key(query) or "")
    return [text for text in texts if text]


def list_own(
    kind: str, values: Sequence[str | None], texts: Iterable[str], key: KeyRecord
) -> Collection[str | None]:
    """Those of a request's aliases whose events are of `key`, as whose the request is taken.

    By a key, which one of `texts` is, all are. By an alias those of the same project: a client may
    name several in one request, and what is another project's is not its to send.
    """
    if any(read_key_id(text) is not None for text in texts):
        return set(values)
    return {value for value in list_few(values) if _is_of(key, kind, value)}


def is_of_another(text: str | None, key: KeyRecord) -> bool:
    """Whether `text`, which an event has in the place of a key, is one and not `key`."""
    return text is not None and read_key_id(text) not in (None, key.key_id)


def list_few(values: Iterable[str | None]) -> list[str]:
    """The first few, each once: each is looked up."""
    return list(dict.fromkeys(value for value in values if value))[:_MAX_ALIASES]


def _is_of(key: KeyRecord, kind: str, value: str) -> bool:
    found = find_alias_record(kind, value)
    return found is not None and found.project_id == key.project_id


def _read_basic_user(text: str) -> str:
    try:
        return b64decode(text, validate=True).decode().partition(":")[0]
    except (binascii.Error, ValueError):
        return ""
