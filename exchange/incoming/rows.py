"""What one row of a file says, in the words of events, and why a row says nothing.

Each row of a source becomes exactly one of the two, so that what was taken and what was left out
add up to what was there. They cross a pipe (exchange/incoming/reading/), as arrays in MessagePack.
"""

from typing import Any, Final, Literal, get_args

import msgspec


class Made(msgspec.Struct, array_like=True, gc=False):
    """What was made of an event where it was stored before: of our own exports alone."""

    id: str  # as `analytics.events.id_text` writes it
    ingested_at: int | None = None  # milliseconds since 1970, UTC
    visitor: int | None = None  # signed 64 bits, as `anonymous`
    anonymous: int | None = None
    referrer: str | None = None
    source: str | None = None
    channel: str | None = None
    click_id: str | None = None
    bot: str | None = None
    event_id: str | None = None  # what the sender called it: in exports with addresses


class ImportedRow(msgspec.Struct, array_like=True, tag=1, gc=False):
    """One event, in the source's own values; what it does not tell is None.

    No limit of events is held here but those of a cell: whoever admits it judges it.
    """

    row: int
    """Its place: rows of a file are counted from 1, headers are none."""
    timestamp: int
    """Milliseconds since 1970, UTC."""
    event: str
    """Its name; `pageview` for views."""
    url: str | None = None
    path: str | None = None  # with its query, where the source has one: the campaign is in it
    hostname: str | None = None
    title: str | None = None
    referrer: str | None = None  # an address, or a bare hostname where the source keeps no more
    language: str | None = None
    screen: str | None = None
    user_id: str | None = None
    session_id: str | None = None
    user_agent: str | None = None
    ip: str | None = None
    country: str | None = None  # two letters of ISO 3166-1, capitals
    region: str | None = None
    city: str | None = None
    browser: str | None = None
    browser_version: str | None = None
    os: str | None = None
    os_version: str | None = None
    device: str | None = None
    utm_source: str | None = None
    utm_medium: str | None = None
    utm_campaign: str | None = None
    utm_term: str | None = None
    utm_content: str | None = None
    properties: dict[str, Any] | None = None
    visitor: str | None = None
    """What the source tells its anonymous visitors apart by, only where it has that."""
    is_bot: bool | None = None
    source_id: str | None = None
    """The source's own id of this event."""
    made: Made | None = None


LeftOutReason = Literal[
    "bad_encoding",  # bytes that are no text in the file's encoding
    "bad_row",  # not as many cells as there are columns, or a quote where none may be
    "not_json",
    "not_a_line_of_the_log",
    "too_long",  # a line, or a row of several lines
    "too_deep",  # JSON
    "no_time",
    "bad_time",  # not in the format that was chosen, or outside of 1970 to 2200
    "no_name",  # of the event, and nothing that is mapped says that it is a view
    "no_page",  # neither a path nor an address
    "bad_value",  # of another field: detail says which
    "too_large",  # an integer of more than 64 bits, or more than 2 MiB of one event
    "other_method",  # access logs: not GET
    "other_status",  # access logs: neither 2xx nor 304
    "asset",  # access logs: a picture, a script, a style, a font
    "not_an_event",  # what the source notes beside events
    "other_site",  # of a file with several sites
]
"""Why a row was left out."""

LEFT_OUT_REASONS: Final[tuple[LeftOutReason, ...]] = get_args(LeftOutReason)


class LeftOut(msgspec.Struct, array_like=True, tag=2, gc=False):
    row: int
    reason: LeftOutReason
    detail: str = ""
    """At most 100 characters, for people: names of columns, no addresses and no ids of people."""


Item = ImportedRow | LeftOut
