"""Our own exports, as docs/exports.md has them: JSON lines, CSV or Parquet."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from analytics.events.id_text import format_id
from columns.files.layout import BYTES
from exchange.formats import HASHES, TIMES, list_columns, unescape_cell
from exchange.incoming.files.errors import SourceError
from exchange.incoming.files.parquet import ParquetFile
from exchange.incoming.files.unpacking import Unpacked
from exchange.incoming.rows import ImportedRow, Item, LeftOut, Made
from exchange.incoming.sources.brief import Brief
from exchange.incoming.sources.records import is_json, read_records
from exchange.incoming.sources.times import read_iso

COLUMNS: Final = tuple(list_columns(with_addresses=True))
_NEEDED: Final = ("id", "timestamp", "ingestedAt", "event")
_NUMBERS: Final = (*TIMES, *HASHES)
_FIELDS: Final = {
    "path": "path",
    "hostname": "hostname",
    "title": "title",
    "referrer": "referrerUrl",
    "language": "language",
    "screen": "screen",
    "user_id": "userId",
    "session_id": "sessionId",
    "user_agent": "userAgent",
    "ip": "ip",
    "country": "country",
    "region": "region",
    "city": "city",
    "browser": "browser",
    "browser_version": "browserVersion",
    "os": "os",
    "os_version": "osVersion",
    "device": "device",
    "utm_source": "utmSource",
    "utm_medium": "utmMedium",
    "utm_campaign": "utmCampaign",
    "utm_term": "utmTerm",
    "utm_content": "utmContent",
}
"""Fields of a row, and the columns that they are."""
_MADE: Final = {
    "referrer": "referrer",
    "source": "source",
    "channel": "channel",
    "click_id": "clickId",
    "bot": "bot",
    "event_id": "eventId",
}


def read(file: Unpacked, brief: Brief) -> Iterator[Item]:
    if file.is_parquet:
        yield from _read_parquet(brief)
        return
    for member in file.members:
        # An empty cell is no value: what is empty and has quotes is lost, and no field has one.
        is_csv = not is_json(member.open())
        is_first = True
        for row in read_records(member.open(), brief):
            if isinstance(row, LeftOut):
                yield row
                continue
            if is_csv:
                if is_first:
                    _check(row)
                    is_first = False
                row = _fill(row, spreadsheet=brief.options.spreadsheet)
            yield _say(row)


def _check(columns: Mapping[str, object]) -> None:
    missing = [name for name in _NEEDED if name not in columns]
    if missing:
        raise SourceError("wrong_source", f"no column {missing[0]}")


def _fill(row: Mapping[str, str], *, spreadsheet: bool) -> dict[str, Any]:
    cells = {name: cell for name, cell in row.items() if cell != ""}
    if spreadsheet:
        cells = {
            name: cell if name in _NUMBERS or name == "id" else unescape_cell(cell)
            for name, cell in cells.items()
        }
    return cells


def _read_parquet(brief: Brief) -> Iterator[Item]:
    parquet = ParquetFile(brief.limits)
    _check(parquet.columns)
    names = [name for name in COLUMNS if name in parquet.columns]
    expressions = [_expression(name, parquet.columns[name]) for name in names]
    for values in parquet.read(expressions):
        row = {name: value for name, value in zip(names, values, strict=True) if value is not None}
        if isinstance(row.get("id"), bytes):
            row["id"] = format_id(row["id"])
        yield _say(row)


def _expression(name: str, kind: str) -> str:
    """The value of a column as JSON has it, but for times, which are milliseconds."""
    if name in TIMES:
        return f'"{name}"' if kind == "BIGINT" else f'epoch_ms("{name}")'
    if name in HASHES or kind == BYTES:
        return f'"{name}"'
    return f'CAST("{name}" AS VARCHAR)'


def _say(row: Mapping[str, Any]) -> Item:
    try:
        timestamp, ingested_at = _time(row.get("timestamp")), _time(row.get("ingestedAt"))
    except ValueError:
        return LeftOut(0, "bad_time", "timestamp or ingestedAt")
    if timestamp is None:
        return LeftOut(0, "no_time", "timestamp")
    name = row.get("event")
    if not isinstance(name, str) or not name:
        return LeftOut(0, "no_name", "event")
    try:
        made = Made(_text(row, "id") or "", ingested_at)
        made.visitor, made.anonymous = _hash(row, "visitor"), _hash(row, "anonymous")
        for field, column in _MADE.items():
            setattr(made, field, _text(row, column))
        said = ImportedRow(0, timestamp, name, made=made)
        for field, column in _FIELDS.items():
            setattr(said, field, _text(row, column))
        said.properties = _properties(row.get("properties"))
    except ValueError as exc:
        return LeftOut(0, "bad_value", str(exc))
    if not made.id:
        return LeftOut(0, "bad_value", "id")
    return said


def _time(value: object) -> int | None:
    if value is None or isinstance(value, int):
        return value
    return read_iso(value)


def _text(row: Mapping[str, Any], name: str) -> str | None:
    value = row.get(name)
    if value is None or isinstance(value, str):
        return value
    raise ValueError(name)


def _hash(row: Mapping[str, Any], name: str) -> int | None:
    value = row.get(name)
    if value is None:
        return None
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(name) from None
    if not -(2**63) <= number < 2**63:
        raise ValueError(name)
    return number


def _properties(value: object) -> dict[str, Any] | None:
    if isinstance(value, str):
        try:
            value = msgspec.json.decode(value)
        except (msgspec.DecodeError, RecursionError):
            raise ValueError("properties") from None
    if value is None or isinstance(value, dict):
        return value
    raise ValueError("properties")
