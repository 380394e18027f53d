"""The address of the client, behind a known number of our own proxies."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from django.conf import settings

from analytics.event import parse_ip
from analytics.invalid_event import InvalidEvent

MAX_IP_CHARS = 45  # of IPv6 with an IPv4 part: no longer text is an address


def client_ip(meta: Mapping[str, Any]) -> str | None:
    """The client's address from a WSGI environ, in its usual spelling; None if unknown.

    X-Forwarded-For is believed only as far as `TRUSTED_PROXIES` entries from its right end,
    because anything further left was written by the client.
    """
    if settings.TRUSTED_PROXIES:
        hops = [hop.strip() for hop in meta.get("HTTP_X_FORWARDED_FOR", "").split(",")]
        if len(hops) >= settings.TRUSTED_PROXIES:
            address = _valid_ip(hops[-settings.TRUSTED_PROXIES])
            if address:
                return address
    return _valid_ip(meta.get("REMOTE_ADDR", ""))


def _valid_ip(text: str) -> str | None:
    return _find_ip(text[: MAX_IP_CHARS + 1])


@lru_cache(1_000)
def _find_ip(text: str) -> str | None:
    try:
        return parse_ip(text)
    except InvalidEvent:
        return None
