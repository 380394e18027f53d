"""A line of an access log, of whichever server: what was asked for, by whom, and how it went.

Formats: `combined` of nginx and Apache, also `common`, `vhost_combined` and what is appended to
them; JSON as Caddy writes it, and as people name the fields in nginx and Apache.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import Any, Final, NamedTuple

from exchange.incoming.sources.times import read_iso

_QUOTED: Final = r'"((?:[^"\\]|\\.)*)"'
# Each part that may match in several ways is bounded, so that a line takes linear time.
_COMBINED: Final = re.compile(
    r"(?:(?P<host>[^ \":]{1,300}):\d{1,5} )?(?P<ip>[^ \"]{1,300}) (?P<ident>[^ ]{1,300}) .{1,300}? "
    r"\[(?P<time>[^\]]{1,64})\] "
    + _QUOTED.replace("((", "(?P<request>(")
    + r" (?P<status>\d{3}) (?:\d+|-)(?: "
    + _QUOTED.replace("((", "(?P<referrer>(")
    + " "
    + _QUOTED.replace("((", "(?P<agent>(")
    + r")?(?: .*)?"
)
_ESCAPED_BYTES: Final = re.compile(r"(?:\\x[0-9A-Fa-f]{2})+")
_ESCAPED: Final = re.compile(r"\\(.)")
_ADDRESS: Final = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}|(?=.*:.*:)[0-9a-fA-F:.]{3,45}")
_MONTHS: Final = {
    name: number
    for number, name in enumerate(
        ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"), 1
    )
}
_CLF_TIME: Final = re.compile(
    r"(\d{2})/([A-Z][a-z]{2})/(\d{4}):(\d{2}):(\d{2}):(\d{2}) ([+-])(\d{2})(\d{2})"
)
_NUMBER: Final = re.compile(r"[0-9]{1,20}(?:\.[0-9]{1,20})?")
_NAMES: Final[dict[str, Sequence[str]]] = {
    "time": (
        "time_iso8601", "time", "@timestamp", "timestamp", "time_local", "ts", "msec", "date",
        "start_time", "datetime",
    ),
    "ip": ("client_ip", "remote_addr", "remote_ip", "ip", "client", "clientip", "host_ip"),
    "method": ("request_method", "method", "verb"),
    "uri": ("request_uri", "uri", "url", "path"),
    "request": ("request", "request_line"),
    "status": ("status", "response", "status_code", "response_code"),
    "referrer": ("http_referer", "referer", "referrer", "http_referrer"),
    "agent": ("http_user_agent", "user_agent", "useragent", "agent", "user-agent"),
    "host": ("http_host", "host", "vhost", "server_name", "virtual_host"),
    "language": ("http_accept_language", "accept_language"),
}  # fmt: skip
"""What people call the fields of a log in JSON; the first that is there counts."""


class Request(NamedTuple):
    time: int  # milliseconds since 1970, UTC
    ip: str | None
    method: str
    uri: str
    status: int
    referrer: str | None
    agent: str | None  # empty: the client named none; None: the log does not hold it
    host: str | None
    language: str | None


class BadTime(ValueError):
    """The line says no time, or none that is understood."""


def is_combined(line: str) -> bool:
    return _COMBINED.fullmatch(line) is not None


def is_json_log(entry: Mapping[str, Any]) -> bool:
    """Whether an object is a line of a log: it has a status, and a request or its parts."""
    if isinstance(entry.get("request"), dict):
        return "status" in entry and "uri" in entry["request"]
    folded = {name.lower() for name in entry}
    return (
        not folded.isdisjoint(_NAMES["status"])
        and not folded.isdisjoint(_NAMES["ip"])
        and not folded.isdisjoint((*_NAMES["request"], *_NAMES["uri"]))
    )


def read_combined(line: str) -> Request | None:
    """None: it is no such line. Raises BadTime."""
    match = _COMBINED.fullmatch(line)
    if match is None:
        return None
    host, address = match["host"], match["ip"]
    if host is None and _ADDRESS.fullmatch(match["ident"]):  # a log of many hosts, without ports
        host, address = address, match["ident"]
    method, _, rest = _unescape(match["request"]).partition(" ")
    uri = rest.rpartition(" ")[0] if " " in rest else rest
    return Request(
        read_clf_time(match["time"]),
        address,
        method,
        uri,
        int(match["status"]),
        _known(match["referrer"]),
        _agent(match["agent"]),
        host,
        None,
    )


def read_json(entry: Mapping[str, Any]) -> Request | None:
    """None: it lacks what a request has. Raises BadTime."""
    if isinstance(entry.get("request"), dict):
        return _read_caddy(entry, entry["request"])
    entry = {name.lower(): value for name, value in entry.items()}
    found = {kind: _first(entry, names) for kind, names in _NAMES.items()}
    method, uri = _as_text(found["method"]), _as_text(found["uri"])
    if method is None or uri is None:
        method, _, rest = (_as_text(found["request"]) or "").partition(" ")
        uri = rest.rpartition(" ")[0] if " " in rest else rest
    status = _as_status(found["status"])
    if status is None or not uri:
        return None
    return Request(
        _read_any_time(found["time"]),
        _as_text(found["ip"]),
        method,
        uri,
        status,
        _known(_as_text(found["referrer"])),
        _agent(next((_as_text(entry[name]) for name in _NAMES["agent"] if name in entry), None)),
        _known(_as_text(found["host"])),
        _known(_as_text(found["language"])),
    )


def _read_caddy(entry: Mapping[str, Any], request: Mapping[str, Any]) -> Request | None:
    status = _as_status(entry.get("status"))
    uri, method = _as_text(request.get("uri")), _as_text(request.get("method"))
    if status is None or uri is None or method is None:
        return None
    address = _first(request, ("client_ip", "remote_ip"))
    if address is None:  # before 2.5, with its port
        address = (_as_text(request.get("remote_addr")) or "").rpartition(":")[0].strip("[]")
    headers = request.get("headers")
    knows_headers = isinstance(headers, dict)
    headers = headers if isinstance(headers, dict) else {}
    return Request(
        _read_any_time(entry.get("ts")),
        _known(_as_text(address)),
        method,
        uri,
        status,
        _header(headers, "Referer"),
        _header(headers, "User-Agent") or ("" if knows_headers else None),
        _known(_as_text(request.get("host"))),
        _header(headers, "Accept-Language"),
    )


@lru_cache(maxsize=64)  # the lines of a second say the same
def read_clf_time(text: str) -> int:
    """`10/Oct/2000:13:55:36 -0700`, or an ISO time where a server was told to write one."""
    match = _CLF_TIME.fullmatch(text)
    if match is None:
        return _read_any_time(text)
    day, month, year, hour, minute, second, sign, hours, minutes = match.groups()
    try:
        offset = timedelta(hours=int(hours), minutes=int(minutes))
        zone = timezone(offset if sign == "+" else -offset)
        moment = datetime(
            int(year), _MONTHS[month], int(day), int(hour), int(minute), min(int(second), 59),
            tzinfo=zone,
        )  # fmt: skip
        return read_iso(moment.astimezone(UTC).isoformat())
    except (KeyError, ValueError, OverflowError):
        raise BadTime(text[:40]) from None


def _read_any_time(value: object) -> int:
    if isinstance(value, str):
        if _CLF_TIME.fullmatch(value):
            return read_clf_time(value)
        if not _NUMBER.fullmatch(value):
            try:
                return read_iso(value.replace("/", "-"))
            except ValueError:
                raise BadTime(value[:40]) from None
        value = float(value)
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < 1e19:
        raise BadTime(str(value)[:40])
    for unit in (1e3, 1.0, 1e-3, 1e-6):  # seconds, and what is smaller
        if value * unit < 7.2e12:
            return round(value * unit)
    raise BadTime(str(value)[:40])


def _unescape(text: str) -> str:
    if "\\" not in text:
        return text
    text = _ESCAPED_BYTES.sub(
        lambda match: bytes.fromhex(match[0].replace("\\x", "")).decode("utf-8", "replace"), text
    )
    return _ESCAPED.sub(r"\1", text)


def _known(text: str | None) -> str | None:
    return _unescape(text) if text and text != "-" else None


def _agent(text: str | None) -> str | None:
    """Who names itself by nothing, or a dash, is none of whom the log knows nothing."""
    return None if text is None else _known(text) or ""


def _first(entry: Mapping[str, Any], names: Sequence[str]) -> object:
    return next((entry[name] for name in names if entry.get(name) not in (None, "")), None)


def _as_text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _as_status(value: object) -> int | None:
    text = str(value)
    return int(text) if text.isascii() and text.isdecimal() and len(text) == 3 else None


def _header(headers: Mapping[str, Any], name: str) -> str | None:
    value = headers.get(name)
    if isinstance(value, list):
        value = value[0] if value else None
    return value if isinstance(value, str) and value else None
