"""What brought somebody: the referrer and the campaign of an event."""

from collections.abc import Mapping

from analytics.rollups import Source
from ingestion.enrich.campaigns import Campaign, find_campaign
from ingestion.enrich.referrers import referrer_host


def find_source(query: Campaign, properties: Mapping[str, object]) -> Source:
    """Host of the referrer, utm source, medium and campaign, as far as they are known.

    `query` is the campaign of the path, as `read_path` finds it.
    """
    referrer = properties.get("referrer")
    host = referrer_host(referrer) if isinstance(referrer, str) else None
    campaign = find_campaign(query, properties)
    return host, campaign.source, campaign.medium, campaign.campaign
