"""CSV and JSON lines of anybody, by a mapping that people have confirmed."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from operator import itemgetter
from typing import Any, Final

import msgspec

from analytics.events.event import PAGEVIEW
from exchange.incoming.files.errors import SourceError
from exchange.incoming.files.objects import read_objects
from exchange.incoming.files.tables import Table
from exchange.incoming.files.unpacking import Unpacked
from exchange.incoming.mapping import FIELDS, Mapping
from exchange.incoming.rows import ImportedRow, Item, LeftOut
from exchange.incoming.sources.brief import Brief
from exchange.incoming.sources.times import ReadTime, time_reader
from exchange.incoming.sources.values import as_flag, as_property, as_text

Get = Callable[[Any], object]
"""The value of a column in a row; None where it has none."""

_TEXTS: Final = tuple(
    field for field in FIELDS if field not in ("timestamp", "event", "is_bot")
)  # fmt: skip


def read_csv(file: Unpacked, brief: Brief) -> Iterator[Item]:
    mapping = check_mapping(brief.mapping)
    for member in file.members:
        table = Table(member.open(), brief.options, brief.limits)
        _check_columns(mapping, table.header)
        saying = Saying(mapping, brief, _find_cells(table.header))
        for row in table:
            yield row if isinstance(row, LeftOut) else saying.say(row)


def read_jsonl(file: Unpacked, brief: Brief) -> Iterator[Item]:
    saying = Saying(check_mapping(brief.mapping), brief, _value)
    for member in file.members:
        for entry in read_objects(member.open(), brief.options, brief.limits):
            yield entry if isinstance(entry, LeftOut) else saying.say(entry)


def find_value(entry: dict[str, Any], name: str) -> object:
    """The value of `a.b`: of the key `a.b`, else of `b` in the object `a`."""
    if name in entry or "." not in name:
        return entry.get(name)
    first, _, rest = name.partition(".")
    inner = entry.get(first)
    return find_value(inner, rest) if isinstance(inner, dict) else None


class Saying:
    """What a row says by a mapping, whose columns `find` gets the values of."""

    def __init__(self, mapping: Mapping, brief: Brief, find: Callable[[str], Get]) -> None:
        self._read_time = _time_reader(mapping)
        self._get_time = find(mapping.fields["timestamp"])
        self._get_event = find(mapping.fields["event"]) if "event" in mapping.fields else None
        # A row without a name is a view only where no column tells names.
        unnamed = "" if self._get_event else PAGEVIEW
        self._event = mapping.constants.get("event", unnamed)
        self._constants = [
            (field, value) for field, value in mapping.constants.items() if field in _TEXTS
        ]
        self._get_bot = find(mapping.fields["is_bot"]) if "is_bot" in mapping.fields else None
        self._texts = [
            (field, find(mapping.fields[field])) for field in _TEXTS if field in mapping.fields
        ]
        self._properties = [(name, find(name)) for name in mapping.properties]
        self._get_properties = find(mapping.properties_from) if mapping.properties_from else None
        self._hostname = brief.options.hostname

    def say(self, row: Any) -> Item:
        value = self._get_time(row)
        if value is None or value == "":
            return LeftOut(0, "no_time")
        try:
            timestamp = self._read_time(value)
        except ValueError:
            return LeftOut(0, "bad_time")
        try:
            said = self._say_fields(row, timestamp)
        except _Bad as exc:
            return LeftOut(0, "bad_value", str(exc))
        if not said.event:
            return LeftOut(0, "no_name")
        if said.url is None and said.path is None:
            return LeftOut(0, "no_page")
        return said

    def _say_fields(self, row: Any, timestamp: int) -> ImportedRow:
        name = _text(self._get_event(row), "event") if self._get_event else None
        said = ImportedRow(0, timestamp, name or self._event, hostname=self._hostname)
        for field, constant in self._constants:
            setattr(said, field, constant)
        for field, get in self._texts:
            if (text := _text(get(row), field)) is not None:
                setattr(said, field, text)
        if self._get_bot is not None:
            try:
                said.is_bot = as_flag(self._get_bot(row))
            except ValueError:
                raise _Bad("is_bot") from None
        said.properties = self._say_properties(row) or None
        return said

    def _say_properties(self, row: Any) -> dict[str, Any]:
        properties: dict[str, Any] = {}
        if self._get_properties is not None:
            properties.update(_object(self._get_properties(row)))
        for name, get in self._properties:
            value = get(row)
            if value is not None and value != "":
                properties[name] = as_property(value) if isinstance(value, str) else value
        return properties


class _Bad(ValueError):
    """A value is none of its field, which the text names."""


def _text(value: object, field: str) -> str | None:
    try:
        return as_text(value)
    except ValueError:
        raise _Bad(field) from None


def _object(value: object) -> dict[str, Any]:
    if isinstance(value, str) and value:
        try:
            value = msgspec.json.decode(value)
        except (msgspec.DecodeError, RecursionError):
            raise _Bad("properties") from None
    if isinstance(value, dict):
        return value
    if value is None or value == "":
        return {}
    raise _Bad("properties")


def _find_cells(header: Sequence[str]) -> Callable[[str], Get]:
    return lambda name: itemgetter(header.index(name))


def _value(name: str) -> Get:
    return lambda entry: find_value(entry, name)


def check_mapping(mapping: Mapping | None) -> Mapping:
    """Raises SourceError `bad_mapping`."""
    if mapping is None:
        raise SourceError("bad_mapping", "there is none: confirm one")
    unknown = [name for name in (*mapping.fields, *mapping.constants) if name not in FIELDS]
    if unknown:
        raise SourceError("bad_mapping", f"there is no field {unknown[0][:64]}")
    if "timestamp" not in mapping.fields:
        raise SourceError("bad_mapping", "no column is the timestamp")
    _time_reader(mapping)
    return mapping


def _time_reader(mapping: Mapping) -> ReadTime:
    try:
        return time_reader(mapping.time_format, mapping.time_zone)
    except ValueError as exc:
        raise SourceError("bad_mapping", str(exc)) from None


def _check_columns(mapping: Mapping, header: Sequence[str]) -> None:
    """Raises SourceError `bad_mapping` for a column that is not there, or there twice."""
    counts = Counter(header)
    named = [*mapping.fields.values(), *mapping.properties]
    if mapping.properties_from:
        named.append(mapping.properties_from)
    for name in named:
        if counts[name] != 1:
            times = "twice" if counts[name] else "not"
            raise SourceError("bad_mapping", f"the column {name[:64]} is {times} there")
