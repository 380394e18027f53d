"""What the drain adds to an event: referrer, campaign, country, visitor."""

import socket
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache, lru_cache
from hashlib import blake2b
from typing import Any
from urllib.parse import parse_qs, urlsplit

import maxminddb
from django.conf import settings

from analytics.ids import MILLISECOND, MS_PER_DAY
from analytics.rollups import Source

MAX_DIMENSION_CHARS = 256
RETENTION_GRACE = timedelta(days=7)

_CAMPAIGN = {"utm_source": "utmSource", "utm_medium": "utmMedium", "utm_campaign": "utmCampaign"}
_CAMPAIGN_PROPERTIES = frozenset((*_CAMPAIGN, *_CAMPAIGN.values()))


def expiry(timestamp: datetime, ingested_at: datetime, days: int | None) -> datetime | None:
    """When the stored event may go; None: never."""
    if days is None:
        return None
    return max(timestamp, ingested_at) + timedelta(days=days) + RETENTION_GRACE


def expiry_ms(timestamp_ms: int, ingested_ms: int, days: int) -> int:
    """As `expiry`, in unix milliseconds."""
    return max(timestamp_ms, ingested_ms) + days * MS_PER_DAY + RETENTION_GRACE // MILLISECOND


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


def names_campaign(path: str, properties: Mapping[str, Any]) -> bool:
    """Whether there may be more to its source than a referrer."""
    return "utm_" in path or not _CAMPAIGN_PROPERTIES.isdisjoint(properties)


def find_source(path: str, properties: Mapping[str, Any]) -> Source:
    """Host of the referrer, utm source, medium and campaign, as far as they are known.

    The properties (`utm_source` or `utmSource`) go before the query string of the path.
    """
    referrer = properties.get("referrer")
    host = referrer_host(referrer) if isinstance(referrer, str) else None
    if not names_campaign(path, properties):
        return host, None, None, None
    query = _campaign_query(path) if "utm_" in path else {}
    source, medium, campaign = (
        _cut(properties.get(name) or properties.get(field) or query.get(name))
        for name, field in _CAMPAIGN.items()
    )
    return host, source, medium, campaign


def _cut(value: Any) -> str | None:
    return value[:MAX_DIMENSION_CHARS] if value and isinstance(value, str) else None


def _campaign_query(path: str) -> dict[str, str]:
    try:
        query = parse_qs(path.partition("?")[2].partition("#")[0], max_num_fields=100)
    except ValueError:
        return {}
    return {name: values[0] for name, values in query.items() if name in _CAMPAIGN}


@lru_cache(maxsize=2_048)
def referrer_host(url: str) -> str | None:
    """The host of an http(s) URL, lower case, without `www.`; None for anything else."""
    try:
        parts = urlsplit(url if "//" in url else f"//{url}")
        host = parts.hostname if parts.scheme in ("", "http", "https") else None
    except ValueError:
        return None
    if not parts.scheme and "@" in parts.netloc:  # mailto: and its like
        return None
    if not host or "." not in host or any(c.isspace() for c in host):
        return None
    return host.removeprefix("www.")[:MAX_DIMENSION_CHARS]


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
