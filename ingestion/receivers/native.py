"""A native event as a receiver writes it, for those that translate many: faster than a mapping."""

from typing import Any

import msgspec


class NativeEvent(msgspec.Struct, rename="camel", omit_defaults=True, gc=False):
    """The fields of `POST /event`, not judged yet. `properties` may be JSON already, as Raw."""

    event_id: str | None = None
    event: str | None = None
    timestamp: str | None = None
    user_id: str | None = None
    session_id: str | None = None
    path: str | None = None
    url: str | None = None
    referrer: str | None = None
    title: str | None = None
    language: str | None = None
    screen: str | None = None
    ip: str | None = None
    user_agent: str | None = None
    properties: Any = None
    hostname: str | None = None
    automation: bool | None = None
