"""What is the same in many events: their elements in BSON and what they mean, made once and kept.

Each cache stays below some 45 MiB, whatever characters its keys are of; a user id is short anyway.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from analytics.bounded_cache import Kept
from analytics.rollups import Client, Hit, Source, hash_user, make_hit
from ingestion.enrich.bots import REFERRER_SPAM, is_spam, judge_user_agent
from ingestion.enrich.campaigns import NO_CAMPAIGN, Campaign, find_campaign, names_campaign
from ingestion.enrich.countries import Location
from ingestion.enrich.pages import Page, read_page
from ingestion.enrich.referrers import referrer_host
from ingestion.enrich.traffic import find_traffic, is_own_host
from ingestion.enrich.user_agents import parse_user_agent
from ingestion.enrich.visitors import hash_visitor
from ingestion.store.elements import INT64, STRING, begin, int64, string


def _heads(*names: str) -> list[bytes]:
    return [begin(STRING, name) for name in names]


_PAGE = _heads("path", "hostname")
_EVENT = begin(STRING, "event")
_VISITOR, _ANONYMOUS = begin(INT64, "visitor"), begin(INT64, "anonymous")
_USER_ID = begin(STRING, "userId")
_USER_AGENT = begin(STRING, "userAgent")
_FAMILY = _heads("browser", "os", "device")
_VERSIONS = _heads("browserVersion", "osVersion")
_LOCATION = _heads("country", "region", "city")
_TRAFFIC = _heads(
    "referrer", "utmSource", "utmMedium", "utmCampaign", "utmTerm", "utmContent",
    "clickId", "source", "channel",
)  # fmt: skip


class AgentPiece(NamedTuple):
    elements: bytes
    client: Client
    bot: str | None


class TrafficPiece(NamedTuple):
    elements: bytes
    source: Source
    bot: str | None


NO_CLIENT: Final[Client] = (None, None, None)


def _encode_all(heads: list[bytes], *values: str | None) -> bytes:
    return b"".join(map(string, heads, values))


def _make_page(key: tuple[str | None, str | None, str | None, bool]) -> tuple[bytes, Page]:
    path, url, hostname, tidy = key
    page = read_page(url, path, hostname, tidy=tidy)
    return _encode_all(_PAGE, page.path, page.hostname), page


def _make_name(name: str) -> bytes:
    return string(_EVENT, name)


def encode_visitor(visitor: int) -> bytes:
    return _VISITOR + int64(visitor)


def encode_anonymous(visitor: int) -> bytes:
    return _ANONYMOUS + int64(visitor)


def _make_user(user: tuple[bytes, str]) -> tuple[bytes, Hit, Hit]:
    """Its elements `visitor` and `userId`, and what a pageview and another event of it count."""
    project_id, user_id = user
    user_hash = hash_user(project_id, user_id)
    visitor = hash_visitor(project_id, user_id, None, None, b"")
    piece = encode_visitor(visitor) + string(_USER_ID, user_id)
    return piece, make_hit(user_hash, visitor, True), make_hit(user_hash, visitor, False)


def _make_agent(key: tuple[str | None, bool, bool]) -> AgentPiece:
    """Of a user agent, whether it is judged, and whether its person must not be followed.

    One that is not judged is a program's that sends for people: it names no browser.
    """
    text, is_judged, unfollowed = key
    whole = b"" if unfollowed else string(_USER_AGENT, text or None)
    if not is_judged:
        return AgentPiece(whole, NO_CLIENT, None)
    bot = judge_user_agent(text)
    if not text:
        return AgentPiece(b"", NO_CLIENT, bot)
    agent = parse_user_agent(text)
    family = _encode_all(_FAMILY, *agent.client)
    if unfollowed:
        return AgentPiece(family, agent.client, bot)
    versions = _encode_all(_VERSIONS, agent.browser_version, agent.os_version)
    return AgentPiece(whole + family + versions, agent.client, bot)


def _make_location(location: Location) -> tuple[bytes, str | None]:
    return _encode_all(_LOCATION, *location), location.country


TrafficKey = tuple[str | None, Campaign, str | None, str | None, frozenset[str]]
"""Referrer, campaign, click id, the page's hostname, and the project's own."""


def _make_traffic(key: TrafficKey) -> TrafficPiece:
    referrer, campaign, click_id, hostname, own = key
    host = referrer_host(referrer) if referrer else None
    spam = REFERRER_SPAM if is_spam(host) else None
    if host and is_own_host(host, {*own, hostname} if hostname else own):
        host = None
    traffic = find_traffic(host, campaign, click_id)
    elements = _encode_all(_TRAFFIC, host, *campaign, click_id, *traffic)
    return TrafficPiece(elements, (host, *campaign[:3]), spam)


def find_traffic_piece(
    referrer: str | None,
    page: Page,
    properties: Mapping[str, object] | None,
    own_hostnames: frozenset[str],
) -> TrafficPiece:
    """What brought somebody to `page`; of its properties, a campaign and a referrer count."""
    campaign = page.campaign
    if properties:
        if names_campaign(properties):
            campaign = find_campaign(campaign, properties)
        if referrer is None and isinstance(found := properties.get("referrer"), str):
            referrer = found
    if referrer is None and page.click_id is None and campaign is NO_CAMPAIGN:
        return _direct
    return _traffic[referrer, campaign, page.click_id, page.hostname, own_hostnames]


pages = Kept(_make_page, 1 << 12)
names = Kept(_make_name, 1 << 13)
users = Kept(_make_user, 1 << 14, longest=None)  # whose ids are short
agents = Kept(_make_agent, 1 << 13)
locations = Kept(_make_location, 1 << 14)
_traffic = Kept(_make_traffic, 1 << 13)
_direct = _make_traffic((None, NO_CAMPAIGN, None, None, frozenset()))
