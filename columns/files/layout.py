"""The columns of a segment, as its format has them.

They bear the names of the stored event's fields. Engines ignore the case of a name, so no two
differ by that alone. `ip` and `userAgent` are never among them.
"""

from typing import Final

FORMAT: Final = 2
"""Of a segment, field `v` of its document. The first one had no visits, however it was cut."""

BYTES: Final = "BLOB"
FLAG: Final = "BOOLEAN"
INTEGER: Final = "BIGINT"
TEXT: Final = "VARCHAR"

TYPES: Final[dict[str, str]] = {
    "id": BYTES,  # of the event, without its project: 16 or 17 bytes
    "place": BYTES,  # 14 bytes that sort by acceptance
    "timestamp": INTEGER,  # unix milliseconds, as all times
    "ingestedAt": INTEGER,
    "visitor": INTEGER,  # a hash of 64 bits, signed; null: nobody is followed
    "anonymous": INTEGER,  # who it would be without a user id, of events by a public key
    "userId": TEXT,
    "sessionId": TEXT,
    "event": TEXT,
    "path": TEXT,
    "hostname": TEXT,
    "title": TEXT,
    "referrer": TEXT,  # the host
    "referrerUrl": TEXT,
    "source": TEXT,
    "channel": TEXT,
    "utmSource": TEXT,
    "utmMedium": TEXT,
    "utmCampaign": TEXT,
    "utmTerm": TEXT,
    "utmContent": TEXT,
    "clickId": TEXT,
    "language": TEXT,
    "screen": TEXT,
    "country": TEXT,
    "region": TEXT,
    "city": TEXT,
    "browser": TEXT,
    "browserVersion": TEXT,
    "os": TEXT,
    "osVersion": TEXT,
    "device": TEXT,
    "bot": TEXT,
    "properties": TEXT,  # JSON; null: the event has none
}

OF_VISITS: Final[dict[str, str]] = {
    "referrer": "visitReferrer",
    "source": "visitSource",
    "channel": "visitChannel",
    "utmSource": "visitUtmSource",
    "utmMedium": "visitUtmMedium",
    "utmCampaign": "visitUtmCampaign",
    "utmTerm": "visitUtmTerm",
    "utmContent": "visitUtmContent",
    "country": "visitCountry",
    "region": "visitRegion",
    "city": "visitCity",
    "browser": "visitBrowser",
    "browserVersion": "visitBrowserVersion",
    "os": "visitOs",
    "osVersion": "visitOsVersion",
    "device": "visitDevice",
}
"""The fields of a visit that are those of its first pageview, and the columns that hold them.

Of an event in no visit such a column holds the event's own.
"""

VISIT_TYPES: Final[dict[str, str]] = {
    "visitStart": INTEGER,  # when the event's visit began; null: it is in none
    "visitMs": INTEGER,  # from its first event to its last
    "visitViews": INTEGER,
    "visitBounced": FLAG,
    "visitFirst": FLAG,  # whether the event is the first of its visit; false where it is in none
    "entryPath": TEXT,  # null: the event is in no visit
    "exitPath": TEXT,
    **dict.fromkeys(OF_VISITS.values(), TEXT),
}
"""What a segment that was cut by days has beside TYPES: the visit of each event.

A visit is known by its owner (`visits.OWNER`) and `visitStart`: of one owner no two begin at once.
"""
