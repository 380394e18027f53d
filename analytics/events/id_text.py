"""The id of an event as text, whole: with the namespace that its bytes begin with."""

import re
from typing import Final

_ID: Final = re.compile(
    r"([0-9a-f]{8})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{12})"
    r"|(01|02|03):([0-9a-f]{32})"
)


def format_id(key: bytes) -> str:
    """The id of an event as exports have it, of its 16 or 17 bytes after the project.

    A UUID as such; of any other its namespace and its digest: `01:` of those that came by a secret
    key, `02:` of those by a public one, `03:` of those out of other programs' files
    (docs/data-model.md).
    """
    text = key.hex()
    if len(key) == 17:
        return f"{text[:2]}:{text[2:]}"
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def parse_id(text: str) -> bytes:
    """The bytes that `format_id` wrote. Raises ValueError."""
    match = _ID.fullmatch(text)
    if match is None:
        raise ValueError(f"{text[:64]!r} is no id of an export")
    return bytes.fromhex("".join(part for part in match.groups() if part))
