"""The columns of a segment, as its format has them.

They bear the names of the stored event's fields. Engines ignore the case of a name, so no two
differ by that alone. `ip` and `userAgent` are never among them.
"""

from typing import Final

FORMAT: Final = 1
"""Of a segment, field `v` of its document."""

BYTES: Final = "BLOB"
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
