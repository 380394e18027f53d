"""Umami's raw events: its table `website_event`, alone or in a zip with `event_data`.

Columns are those of the table in ClickHouse, as the cloud exports it; of PostgreSQL the same,
joined with `session` (docs/imports-sources.md has the query). Times are UTC.
"""

import re
from collections.abc import Iterator
from typing import Any, Final
from uuid import UUID

import msgspec

from exchange.incoming.files.errors import SourceError
from exchange.incoming.files.limits import Limits
from exchange.incoming.files.unpacking import Member, Unpacked
from exchange.incoming.rows import ImportedRow, Item, LeftOut
from exchange.incoming.sources.brief import Brief
from exchange.incoming.sources.names import name_browser, name_device, name_system, split_version
from exchange.incoming.sources.names import system_version as version_of_system
from exchange.incoming.sources.records import Record, read_records
from exchange.incoming.sources.sites import OneSite
from exchange.incoming.sources.times import read_iso
from exchange.incoming.sources.values import as_property, as_text, take

NEEDED: Final = ("website_id", "session_id", "created_at", "url_path")
_EVENTS: Final = re.compile(r"(?:.*/)?website_event[^/]*\.(?:csv|jsonl?|ndjson)(?:\.gz)?")
_EVENT_DATA: Final = re.compile(r"(?:.*/)?event_data[^/]*\.(?:csv|jsonl?|ndjson)(?:\.gz)?")
_TOTALS: Final = re.compile(
    r"(?:.*/)?(?:pages|events|referrers|browsers|os|devices|countries)\.csv"
)
_VIEW, _CUSTOM = ("1", None), "2"
# What an entry of event data takes in memory beside its texts, roughly: of an event, of a value.
_EVENT_BYTES, _VALUE_BYTES = 450, 120

EventData = dict[bytes, dict[str, Any]]


def holds_events(names: list[str]) -> bool:
    return any(_EVENTS.fullmatch(name) for name in names)


def holds_totals(names: list[str]) -> bool:
    """What `GET /api/websites/…/export` gives: lists of names and their counts."""
    return len(names) > 1 and all(_TOTALS.fullmatch(name) for name in names)


def read(file: Unpacked, brief: Brief) -> Iterator[Item]:
    names = [member.name for member in file.members]
    if holds_totals(names):
        raise SourceError("only_totals", "lists with counts; fetch the table website_event")
    members = file.members
    data: EventData = {}
    taken = 0
    if file.packing == "zip":
        members = [member for member in file.members if _EVENTS.fullmatch(member.name)]
        if not members:
            raise SourceError("wrong_source", "no website_event.csv in it")
        for member in file.members:
            if _EVENT_DATA.fullmatch(member.name):
                taken = _learn(data, taken, member, brief)
    site = OneSite(brief.options)
    for member in members:
        is_first = True
        for row in read_records(member.open(), brief):
            if isinstance(row, LeftOut):
                yield row
                continue
            if is_first:
                missing = [name for name in NEEDED if name not in row]
                if missing:
                    raise SourceError("wrong_source", f"no column {missing[0]}")
                is_first = False
            yield site.leave_out(as_text(row["website_id"])) or _say(row, data, brief)


def _learn(data: EventData, taken: int, member: Member, brief: Brief) -> int:
    """Keep the values of a member by their events; the memory that is taken then, roughly.

    Raises SourceError where it is too much.
    """
    stream = member.open()
    if not stream.peek(1):  # so the cloud has it where there is none
        return taken
    for row in read_records(stream, brief):
        if isinstance(row, LeftOut):
            raise SourceError("wrong_source", f"{member.name[:64]}: {row.reason}")
        event = _key(row.get("website_event_id", row.get("event_id")))
        name = take(row, "data_key") or take(row, "event_key")
        if event is None or name is None:
            raise SourceError("wrong_source", f"{member.name[:64]}: an event's id or data_key")
        if event not in data:
            data[event] = {}
            taken += _EVENT_BYTES
        value = _value(row)
        data[event][name] = value
        taken += _VALUE_BYTES + 2 * len(name) + 2 * len(str(value))
        _check_size(taken, brief.limits)
    return taken


def _check_size(taken: int, limits: Limits) -> None:
    if taken > limits.detail_bytes:
        raise SourceError("too_many_details", "event_data: export fewer days at once")


def _key(value: object) -> bytes | None:
    try:
        return UUID(as_text(value)).bytes
    except (ValueError, TypeError):
        return None


def _value(row: Record) -> Any:
    text = take(row, "string_value")
    match as_text(row.get("data_type")):
        case "2" | "3":  # numbers and truths
            return as_property(_trim(take(row, "number_value")) or text or "")
        case "4":  # dates
            return take(row, "date_value") or text
        case "5" if text:  # arrays
            try:
                return msgspec.json.decode(text)
            except (msgspec.DecodeError, RecursionError):
                return text
    return text


def _trim(number: str | None) -> str | None:
    """Decimals have four places there, needed or not."""
    return number.rstrip("0").rstrip(".") if number and "." in number else number


def _say(row: Record, data: EventData, brief: Brief) -> Item:
    try:
        timestamp = read_iso(row["created_at"])
    except ValueError:
        return LeftOut(0, "bad_time" if row["created_at"] else "no_time", "created_at")
    type_, name = take(row, "event_type"), take(row, "event_name")
    if type_ == _CUSTOM or (type_ is None and name):
        if name is None:
            return LeftOut(0, "no_name", "event_name")
    elif type_ in _VIEW:
        name = "pageview"
    else:
        return LeftOut(0, "not_an_event", f"event_type {type_[:8] if type_ else ''}")
    path = take(row, "url_path")
    if path is None:
        return LeftOut(0, "no_page", "url_path")
    event_id = take(row, "event_id")
    properties = dict(data.get(_key(event_id) or b"", {}))
    if tag := take(row, "tag"):
        properties.setdefault("tag", tag)
    system, version = split_version(take(row, "os"))
    country = take(row, "country")
    return ImportedRow(
        0,
        timestamp,
        name,
        path=_join(path, take(row, "url_query")),
        hostname=take(row, "hostname") or brief.options.hostname,
        title=take(row, "page_title"),
        referrer=_referrer(row),
        language=take(row, "language"),
        screen=take(row, "screen"),
        user_id=take(row, "distinct_id"),
        visitor=take(row, "session_id"),
        session_id=take(row, "visit_id"),
        country=country.upper() if country else None,
        region=take(row, "region") or take(row, "subdivision1"),
        city=take(row, "city"),
        browser=name_browser(take(row, "browser")),
        os=name_system(system),
        os_version=version_of_system(version),
        device=name_device(take(row, "device")),
        properties=properties or None,
        source_id=event_id,
    )


def _referrer(row: Record) -> str | None:
    domain = take(row, "referrer_domain")
    if domain is None:
        return None
    path = take(row, "referrer_path") or "/"
    return _join(f"https://{domain}{path}", take(row, "referrer_query"))


def _join(address: str, query: str | None) -> str:
    return f"{address}?{query.removeprefix('?')}" if query else address
