"""The address of a request as it was sent, of which Django shows a decoded copy."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_to_bytes


def read_sent_path(meta: Mapping[str, Any]) -> str:
    """The path, still percent-encoded; gunicorn hands it over, a test client does not."""
    return str(meta.get("RAW_URI", "")).partition("?")[0]


def is_path_utf8(meta: Mapping[str, Any]) -> bool:
    """Whether what the path spells is text: Django makes text of anything."""
    try:
        unquote_to_bytes(read_sent_path(meta).encode("latin-1")).decode()
    except UnicodeError:
        return False
    return True
