"""What makes numbers wrong without anything being broken, in words."""

import ipaddress
from collections import Counter
from collections.abc import Iterable

from analytics.databases import mongo
from analytics.databases.mongo import collection
from analytics.keys.refusals import LOST_BY_CLIENT
from analytics.projects.models import Project
from dashboard.parts.trust.told import Counted

LOOKED_AT = 1_000
LEAST_BROWSER_EVENTS = 50
ONE_ADDRESS_SHARE = 0.9
UNKNOWN_COUNTRIES_SHARE = 0.5


def list_warnings(
    project: Project, refused: Iterable[Counted], told: Iterable[Counted]
) -> list[str]:
    """What makes numbers wrong without anything being broken, in words."""
    warnings = _judge_browsers(project)
    if pages := sum(each.count for each in refused if each.code == "origin_not_allowed"):
        warnings.append(
            f"{pages:,} requests came from web pages that are not allowed to send. Is a website "
            "of yours missing among the allowed origins?"
        )
    if lost := sum(each.count for each in told if each.code == LOST_BY_CLIENT):
        warnings.append(
            f"Browsers say that they gave {lost:,} events up before they could be sent: their "
            "network was bad, or something between them and here drops requests."
        )
    return warnings


def _judge_browsers(project: Project) -> list[str]:
    """Whether the addresses of the latest events by web pages look like those of people."""
    latest = collection(mongo.EVENTS).find(
        {"project": project.id_bytes, "timestamp": {"$exists": True}},
        {"_id": 0, "ip": 1, "country": 1, "anonymous": 1, "bot": 1},
    )
    events = [
        event
        for event in latest.sort("timestamp", -1).limit(LOOKED_AT)
        if "anonymous" in event and "bot" not in event
    ]
    if len(events) < LEAST_BROWSER_EVENTS:
        return []
    warnings = []
    addresses = Counter(event["ip"] for event in events if "ip" in event)
    private = sum(count for address, count in addresses.items() if _is_private(address))
    for address, count in addresses.most_common(1):
        if count > ONE_ADDRESS_SHARE * len(events):
            warnings.append(
                f"{count:,} of the last {len(events):,} events by web pages have one address, "
                f"{address}. A proxy stands before this service and hides who sends: name it in "
                "TRUSTED_PROXIES."
            )
        elif private > ONE_ADDRESS_SHARE * len(events):
            warnings.append(
                f"{private:,} of the last {len(events):,} events by web pages have private "
                f"addresses, such as {address}: proxies hide who sends. Name them in "
                "TRUSTED_PROXIES."
            )
    unknown = sum("country" not in event for event in events)
    if unknown > UNKNOWN_COUNTRIES_SHARE * len(events):
        warnings.append(
            f"Of {unknown:,} of the last {len(events):,} events by web pages the country is not "
            "known: a proxy may hide their addresses."
        )
    return warnings


def _is_private(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_private
    except ValueError:
        return False
