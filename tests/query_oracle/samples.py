"""Values to draw from: those that engines disagree about."""

from typing import Any

CHANGES = {
    "Europe/Berlin": "2025-10-26T01:00:00+00:00",
    "America/New_York": "2026-03-08T07:00:00+00:00",
    "Asia/Kolkata": "2026-01-01T00:00:00+00:00",
    "Australia/Lord_Howe": "2026-04-04T15:00:00+00:00",
    "America/Sao_Paulo": "2018-11-04T03:00:00+00:00",
    "Pacific/Apia": "2011-12-30T10:00:00+00:00",
    "Africa/Cairo": "2026-04-23T22:00:00+00:00",
    "Asia/Kathmandu": "1985-12-31T18:30:00+00:00",
}
"""Zones, and a moment at which the clocks of each change, where they do."""

USERS = ["ann", "Böb", "o'neill", "😀"]
PATHS = ["/", "/a", "/A", "/a/b", "/ü", "/u\u0308", "/\uffee", "/😀", "/'\"", "/%_", "/a\\b"]
EVENTS = ["pageview", "pageview", "pageview", "signup", "Sign up", "$engagement", "$other"]
TEXTS = ["", "a", "A", "ä", "Ä", "5", "5.0", "true", "null", "a\nc", "abc", "😀", "\uffee", '"']
NUMBERS = [
    0, -0.0, 1, 5, 5.0, -3, 0.25, 2.5, 2**53, 2**53 + 1, float(2**53), 1e21, 2**63 - 1, -(2**63),
]  # fmt: skip
NESTED: list[Any] = [[], [1, "x", None], {"b": 1}, {"b": "x", "a": [None]}, {"b.c": True}]
KEYS = ["v", "n", "a", "a.b", "a:b", '"', "$k", "*", "currency", "view", "seconds", "scroll"]

FIELDS = [
    "path", "title", "event", "hostname", "userId", "sessionId", "language", "screen", "bot",
    "referrer", "source", "channel", "utmSource", "utmMedium", "utmCampaign", "utmContent",
    "utmTerm", "country", "region", "city", "browser", "browserVersion", "os", "osVersion",
    "device", "entryPath", "exitPath",
]  # fmt: skip
STORED_FIELDS = [
    name
    for name in FIELDS
    if name not in ("path", "event", "userId", "bot", "entryPath", "exitPath")
]

PROPERTIES = [
    "properties.v", "properties.n", "properties.a", "properties.a.b", 'properties["a.b"]',
    'properties["a:b"]', 'properties["\\""]', "properties.$k", "properties.*",
    "properties.currency", "properties.a.b.c", 'properties["a"]["b"]',
]  # fmt: skip
