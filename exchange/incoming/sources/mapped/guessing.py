"""A first mapping for a CSV or JSON lines, by the names of columns and by what is in them.

People see it, with what the first rows become, and confirm or change it.
"""

import re
from collections.abc import Callable, Sequence
from collections.abc import Mapping as Names
from typing import Any, Final

from exchange.incoming.mapping import Mapping
from exchange.incoming.sources.times import time_reader

_FIELDS: Final[dict[str, Sequence[str]]] = {
    "timestamp": (
        "timestamp", "time", "datetime", "date_time", "created_at", "event_time", "ts", "date",
        "occurred_at", "received_at", "sent_at", "event_timestamp", "visited_at", "server_time",
        "@timestamp",
    ),
    "event": ("event", "event_name", "name", "event_type", "action", "type"),
    "url": (
        "url", "page_url", "page_location", "location", "href", "current_url", "full_url",
        "document_location",
    ),
    "path": ("path", "page", "pathname", "page_path", "url_path", "uri", "request_uri"),
    "hostname": ("hostname", "host", "domain", "site"),
    "title": ("title", "page_title", "document_title"),
    "referrer": ("referrer", "referer", "document_referrer", "page_referrer", "http_referer"),
    "language": ("language", "lang", "locale", "browser_language"),
    "screen": ("screen", "screen_resolution", "screen_size", "resolution"),
    "user_id": ("user_id", "userid", "uid", "customer_id", "account_id", "user"),
    "session_id": ("session_id", "session", "visit_id", "sessionid"),
    "visitor": (
        "visitor", "visitor_id", "anonymous_id", "client_id", "device_id", "distinct_id",
        "cookie_id", "user_pseudo_id",
    ),
    "user_agent": ("user_agent", "useragent", "ua", "agent"),
    "ip": ("ip", "ip_address", "remote_addr", "client_ip", "remote_ip"),
    "country": ("country", "country_code", "country_iso"),
    "region": ("region", "subdivision", "state"),
    "city": ("city",),
    "browser": ("browser", "browser_name"),
    "browser_version": ("browser_version",),
    "os": ("os", "operating_system", "os_name", "platform"),
    "os_version": ("os_version", "operating_system_version"),
    "device": ("device", "device_type", "device_category"),
    "utm_source": ("utm_source", "campaign_source"),
    "utm_medium": ("utm_medium", "campaign_medium"),
    "utm_campaign": ("utm_campaign", "campaign", "campaign_name"),
    "utm_term": ("utm_term", "campaign_term"),
    "utm_content": ("utm_content", "campaign_content"),
    "is_bot": ("is_bot", "bot"),
    "source_id": ("event_id", "id", "uuid", "message_id", "insert_id", "hit_id"),
}  # fmt: skip
"""What people call the columns, the likeliest first; compared as `snake_case`, without a `$`."""

_PROPERTIES: Final = ("properties", "props", "event_properties", "data", "meta", "metadata")
_FORMATS: Final = (
    "iso", "%d/%b/%Y:%H:%M:%S %z", "%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%d/%m/%Y %H:%M:%S",
    "%m/%d/%Y %H:%M:%S", "%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M", "%m/%d/%Y %I:%M:%S %p",
    "%m/%d/%Y %I:%M %p", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%Y%m%d%H%M%S", "%Y%m%d%H",
    "%a, %d %b %Y %H:%M:%S %z", "%a %b %d %H:%M:%S %Y",
)  # fmt: skip
_FIRST_SECONDS, _LAST_SECONDS = 1e8, 7.2e9  # 1973 to 2198
_NEARLY_ALL: Final = 0.8
_UNITS: Final = {"seconds": 1.0, "milliseconds": 1e3, "microseconds": 1e6, "nanoseconds": 1e9}
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_BREAK: Final = re.compile(r"[\s\-./]+")

Samples = Names[str, Sequence[object]]
"""The first values of each column, in the order of the columns; without those that are empty."""


def guess_mapping(samples: Samples) -> Mapping:
    """A mapping that may lack the timestamp, if nothing in the samples is one."""
    names = {name: _spell(name) for name in samples}
    mapping = Mapping()
    for field, spellings in _FIELDS.items():
        fits = _FITS.get(field, _is_anything)
        taken = set(mapping.fields.values())
        found = _find(spellings, names, lambda name: name not in taken and fits(samples[name]))  # noqa: B023 - called at once
        if found is not None:
            mapping.fields[field] = found
    if "timestamp" not in mapping.fields:
        taken = set(mapping.fields.values())
        dated = (name for name in samples if name not in taken and _is_dated(samples[name]))
        if (found := next(dated, None)) is not None:
            mapping.fields["timestamp"] = found
    if "url" not in mapping.fields and "path" not in mapping.fields:
        _find_page(mapping, samples)
    if "timestamp" in mapping.fields:
        mapping.time_format = find_format(samples[mapping.fields["timestamp"]]) or "iso"
    _guess_properties(mapping, samples, names)
    return mapping


