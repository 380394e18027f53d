"""Where an event came from: its source, and its channel in GA4's default channel group.

The rules, their order and the names are those that Google publishes for manual tagging
(https://support.google.com/analytics/answer/9756891), and `AI Assistants` after the paid ones.
"""

import re
from collections.abc import Collection
from typing import Final, NamedTuple

from analytics.events.hosts import leave_out_www
from ingestion.enrich.campaigns import Campaign
from ingestion.enrich.click_ids import CLICK_IDS, ClickId
from ingestion.enrich.known_sources import KnownSource, find_host, find_spelling

DIRECT: Final = "Direct"
CROSS_NETWORK: Final = "Cross-network"
DISPLAY: Final = "Display"
PAID_OTHER: Final = "Paid Other"
AI_ASSISTANTS: Final = "AI Assistants"
ORGANIC_SHOPPING: Final = "Organic Shopping"
ORGANIC_SOCIAL: Final = "Organic Social"
ORGANIC_VIDEO: Final = "Organic Video"
ORGANIC_SEARCH: Final = "Organic Search"
REFERRAL: Final = "Referral"
EMAIL: Final = "Email"
AFFILIATES: Final = "Affiliates"
AUDIO: Final = "Audio"
SMS: Final = "SMS"
PUSH: Final = "Mobile Push Notifications"
UNASSIGNED: Final = "Unassigned"

_PAID_OF_KIND: Final = {
    "shopping": "Paid Shopping",
    "search": "Paid Search",
    "social": "Paid Social",
    "video": "Paid Video",
}
_PAID = re.compile(r".*cp.*|ppc|retargeting|paid.*", re.DOTALL)
_SHOPPING = re.compile(r"(?:[^a-df-z]|^)shop|shopping")
_DISPLAY = frozenset(("display", "banner", "expandable", "interstitial", "cpm"))
_SOCIAL = frozenset(
    ("social", "social-network", "social-media", "sm", "social network", "social media")
)
_REFERRAL = frozenset(("referral", "app", "link"))
_EMAIL = frozenset(("email", "e-mail", "e_mail", "e mail"))
_AFFILIATE = frozenset(("affiliate", "affiliates"))
_UNSET = frozenset(("(none)", "(not set)", "none", "null", "undefined"))
_NOBODY = frozenset(("(direct)", "direct", *_UNSET))

# What a click id that was paid for, or earned, goes before.
_FREE = frozenset(("organic", "referral"))
_BOUGHT = frozenset(("cpc", "display", "affiliate"))


class Traffic(NamedTuple):
    """Source by the name that people know, else as it was sent; None of direct traffic."""

    source: str | None
    channel: str


def find_traffic(referrer_host: str | None, campaign: Campaign, click_id: str | None) -> Traffic:
    """The traffic that an event is of.

    `referrer_host` is none of the project's own; utm_source goes before it. `click_id` is the name
    of a click id, which says who sent a click where nothing else does, and that it was paid.
    """
    click = CLICK_IDS.get(click_id) if click_id else None
    medium = None if campaign.medium in _UNSET else campaign.medium
    utm_source = None if campaign.source in _NOBODY else campaign.source
    bought = click is not None and click.medium in _BOUGHT
    if bought and click and (medium is None or medium in _FREE):
        medium = click.medium
    if utm_source:
        known = find_spelling(utm_source)
        source: str | None = known.name if known else utm_source
    elif referrer_host and not (bought and click and click.source):
        known = find_host(referrer_host)
        source = known.name if known else referrer_host
        medium = medium or "referral"
    else:
        known = _find_clicked(click)
        source = click.source if click else None
        medium = medium or (click.medium if click else None)
    if source is None and medium is None and campaign.campaign is None:
        return Traffic(None, DIRECT)
    return Traffic(source, _find_channel(known, utm_source, medium or "", campaign.campaign or ""))


def is_own_host(host: str, own: Collection[str]) -> bool:
    """Whether `host` is one of the project's `own` hostnames, with or without `www.`."""
    bare = leave_out_www(host)
    return host in own or bare in own or f"www.{bare}" in own


def _find_clicked(click: ClickId | None) -> KnownSource | None:
    return find_spelling(click.source.lower()) if click and click.source else None


def _find_channel(
    known: KnownSource | None, utm_source: str | None, medium: str, campaign: str
) -> str:
    """The first rule that holds, in GA4's order; `medium` and `campaign` may be empty."""
    kind = known.kind if known else None
    sells = kind == "shopping" or _SHOPPING.search(campaign) is not None
    if "cross-network" in campaign:
        return CROSS_NETWORK
    if _PAID.fullmatch(medium):
        if sells:
            return _PAID_OF_KIND["shopping"]
        if paid := _PAID_OF_KIND.get(kind or ""):
            return paid
        return DISPLAY if medium in _DISPLAY else PAID_OTHER
    if medium in _DISPLAY:
        return DISPLAY
    if kind == "ai":
        return AI_ASSISTANTS
    if sells:
        return ORGANIC_SHOPPING
    if kind == "social" or medium in _SOCIAL:
        return ORGANIC_SOCIAL
    if kind == "video" or "video" in medium:
        return ORGANIC_VIDEO
    if kind == "search" or medium == "organic":
        return ORGANIC_SEARCH
    return _find_other_channel(kind, utm_source, medium)


def _find_other_channel(kind: str | None, utm_source: str | None, medium: str) -> str:
    # Google's order has referrals first; a mail program's page is a referrer as well.
    if medium in _REFERRAL and not (kind == "mail" and utm_source is None):
        return REFERRAL
    if kind == "mail" or medium in _EMAIL or utm_source in _EMAIL:
        return EMAIL
    if medium in _AFFILIATE:
        return AFFILIATES
    if medium == "audio":
        return AUDIO
    if "sms" in (medium, utm_source):
        return SMS
    if medium.endswith("push") or "mobile" in medium or "notification" in medium:
        return PUSH
    return PUSH if utm_source == "firebase" else UNASSIGNED
