"""Plausible's raw events: its table `events_v2` (or `events`, of before) in ClickHouse.

Columns are those of the table's own definition; times are UTC, of seconds. What the dashboard
exports, `imported_*.csv`, are numbers by day: no events can be made of them.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

from exchange.incoming.files.errors import SourceError
from exchange.incoming.files.unpacking import Unpacked
from exchange.incoming.rows import ImportedRow, Item, LeftOut
from exchange.incoming.sources.brief import Brief
from exchange.incoming.sources.names import (
    browser_version,
    name_browser,
    name_device,
    name_system,
    system_version,
)
from exchange.incoming.sources.records import Record, read_records
from exchange.incoming.sources.sites import OneSite
from exchange.incoming.sources.times import read_iso
from exchange.incoming.sources.values import as_property, as_text, take

NEEDED: Final = ("name", "user_id", "session_id", "pathname", "timestamp")
TOTALS: Final = re.compile(r"(?:.*/)?imported_[a-z_]+(?:_\d{8}_\d{8})?\.csv")
_ENGAGEMENT: Final = "engagement"
_NOTHING: Final = ("", "\x00\x00", "\x00\x00\x00")
_ITEM: Final = re.compile(r"'((?:[^'\\]|\\.)*)'", re.DOTALL)
_ESCAPE: Final = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED: Final = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "0": "\x00"}


def read(file: Unpacked, brief: Brief) -> Iterator[Item]:
    if any(TOTALS.fullmatch(member.name) for member in file.members):
        raise SourceError("only_totals", "numbers by day; fetch the table events_v2")
    site = OneSite(brief.options)
    for member in file.members:
        is_first = True
        for row in read_records(member.open(), brief):
            if isinstance(row, LeftOut):
                yield row
                continue
            if is_first:
                _check(row)
                is_first = False
            yield site.leave_out(_site_of(row)) or _say(row, brief)


def _check(row: Record) -> None:
    missing = [name for name in NEEDED if name not in row]
    if not missing:
        return
    if "date" in row and "visitors" in row:
        raise SourceError("only_totals", "numbers by day; fetch the table events_v2")
    raise SourceError("wrong_source", f"no column {missing[0]}")


def _site_of(row: Record) -> str | None:
    return as_text(row.get("site_id", row.get("domain")))


def _say(row: Record, brief: Brief) -> Item:
    name = take(row, "name")
    if name is None:
        return LeftOut(0, "no_name", "name")
    if name == _ENGAGEMENT:
        return LeftOut(0, "not_an_event", "engagement")
    try:
        timestamp = read_iso(row.get("timestamp"))
    except ValueError:
        return LeftOut(0, "bad_time" if row.get("timestamp") else "no_time", "timestamp")
    path = take(row, "pathname")
    if path is None:
        return LeftOut(0, "no_page", "pathname")
    try:
        properties = _properties(row)
    except ValueError as exc:
        return LeftOut(0, "bad_value", str(exc))
    referrer = _known(row, "referrer")
    return ImportedRow(
        0,
        timestamp,
        name,
        path=path,
        hostname=_known(row, "hostname") or brief.options.hostname,
        referrer=f"https://{referrer}" if referrer and "://" not in referrer else referrer,
        visitor=take(row, "user_id"),
        session_id=take(row, "session_id"),
        country=_known(row, "country_code"),
        region=_known(row, "subdivision1_code"),
        browser=name_browser(_known(row, "browser")),
        browser_version=browser_version(_known(row, "browser_version")),
        os=name_system(_known(row, "operating_system")),
        os_version=system_version(_known(row, "operating_system_version")),
        device=name_device(_known(row, "screen_size")),
        utm_source=_known(row, "utm_source"),
        utm_medium=_known(row, "utm_medium"),
        utm_campaign=_known(row, "utm_campaign"),
        utm_term=_known(row, "utm_term"),
        utm_content=_known(row, "utm_content"),
        properties=properties or None,
    )


def _known(row: Record, name: str) -> str | None:
    value = take(row, name)
    return None if value in _NOTHING else value


def _properties(row: Record) -> dict[str, Any]:
    keys, values = (_as_list(row.get(f"meta.{part}")) for part in ("key", "value"))
    if len(keys) != len(values):
        raise ValueError("meta.key and meta.value")
    properties: dict[str, Any] = dict(zip(keys, values, strict=True))
    if amount := _known(row, "revenue_source_amount"):
        properties["revenue"] = as_property(amount)
        if currency := _known(row, "revenue_source_currency"):
            properties["currency"] = currency
    return properties


def _as_list(value: object) -> list[str]:
    """An array of texts, of JSON or as ClickHouse writes it into a CSV: `['a','it\\'s']`."""
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return value
    if value is None or value == "":
        return []
    if isinstance(value, str) and value[:1] == "[" and value[-1:] == "]":
        return [_unescape(item) for item in _ITEM.findall(value)]
    raise ValueError("meta")


def _unescape(text: str) -> str:
    return _ESCAPE.sub(lambda match: _ESCAPED.get(match[1], match[1]), text)
