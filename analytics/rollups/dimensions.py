"""What events are counted by, and the span of time one count covers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

TOTAL: Final = "total"
"""The table of one row that counts every event; the value of its row is ""."""

DIMENSIONS: Final = (
    "path",
    "event",
    "referrer",
    "country",
    "browser",
    "os",
    "device",
    "utmSource",
    "utmMedium",
    "utmCampaign",
)
"""Fields of a stored event; each names its table. An event without the field has no row there."""

TABLES: Final = (TOTAL, *DIMENSIONS)

PARTS: Final = "parts"
"""The table that only the copy of a day has: its total by half hours and more (parts.py)."""

PAGEVIEW: Final = "pageview"

BUCKET: Final = timedelta(minutes=15)
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

BUCKET_MS: Final = 15 * 60 * 1000


def bucket_start(moment: datetime) -> datetime:
    """Return the start, in UTC, of the 15-minute bucket that `moment` falls in.

    Raises TypeError for a naive datetime.
    """
    return EPOCH + bucket_number(moment) * BUCKET


def bucket_number(moment: datetime) -> int:
    """Count whole buckets from 1970 to `moment`; negative before."""
    return (moment - EPOCH) // BUCKET
