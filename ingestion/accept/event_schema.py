"""The JSON Schema of an event, as `analytics/events/event.py` decodes it."""

from analytics.events import event as limits
from analytics.web.openapi import MOMENT, Json

# Without C0 and C1 control characters.
_PLAIN = r"^[^\u0000-\u001f\u007f-\u009f]*$"


def _optional(description: str, **schema: object) -> Json:
    return {"type": ["string", "null"], "description": description, **schema}


def _name(description: str, most_chars: int) -> Json:
    return _optional(description, minLength=1, maxLength=most_chars, pattern=_PLAIN)


EVENT: Json = {
    "type": "object",
    "anyOf": [{"required": ["path"]}, {"required": ["url"]}],
    "additionalProperties": False,
    "properties": {
        "path": _optional("Absent: that of the url.", minLength=1, maxLength=limits.MAX_PATH_CHARS),
        "url": _optional(
            "The page's whole address. Path, hostname and campaign are read from it.",
            minLength=1,
            maxLength=limits.MAX_URL_CHARS,
        ),
        "eventId": _name("Counts once per project. Absent: made up.", limits.MAX_EVENT_ID_CHARS),
        "event": _name("Its name. Absent: pageview.", limits.MAX_EVENT_NAME_CHARS),
        "timestamp": _optional(
            "RFC 3339, from 1970 on, at most 24 hours ahead, cut to milliseconds; no offset means "
            "UTC. Absent: the time of acceptance.",
            maxLength=limits.MAX_TIMESTAMP_CHARS,
            anyOf=[*MOMENT, {"type": "null"}],
        ),
        "userId": _name("Who.", limits.MAX_USER_ID_CHARS),
        "sessionId": _name("In which session.", limits.MAX_USER_ID_CHARS),
        "ip": _optional(
            "IPv4 or IPv6. Absent: the sender's.",
            anyOf=[{"format": "ipv4"}, {"format": "ipv6"}, {"type": "null"}],
        ),
        "userAgent": _optional(
            f"Cut at {limits.MAX_USER_AGENT_CHARS:,} characters. Absent: the sender's.",
            maxLength=limits.MAX_USER_AGENT_SENT_CHARS,
        ),
        "hostname": _name("Absent: that of the url.", limits.MAX_HOSTNAME_CHARS),
        "referrer": _optional(
            "The address of the page before. Absent: properties.referrer.",
            maxLength=limits.MAX_URL_CHARS,
        ),
        "title": _optional(
            f"Cut at {limits.MAX_TITLE_CHARS} characters.", maxLength=limits.MAX_TITLE_SENT_CHARS
        ),
        "language": _optional(
            "Of the browser: de-CH.", maxLength=limits.MAX_LANGUAGE_CHARS, pattern=_PLAIN
        ),
        "screen": _optional("1920x1080.", maxLength=limits.MAX_SCREEN_CHARS, pattern=_PLAIN),
        "automation": {
            "type": ["boolean", "null"],
            "description": "true: the browser says that a program drives it.",
        },
        "lost": {
            "type": ["integer", "null"],
            "description": "Events that the client had to give up before this one.",
            "minimum": 0,
            "maximum": limits.MAX_LOST,
        },
        "sentAt": _optional(
            "The client's clock when it sent this. Fast by more than 1 s or slow by more than "
            "60 s, the timestamps of all events of the request are moved by the difference.",
            maxLength=limits.MAX_TIMESTAMP_CHARS,
            anyOf=[*MOMENT, {"type": "null"}],
        ),
        "properties": {
            "type": ["object", "null"],
            "description": f"Up to {limits.MAX_PROPERTIES_BYTES:,} bytes of compact JSON, at most "
            f"{limits.MAX_PROPERTIES_DEPTH} levels deep, integers of up to 64 bits.",
        },
    },
}
