"""What the drain adds to an event: browser, OS, device, referrer, campaign, country, visitor."""

import socket
from datetime import datetime, timedelta
from functools import cache, lru_cache
from hashlib import blake2b
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import maxminddb
import ua_parser
from django.conf import settings

from analytics.entry import Entry
from analytics.event import Event
from analytics.ids import is_uuid_key
from analytics.mongo import Document
from analytics.projects import Policy

MAX_DIMENSION_CHARS = 256
RETENTION_GRACE = timedelta(days=7)

_CAMPAIGN = {"utm_source": "utmSource", "utm_medium": "utmMedium", "utm_campaign": "utmCampaign"}


class Client(NamedTuple):
    browser: str | None
    os: str | None
    device: str


class Context(NamedTuple):
    """What the events of one entry have in common. `salt` is of the UTC day of acceptance."""

    entry: Entry
    ingested_at: datetime
    policy: Policy
    salt: bytes


def to_document(
    event: Event, event_id: str, key: bytes, place: bytes, context: Context
) -> Document:
    """The document of collection `events` (docs/data-model.md); absent fields are left out.

    `key` is its `_id`, as `event_key` makes it of `event_id`.
    """
    entry, ingested_at, policy, salt = context
    timestamp = event.timestamp or ingested_at
    ip = event.ip or entry.client_ip
    user_agent = event.user_agent or entry.client_user_agent
    document: Document = {
        "_id": key,
        "project": entry.project_id,
        "timestamp": timestamp,
        "ingestedAt": ingested_at,
        "path": event.path,
        "event": event.event,
        "place": place,
        "visitor": hash_visitor(entry.project_id, event.user_id, ip, user_agent, salt),
    }
    if not is_uuid_key(key):
        document["eventId"] = event_id
    if event.user_id is not None:
        document["userId"] = event.user_id
    if event.session_id is not None:
        document["sessionId"] = event.session_id
    if ip is not None:
        if kept := apply_ip_rule(policy.ip_rule, ip):
            document["ip"] = kept
        if settings.GEOIP_PATH and (country := find_country(ip)):
            document["country"] = country
    if user_agent:
        document["userAgent"] = user_agent
        browser, os, device = parse_user_agent(user_agent)
        if browser:
            document["browser"] = browser
        if os:
            document["os"] = os
        document["device"] = device
    if event.properties is not None:
        document["properties"] = event.properties
    if event.properties or "utm_" in event.path:
        document.update(find_source(event.path, event.properties or {}))
    if policy.retention_days is not None:
        document["expiresAt"] = expiry(timestamp, ingested_at, policy.retention_days)
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


def apply_ip_rule(rule: str, ip: str | None) -> str | None:
    """`ip` as the project may keep it: whole, less its last 8 bits (IPv6: 80), or not at all."""
    if ip is None or rule == "drop":
        return None
    if rule == "keep":
        return ip
    if ":" in ip:
        kept = socket.inet_pton(socket.AF_INET6, ip)[:6]
        return socket.inet_ntop(socket.AF_INET6, kept + b"\x00" * 10)
    return ip.rpartition(".")[0] + ".0"


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
        if value and isinstance(value, str):
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
    if not parts.scheme and "@" in parts.netloc:  # mailto: and its like
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
