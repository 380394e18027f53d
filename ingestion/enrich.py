"""What the drain adds to an event: browser, OS, device, referrer, campaign, country, visitor."""

from datetime import datetime, timedelta
from functools import cache, lru_cache
from hashlib import blake2b
from ipaddress import IPv4Network, IPv6Network
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import maxminddb
import ua_parser
from django.conf import settings

from analytics.entry import Entry
from analytics.event import PAGEVIEW, Event
from analytics.ids import EntryId, datetime_of_ms, event_key, is_canonical_uuid
from analytics.mongo import Document
from analytics.projects import Policy

MAX_DIMENSION_CHARS = 256
RETENTION_GRACE = timedelta(days=7)

_CAMPAIGN = {"utm_source": "utmSource", "utm_medium": "utmMedium", "utm_campaign": "utmCampaign"}


class Client(NamedTuple):
    browser: str | None
    os: str | None
    device: str


def to_document(
    event: Event, event_id: str, entry: Entry, entry_id: EntryId, place: bytes, policy: Policy,
    salt: bytes,
) -> Document:  # fmt: skip
    """The document of collection `events` (docs/data-model.md); absent fields are left out.

    `salt` is that of the UTC day of acceptance.
    """
    ingested_at = datetime_of_ms(entry_id.ms)
    timestamp = event.timestamp or ingested_at
    ip = event.ip or entry.client_ip
    user_agent = event.user_agent or entry.client_user_agent
    document: Document = {
        "_id": event_key(entry.project_id, event_id),
        "project": entry.project_id,
        "timestamp": timestamp,
        "ingestedAt": ingested_at,
        "path": event.path,
        "event": event.event or PAGEVIEW,
        "place": place,
        "visitor": hash_visitor(entry.project_id, event.user_id, ip, user_agent, salt),
    }
    optional = {
        "eventId": None if is_canonical_uuid(event_id) else event_id,
        "userId": event.user_id,
        "sessionId": event.session_id,
        "ip": apply_ip_rule(policy.ip_rule, ip),
        "userAgent": user_agent,
        "properties": event.properties,
        "country": find_country(ip) if settings.GEOIP_PATH and ip else None,
        "expiresAt": expiry(timestamp, ingested_at, policy.retention_days),
    }
    document.update((name, value) for name, value in optional.items() if value is not None)
    if user_agent:
        client = parse_user_agent(user_agent)
        document.update((k, v) for k, v in zip(Client._fields, client, strict=True) if v)
    document.update(find_source(event.path, event.properties or {}))
    return document


def expiry(timestamp: datetime, ingested_at: datetime, days: int | None) -> datetime | None:
    """When the stored event may go; None: never."""
    if days is None:
        return None
    return max(timestamp, ingested_at) + timedelta(days=days) + RETENTION_GRACE


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


@lru_cache(maxsize=65_536)
def apply_ip_rule(rule: str, ip: str | None) -> str | None:
    """`ip` as the project may keep it: whole, less its last 8 bits (IPv6: 80), or not at all."""
    if ip is None or rule == "drop":
        return None
    if rule == "keep":
        return ip
    if ":" in ip:
        return str(IPv6Network((ip, 48), strict=False).network_address)
    return str(IPv4Network((ip, 24), strict=False).network_address)


@lru_cache(maxsize=16_384)
def parse_user_agent(text: str) -> Client:
    """Browser and OS family, and device: desktop, mobile, tablet or bot."""
    result = ua_parser.parse(text)
    browser = result.user_agent.family if result.user_agent else None
    os = result.os.family if result.os else None
    device = result.device.family if result.device else ""
    return Client(browser, os, _device_class(text, os or "", device))


def _device_class(text: str, os: str, device: str) -> str:
    if device == "Spider" or "bot" in text.lower():
        return "bot"
    if "iPad" in device or "Tablet" in text or (os == "Android" and "Mobile" not in text):
        return "tablet"
    if "Mobi" in text or os in ("iOS", "Android"):
        return "mobile"
    return "desktop"


def find_source(path: str, properties: dict[str, Any]) -> dict[str, str]:
    """`referrer` (a host), `utmSource`, `utmMedium`, `utmCampaign`, as far as they are known.

    The properties (`utm_source` or `utmSource`) go before the query string of the path.
    """
    found: dict[str, str] = {}
    referrer = properties.get("referrer")
    if isinstance(referrer, str) and (host := referrer_host(referrer)):
        found["referrer"] = host
    query = _campaign_query(path) if "utm_" in path else {}
    for name, field in _CAMPAIGN.items():
        value = properties.get(name) or properties.get(field) or query.get(name)
        if isinstance(value, str) and value:
            found[field] = value[:MAX_DIMENSION_CHARS]
    return found


def _campaign_query(path: str) -> dict[str, str]:
    try:
        query = parse_qs(path.partition("?")[2].partition("#")[0], max_num_fields=100)
    except ValueError:
        return {}
    return {name: values[0] for name, values in query.items() if name in _CAMPAIGN}


@lru_cache(maxsize=16_384)
def referrer_host(url: str) -> str | None:
    """The host of an http(s) URL, lower case, without `www.`; None for anything else."""
    try:
        parts = urlsplit(url if "//" in url else f"//{url}")
        host = parts.hostname if parts.scheme in ("", "http", "https") else None
    except ValueError:
        return None
    if not host or "." not in host or any(c.isspace() for c in host):
        return None
    return host.removeprefix("www.")[:MAX_DIMENSION_CHARS]


def find_country(ip: str) -> str | None:
    """ISO 3166 code of the country of `ip`, from the database at GEOIP_PATH."""
    record: Any = _geoip().get(ip)
    country = record.get("country") if isinstance(record, dict) else None
    code = country.get("iso_code") if isinstance(country, dict) else None
    return code if isinstance(code, str) else None


@cache
def _geoip() -> maxminddb.Reader:
    return maxminddb.open_database(settings.GEOIP_PATH)
