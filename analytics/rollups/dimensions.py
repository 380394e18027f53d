"""What events are counted by."""

from __future__ import annotations

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

DAY_PARTS: Final = "parts"
"""The table that only the copy of a day has: its total by half hours and more (day_parts.py)."""

PAGEVIEW: Final = "pageview"