def find_format(values: Sequence[object]) -> str | None:
    """The format by which nearly all of these are times, None where there is none."""
    if not values:
        return None
    for unit, factor in _UNITS.items():
        if _most(values, lambda value: _is_moment(value, factor)):  # noqa: B023 - called at once
            return unit
    return next((name for name in _FORMATS if _most(values, _reads(name))), None)


def _most(values: Sequence[object], test: Callable[[object], bool]) -> bool:
    """Whether it is so of nearly all: a file has bad rows."""
    return sum(map(test, values)) >= len(values) * _NEARLY_ALL


def _is_moment(value: object, factor: float) -> bool:
    number = _as_number(value)
    return number is not None and _FIRST_SECONDS < number / factor < _LAST_SECONDS


def _reads(time_format: str) -> Callable[[object], bool]:
    read = time_reader(time_format)

    def is_read(value: object) -> bool:
        try:
            read(value)
        except ValueError:
            return False
        return True

    return is_read


def _is_time(values: Sequence[object]) -> bool:
    return find_format(values) is not None


def _is_anything(values: Sequence[object]) -> bool:
    return True


def _is_dated(values: Sequence[object]) -> bool:
    """Whether these are times that can be nothing else: no numbers."""
    return _most(values, lambda value: _as_number(value) is None) and _is_time(values)


def _is_address(values: Sequence[object]) -> bool:
    return _most(values, lambda value: isinstance(value, str) and "://" in value)


def _is_path(values: Sequence[object]) -> bool:
    return _most(values, lambda value: isinstance(value, str) and value.startswith("/"))


def _is_flag(values: Sequence[object]) -> bool:
    return {str(value).lower() for value in values} <= {"true", "false", "0", "1", "t", "f"}


def _is_country(values: Sequence[object]) -> bool:
    return _most(values, lambda value: isinstance(value, str) and len(value) == 2)


def _is_name(values: Sequence[object]) -> bool:
    return _most(values, lambda value: isinstance(value, str))


_FITS: Final[dict[str, Callable[[Sequence[object]], bool]]] = {
    "timestamp": lambda values: bool(values) and _is_time(values),
    "event": _is_name,
    "url": _is_address,
    "path": _is_path,
    "is_bot": _is_flag,
    "country": _is_country,
}


def _find(
    spellings: Sequence[str], names: Names[str, str], fits: Callable[[str], bool]
) -> str | None:
    """The first column of the likeliest spelling; in an object inside counts its last name."""
    for spelling in spellings:
        for name, spelled in names.items():
            if spelled == spelling and fits(name):
                return name
    for spelling in spellings:
        for name in names:
            _, dot, last = name.rpartition(".")
            if dot and _spell(last) == spelling and fits(name):
                return name
    return None


def _find_page(mapping: Mapping, samples: Samples) -> None:
    taken = set(mapping.fields.values())
    for name, values in samples.items():
        if name in taken or not values:
            continue
        if _is_address(values):
            mapping.fields["url"] = name
            return
        if _is_path(values):
            mapping.fields["path"] = name
            return


def _guess_properties(mapping: Mapping, samples: Samples, names: Names[str, str]) -> None:
    """What is left: an object of that name, and columns of single values."""
    taken = set(mapping.fields.values())
    for name, spelled in names.items():
        if spelled in _PROPERTIES and name not in taken and _are_objects(samples[name]):
            mapping.properties_from = name
            break
    inside = f"{mapping.properties_from}."
    mapping.properties = [
        name
        for name, values in samples.items()
        if name not in taken
        and name != mapping.properties_from
        and not name.startswith(inside)
        and values
        and not any(isinstance(value, dict) for value in values)
    ]


def _are_objects(values: Sequence[object]) -> bool:
    return bool(values) and all(
        isinstance(value, dict) or (isinstance(value, str) and value.lstrip()[:1] == "{")
        for value in values
    )


def _spell(name: str) -> str:
    return _BREAK.sub("_", _CAMEL.sub("_", name.strip().lstrip("$"))).lower()


def _as_number(value: Any) -> float | None:
    try:
        return None if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        return None
