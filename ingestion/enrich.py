"""What the drain adds to an event: visitor, address, expiry, source, country."""

import socket
from collections.abc import Mapping
from functools import cache
from hashlib import blake2b
from typing import Any

import maxminddb
from django.conf import settings

from analytics.rollups import Source
from ingestion.campaigns import Campaign, find_campaign
from ingestion.referrers import referrer_host


def hash_visitor(
    project_id: bytes, user_id: str | None, ip: str | None, user_agent: str | None, salt: bytes
) -> int:
    """Who this is, as a signed 64-bit BLAKE2b hash: the user, or else address and browser.

    An anonymous hash cannot be undone or followed once the salt of its day is deleted.
    """
    if user_id is not None:
        text, key = f"user\n{user_id}", project_id
    else:
        text, key = f"anonymous\n{ip or ''}\n{user_agent or ''}", project_id + salt
    digest = blake2b(text.encode(), digest_size=8, key=key).digest()
    return int.from_bytes(digest, "big", signed=True)


def apply_ip_rule(rule: str, ip: str | None) -> str | None:
    """`ip` as the project may keep it: whole, less its last 8 bits (IPv6: 80), or not at all."""
    if ip is None or rule == "drop":
        return None
    if rule == "keep":
        return ip
    if ":" in ip:
        try:
            kept = socket.inet_pton(socket.AF_INET6, ip)[:6]
        except OSError:  # no address of a client, and so nothing to keep
            return None
        return socket.inet_ntop(socket.AF_INET6, kept + b"\x00" * 10)
    return ip.rpartition(".")[0] + ".0"


def find_source(query: Campaign, properties: Mapping[str, Any]) -> Source:
    """Host of the referrer, utm source, medium and campaign, as far as they are known.

    `query` is the campaign of the path, as `read_path` finds it.
    """
    referrer = properties.get("referrer")
    host = referrer_host(referrer) if isinstance(referrer, str) else None
    return host, *find_campaign(query, properties)


def find_country(ip: str) -> str | None:
    """ISO 3166 code of the country of `ip`, if GEOIP_PATH names a database that knows it."""
    database = _geoip()
    if database is None:
        return None
    try:
        record: Any = database.get(ip)
    except ValueError:  # an IPv6 address, and a database of IPv4 alone
        return None
    country = record.get("country") if isinstance(record, dict) else None
    code = country.get("iso_code") if isinstance(country, dict) else None
    return code if isinstance(code, str) else None


@cache
def _geoip() -> maxminddb.Reader | None:
    return maxminddb.open_database(settings.GEOIP_PATH) if settings.GEOIP_PATH else None
