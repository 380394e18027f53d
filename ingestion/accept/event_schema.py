"""The JSON Schema of an event, as `analytics/events/event.py` decodes it."""

from analytics.events import event as limits
from analytics.web.openapi import MOMENT, Json

# Without C0 and C1 control characters.
_PLAIN = r"^[^\u0000-\u001f\u007f-\u009f]*$"


def _optional(description: str, **schema: object) -> Json:
    return {"type": ["string", "null"], "description": description, **schema}


def _plain(description: str, most_chars: int) -> Json:
    return _optional(description, maxLength=most_chars, pattern=_PLAIN)


def _name(description: str, most_chars: int) -> Json:
    return {**_plain(description, most_chars), "minLength": 1}


def _moment(description: str) -> Json:
    return _optional(
        description,
        maxLength=limits.MAX_TIMESTAMP_CHARS,
        anyOf=[*MOMENT, {"type": "null"}],
    )


# Of either the client must send one.
_PAGE: Json = {
    "path": _optional(
        "Of the page. Goes before that of `url`.", minLength=1, maxLength=limits.MAX_PATH_CHARS
    ),
    "url": _optional(
        "Path, hostname and campaign are taken from it.",
        minLength=1,
        maxLength=limits.MAX_URL_CHARS,
    ),
}

EVENT: Json = {
    "type": "object",
    "anyOf": [{"required": [name]} for name in _PAGE],
    "additionalProperties": False,
    "properties": {
        **_PAGE,
        "eventId": _name("Counts once per project. Absent: made up.", limits.MAX_EVENT_ID_CHARS),
        "event": _name("Its name. Absent: pageview.", limits.MAX_EVENT_NAME_CHARS),
        "timestamp": _moment(
            "RFC 3339, from 1970 on, at most 24 hours ahead (by a public key 5 minutes), cut to "
            "milliseconds; no offset means UTC. Absent: the time of acceptance."
        ),
        "userId": _name("Who.", limits.MAX_USER_ID_CHARS),
        "sessionId": _name("In which session.", limits.MAX_USER_ID_CHARS),
        "ip": _optional(
            "IPv4 or IPv6. Absent, and by a public key: the sender's.",
            anyOf=[{"format": "ipv4"}, {"format": "ipv6"}, {"type": "null"}],
        ),
        "userAgent": _optional(
            f"Cut at {limits.MAX_USER_AGENT_CHARS:,} characters. Absent, and by a public key: the "
            "sender's.",
            maxLength=limits.MAX_USER_AGENT_SENT_CHARS,
        ),
        "properties": {
            "type": ["object", "null"],
            "description": f"Up to {limits.MAX_PROPERTIES_BYTES:,} bytes of compact JSON, at most "
            f"{limits.MAX_PROPERTIES_DEPTH} levels deep, integers of up to 64 bits.",
        },
        "hostname": _name("Of the page. Goes before that of `url`.", limits.MAX_HOSTNAME_CHARS),
        "referrer": _optional("Goes before `properties.referrer`.", maxLength=limits.MAX_URL_CHARS),
        "title": _optional(
            f"Of the page. Cut at {limits.MAX_TITLE_CHARS} characters.",
            maxLength=limits.MAX_TITLE_SENT_CHARS,
        ),
        "language": _plain("Of the client, as `pt-BR`.", limits.MAX_LANGUAGE_CHARS),
        "screen": _plain("As `1920x1080`.", limits.MAX_SCREEN_CHARS),
        "automation": {
            "type": ["boolean", "null"],
            "description": "true: the browser says that it is driven.",
        },
        "lost": {
            "type": ["integer", "null"],
            "description": "How many events the client gave up before this one.",
            "minimum": 0,
            "maximum": limits.MAX_LOST,
        },
        "sentAt": _moment(
            "What the client's clock said when it sent this, from 1970 on. If that is fast (over "
            "1 s) or slow (over 60 s), the timestamps of the request are moved by the difference."
        ),
    },
}
