"""The address of the client, behind a known number of our own proxies."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from django.conf import settings

from analytics.events.addresses import parse_ip
from analytics.events.invalid_event import InvalidEvent

MAX_IP_CHARS = 45  # of IPv6 with an IPv4 part: no longer text is an address
# Some proxies add the port; an IPv6 address is then in brackets.
_WITH_PORT = re.compile(r"\[(?P<ipv6>[^\]]*)\](?::[0-9]*)?|(?P<ipv4>[^:]*):[0-9]*", re.ASCII)


def client_ip(meta: Mapping[str, Any]) -> str | None:
    """The client's address from a WSGI environ, in its usual spelling; None if unknown."""
    return forwarded_ip(meta) or _valid_ip(meta.get("REMOTE_ADDR", ""))


def forwarded_ip(meta: Mapping[str, Any]) -> str | None:
    """The address that our own proxies say they were asked from; None if they say none.

    X-Forwarded-For is believed only as far as `TRUSTED_PROXIES` entries from its right end,
    because anything further left was written by the client.
    """
    if not settings.TRUSTED_PROXIES:
        return None
    hops = meta.get("HTTP_X_FORWARDED_FOR", "").split(",")
    if len(hops) < settings.TRUSTED_PROXIES:
        return None
    hop = hops[-settings.TRUSTED_PROXIES].strip()
    match = _WITH_PORT.fullmatch(hop)
    return _valid_ip((match["ipv6"] or match["ipv4"] or "") if match else hop)


def _valid_ip(text: str) -> str | None:
    return _find_ip(text[: MAX_IP_CHARS + 1])


@lru_cache(1_000)
def _find_ip(text: str) -> str | None:
    try:
        return parse_ip(text)
    except InvalidEvent:
        return None
