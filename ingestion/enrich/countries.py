"""Where an address is: its country, and region and city where a database says so."""

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

import iptocc
import maxminddb
import structlog
from django.conf import settings

from analytics.bounded_cache import Kept

log = structlog.get_logger(__name__)

CHECK_SECONDS: Final = 5.0
MAX_LOCATION_CHARS: Final = 128

_NO_COUNTRIES: Final = frozenset(("AP", "EU", "XX", "ZZ"))  # registries have regions, too


class Location(NamedTuple):
    """Country as ISO 3166 code; region and city by their English names."""

    country: str | None = None
    region: str | None = None
    city: str | None = None


NOWHERE: Final = Location()
_MAPPED: Final = "::ffff:"


def _make_country(code: str | None) -> Location:
    return NOWHERE if code is None or code in _NO_COUNTRIES else Location(code)


_countries = Kept(_make_country, 1_000)


def find_location(ip: str) -> Location:
    """Where `ip` is: by the database that GEOIP_PATH names, else by the registries of addresses.

    What is no address, or no registry has given to anybody (a private one), is nowhere.
    """
    return choose_locator()(ip)


def choose_locator() -> Callable[[str], Location]:
    """As `find_location`, for who locates many: the settings are read once."""
    return _find_in_database if settings.GEOIP_PATH else _find_in_registries


def _find_in_database(ip: str) -> Location:
    location = _look_up(_leave_out_mapping(ip))
    return location if location.country else _find_in_registries(ip)


def _find_in_registries(ip: str) -> Location:
    if ip.startswith(":"):
        ip = _leave_out_mapping(ip)
    try:
        return _countries[iptocc.country_code(ip)]
    except UnicodeError:
        return NOWHERE


def _leave_out_mapping(ip: str) -> str:
    return ip[len(_MAPPED) :] if ip.startswith(_MAPPED) and "." in ip else ip


class Database:
    """An .mmdb file, opened anew when it changes.

    It is read from a copy that no name leads to, so that somebody may write over the file: what is
    mapped from a file that was cut kills the process.
    """

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._seen: object = ""  # what no file looks like
        self._checked_at = -CHECK_SECONDS
        self._reader: maxminddb.Reader | None = None

    def reader(self) -> maxminddb.Reader | None:
        """What the file holds; what it held before, while it cannot be read."""
        now = time.monotonic()
        if now - self._checked_at >= CHECK_SECONDS:
            self._checked_at = now
            self._refresh()
        return self._reader

    def _refresh(self) -> None:
        seen = _look_at(self._path)
        if seen == self._seen:
            return
        self._seen = seen
        try:
            self._reader = _open_copy(self._path)
        except (OSError, ValueError, maxminddb.InvalidDatabaseError) as error:
            log.warning("geoip_unreadable", path=str(self._path), error=str(error))
        else:
            log.info("geoip_opened", path=str(self._path))


def _look_at(path: Path) -> object:
    """What changes with the file; None where none is."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino, status.st_size


def _open_copy(path: Path) -> maxminddb.Reader:
    """Raises OSError, ValueError or InvalidDatabaseError."""
    try:
        handle, name = tempfile.mkstemp(suffix=".mmdb")
    except OSError:  # nowhere to write: it costs memory instead
        return maxminddb.open_database(path, maxminddb.MODE_MEMORY)
    try:
        with os.fdopen(handle, "wb") as copy, path.open("rb") as file:
            shutil.copyfileobj(file, copy)
        return maxminddb.open_database(name)
    finally:
        with contextlib.suppress(OSError):
            os.unlink(name)


def _look_up(ip: str) -> Location:
    database = _geoip()
    if database is None:
        return NOWHERE
    try:
        record: object = database.get(ip)
    except (ValueError, maxminddb.InvalidDatabaseError):
        return NOWHERE  # an IPv6 address, and a database of IPv4 alone; or it is damaged
    return _read_record(record) if isinstance(record, Mapping) else NOWHERE


def _read_record(record: Mapping[str, object]) -> Location:
    """Of the shape that MaxMind's databases have, or of a flat one."""
    regions = record.get("subdivisions")
    region = regions[0] if isinstance(regions, list) and regions else record.get("region")
    for name in ("country", "registered_country", "country_code"):
        if code := _read_code(record.get(name)):
            region = region or record.get("state1")
            return Location(code, _read_name(region), _read_name(record.get("city")))
    return NOWHERE


def _read_code(country: object) -> str | None:
    code = country.get("iso_code") if isinstance(country, Mapping) else country
    is_code = isinstance(code, str) and len(code) == 2 and code.isascii() and code.isalpha()
    return code if is_code and isinstance(code, str) and code not in _NO_COUNTRIES else None


def _read_name(location: object) -> str | None:
    if isinstance(location, Mapping):
        names = location.get("names")
        location = (names.get("en") if isinstance(names, Mapping) else None) or location.get(
            "iso_code"
        )
    return location[:MAX_LOCATION_CHARS] if isinstance(location, str) and location else None


def _geoip() -> maxminddb.Reader | None:
    path = settings.GEOIP_PATH
    return _database(path).reader() if path else None


@cache
def _database(path: str) -> Database:
    return Database(path)
