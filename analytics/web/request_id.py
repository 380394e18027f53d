"""The id of a request: what the caller's log and ours have in common."""

import re
import secrets
from typing import Any

HEADER = "X-Request-ID"
_SANE = re.compile(r"[A-Za-z0-9._:/+=-]{1,64}")
_KEY = "analytics.web.request_id"


def request_id_of(meta: dict[str, Any]) -> str:
    """The X-Request-ID of a WSGI environ if it is sane, else one of ours, kept in `meta`."""
    known: str | None = meta.get(_KEY)
    if known is None:
        given = str(meta.get("HTTP_X_REQUEST_ID", ""))
        known = meta[_KEY] = given if _SANE.fullmatch(given) else secrets.token_hex(8)
    return known
