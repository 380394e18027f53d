"""What events are counted by, and in which tables.

Events of bots are in tables of their own, so that nobody need judge at reading. The tables of
people, which were there first, never hold them; those of bots have one dimension more.
"""

from __future__ import annotations

from typing import Final

TOTAL: Final = "total"
"""The table of one row that counts every event of people; bots have a total of their own."""

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
    "hostname",
)
"""Fields of a stored event; each names its table. An event without the field has no row there."""

BOT: Final = "bot"
"""The dimension that bots alone have: an event with this field is of a bot."""

DAY_PARTS: Final = "parts"
"""The table that only the copy of a day has: its total by half hours and more (day_parts.py)."""


def name_bots_table(table: str) -> str:
    """The table that counts of bots what `table` does of people."""
    return "bots_" + table


PEOPLE_TABLES: Final = (TOTAL, *DIMENSIONS)
BOTS_TABLES: Final = tuple(map(name_bots_table, (TOTAL, *DIMENSIONS, BOT)))
TABLES: Final = (*PEOPLE_TABLES, *BOTS_TABLES)

BOTS_TOTAL: Final = name_bots_table(TOTAL)
BOTS_DAY_PARTS: Final = name_bots_table(DAY_PARTS)

WITHOUT_VALUES: Final = frozenset((TOTAL, BOTS_TOTAL, DAY_PARTS, BOTS_DAY_PARTS))
"""Tables whose rows have no values."""

TABLES_FORMAT: Final = 2
"""Which tables a summary or a run may have: in 1 (also where it says nothing) those of people
without the hostname, in 2 those named here."""

FACTS_FORMAT: Final = 3
"""Of a summary that says facts instead of tables (facts.py); no run has it."""

PAGEVIEW: Final = "pageview"
