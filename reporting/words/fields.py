"""What fields are called, and the values that events do not have."""

import json
import re

FIELDS = {
    "path": "Path",
    "title": "Title",
    "entryPath": "Entry",
    "exitPath": "Exit",
    "hostname": "Host",
    "channel": "Channel",
    "source": "Source",
    "referrer": "Referrer",
    "utmSource": "utm_source",
    "utmMedium": "utm_medium",
    "utmCampaign": "utm_campaign",
    "utmContent": "utm_content",
    "utmTerm": "utm_term",
    "country": "Country",
    "region": "Region",
    "city": "City",
    "browser": "Browser",
    "browserVersion": "Browser version",
    "os": "System",
    "osVersion": "System version",
    "device": "Device",
    "screen": "Screen",
    "language": "Language",
    "event": "Event",
    "properties": "Property",
    "bot": "Bot",
    "userId": "User",
    "sessionId": "Session",
}

_NONE = {
    "source": "Direct",
    "referrer": "Direct",
    "channel": "Direct",
    "country": "Unknown",
    "region": "Unknown",
    "city": "Unknown",
    "browser": "Unknown",
    "browserVersion": "Unknown",
    "os": "Unknown",
    "osVersion": "Unknown",
    "device": "Unknown",
    "screen": "Unknown",
    "language": "Unknown",
}

OPERATORS = {
    "is": "is",
    "not": "is not",
    "contains": "contains",
    "without": "does not contain",
    "starts": "begins with",
    "ends": "ends with",
    "matches": "matches",
    "known": "is known",
    "unknown": "is unknown",
    "gt": "is over",
    "gte": "is at least",
    "lt": "is below",
    "lte": "is at most",
}


_PLAIN_KEY = re.compile(r"[\w-]+")


def name_property(key: str) -> str:
    """The field of a property, by its key."""
    if _PLAIN_KEY.fullmatch(key):
        return f"properties.{key}"
    return f"properties[{json.dumps(key, ensure_ascii=False)}]"


def name_field(name: str) -> str:
    return FIELDS.get(name) or name.removeprefix("properties.")


def name_key(field: str, key: str | None) -> tuple[str, str]:
    """A value as a list shows it, and what stands softer beside it."""
    if key is None:
        return _NONE.get(field, "(none)"), ""
    if key == "":
        return "(empty)", ""
    return key, ""
