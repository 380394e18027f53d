"""From a row of a file to the event that is to be stored.

Of our own exports all of it is what the file says. Of another source it is what the drain would
make of the same event (`ingestion/store/document.py`), and what the source knows better: where its
visitor was, by what browser, and whom it took them for.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from hashlib import blake2b, sha256
from typing import Any, Final, NamedTuple

import bson
import msgspec

from analytics.events.entry import Part
from analytics.events.event import (
    MAX_EVENT_BODY_BYTES,
    MAX_FUTURE,
    Event,
    check_age,
    decode_event,
)
from analytics.events.id_text import format_id, parse_id
from analytics.events.ids import datetime_of_ms, make_imported_id, now_ms
from analytics.events.imported import ImportedEvent, decode_imported
from analytics.events.invalid_event import InvalidEvent
from analytics.keys.excluded import is_address_excluded, is_page_excluded
from analytics.keys.records import Excluded
from analytics.projects.policy import Policy
from exchange.incoming.rows import ImportedRow, Made
from ingestion.enrich.bots import UNNAMED
from ingestion.enrich.countries import choose_locator
from ingestion.store.document import encode_event
from ingestion.store.origins import Origin

EXCLUDED: Final = "excluded"
BAD_ID: Final = "bad_id"

_NOWHERE: Final = bytes(14)
_NOBODY: Final = bytes(16)
_BETTER: Final = (
    "country", "region", "city", "browser", "browser_version", "os", "os_version", "device",
)  # fmt: skip
"""What a source may know of its own, and what is then as it says."""

_MADE_HERE: Final = frozenset(ImportedEvent.__struct_encode_fields__) - {
    "timestamp",
    "ingestedAt",
    "eventId",
    "visitor",
    "anonymous",
    "ip",
    "properties",
}
_UTM: Final = ("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content")

_encode = msgspec.json.Encoder().encode


class Making(NamedTuple):
    """An event that a row becomes: what follows the project in its `_id`, and its JSON."""

    id: bytes
    raw: bytes
    user_id: str | None
    timestamp_ms: int

    @property
    def event_id(self) -> str:
        return format_id(self.id)


@dataclass(frozen=True)
class Maker:
    """Makes the events of one file for one project."""

    project_id: bytes
    source: str
    policy: Policy
    excluded: Excluded | None

    def name(self, row: ImportedRow) -> bytes:
        """What equal rows of the file have in common, in the order of time: 22 or more bytes."""
        if row.made is not None:
            return row.made.id.encode()
        content = msgspec.structs.replace(row, row=0)
        digest = sha256(self.source.encode() + b"\n" + msgspec.msgpack.encode(content)).digest()
        return max(0, row.timestamp).to_bytes(8, "big") + digest[:16]

    def make(self, row: ImportedRow, name: bytes, ordinal: int) -> Making:
        """The event of a row that `ordinal` equal ones stand before. Raises InvalidEvent."""
        if row.made is not None:
            key, event = _read_id(row.made), _make_own(row, row.made)
        else:
            event = self._make_foreign(row)
            told = sha256(name[8:] + ordinal.to_bytes(8, "big")).digest()
            key = make_imported_id(event.timestamp, told)
        raw = _encode(event)
        if len(raw) > MAX_EVENT_BODY_BYTES:
            detail = f"The event is over {MAX_EVENT_BODY_BYTES:,} bytes."
            raise InvalidEvent(None, "event_too_large", detail)
        judged, _ = decode_imported(raw)
        now = datetime.now(UTC)
        check_age(datetime_of_ms(judged.timestamp), now, self.policy.retention_days)
        if judged.ingested_at is not None:  # which it is kept by, too
            _check_ingested(datetime_of_ms(judged.ingested_at), now)
        self._check_excluded(judged)
        return Making(key, raw, judged.user_id, judged.timestamp)

    def _check_excluded(self, event: ImportedEvent) -> None:
        rules = self.excluded
        if rules and (
            is_address_excluded(rules, event.ip)
            or is_page_excluded(rules, event.path, event.hostname)
        ):
            raise InvalidEvent(None, EXCLUDED, "The project leaves this address or page out.")

    @cached_property
    def _origin(self) -> Origin:
        return Origin(self.project_id, now_ms(), self.policy, _NOBODY, choose_locator())

    @cached_property
    def _part(self) -> Part:
        return Part(self.project_id, None, None, (), imported=True)

    def _make_foreign(self, row: ImportedRow) -> ImportedEvent:
        event = _read_wire(row)
        properties = event.properties
        if told := {name: value for name in _UTM if (value := getattr(row, name))}:
            event.properties = {**(properties or {}), **told}
        key = self.project_id + _NOBODY
        encoded, _ = encode_event(event, key, _NOWHERE, self._origin, self._part)
        document: dict[str, Any] = bson.decode(encoded)
        made = ImportedEvent(
            timestamp=row.timestamp,
            **{_snake[name]: value for name, value in document.items() if name in _MADE_HERE},
        )
        made.ip = event.ip
        made.properties = msgspec.Raw(b"null" if properties is None else _encode(properties))
        for name in _BETTER:
            if value := getattr(row, name):
                setattr(made, name, value)
        if row.is_bot and made.bot is None:
            made.bot = UNNAMED
        made.anonymous = self._hash_visitor(row.visitor) if row.visitor else None
        if row.user_id:
            made.visitor = int(document["visitor"])
        else:
            made.visitor, made.anonymous = made.anonymous, None
        return made

    def _hash_visitor(self, visitor: str) -> int:
        """Whom the source took it for, as a hash of 64 bits, signed: nobody else is the same."""
        text = f"imported\n{self.source}\n{visitor}"
        digest = blake2b(text.encode(), digest_size=8, key=self.project_id).digest()
        return int.from_bytes(digest, "big", signed=True)


def _check_ingested(moment: datetime, now: datetime) -> None:
    if moment - now > MAX_FUTURE:
        detail = "ingestedAt is more than 24 hours ahead."
        raise InvalidEvent("ingestedAt", "timestamp_in_future", detail)


def _read_id(made: Made) -> bytes:
    try:
        return parse_id(made.id)
    except ValueError:
        raise InvalidEvent("id", BAD_ID, "It is no id of an export.") from None


def _make_own(row: ImportedRow, made: Made) -> ImportedEvent:
    return ImportedEvent(
        timestamp=row.timestamp, event=row.event, path=row.path or "",
        ingested_at=made.ingested_at, event_id=made.event_id, visitor=made.visitor,
        anonymous=made.anonymous, user_id=row.user_id, session_id=row.session_id,
        hostname=row.hostname, title=row.title, language=row.language, screen=row.screen,
        ip=row.ip, user_agent=row.user_agent, country=row.country, region=row.region, city=row.city,
        browser=row.browser, browser_version=row.browser_version, os=row.os,
        os_version=row.os_version, device=row.device, referrer=made.referrer,
        referrer_url=row.referrer, source=made.source, channel=made.channel,
        utm_source=row.utm_source, utm_medium=row.utm_medium, utm_campaign=row.utm_campaign,
        utm_term=row.utm_term, utm_content=row.utm_content, click_id=made.click_id, bot=made.bot,
        properties=msgspec.Raw(b"null" if row.properties is None else _encode(row.properties)),
    )  # fmt: skip


def _read_wire(row: ImportedRow) -> Event:
    """What a client would have sent, judged as that. Raises InvalidEvent."""
    sent = {
        "event": row.event, "url": row.url, "path": row.path, "hostname": row.hostname,
        "title": row.title, "referrer": row.referrer, "language": row.language,
        "screen": row.screen, "userId": row.user_id, "sessionId": row.session_id,
        "userAgent": row.user_agent, "ip": row.ip, "properties": row.properties,
    }  # fmt: skip
    told = {name: value for name, value in sent.items() if value}
    if row.user_agent == "":  # a bot's, as no person's browser is without a name
        told["userAgent"] = ""
    try:
        event = decode_event(_encode(told))
    except UnicodeError:  # a lone surrogate
        raise InvalidEvent(None, "invalid_json", "It holds what is no text.") from None
    try:
        event.timestamp = datetime_of_ms(row.timestamp)
    except (OverflowError, ValueError):
        raise InvalidEvent("timestamp", "bad_timestamp", "timestamp is no moment.") from None
    return event


_snake: Final = dict(
    zip(ImportedEvent.__struct_encode_fields__, ImportedEvent.__struct_fields__, strict=True)
)
